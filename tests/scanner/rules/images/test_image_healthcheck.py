import pytest
from msgspec import UNSET

from scanner.model import Healthcheck, Unread
from scanner.rule import NoParameters
from scanner.rules.images.image_healthcheck import check
from tests.recorded import context, image

NONE = NoParameters()


def test_no_health_check_fails():
    [flaw] = check(image("scratch"), context(), NONE)
    assert flaw.evidence[0].found is None


@pytest.mark.parametrize("name", ["wrong", "wrong_old"])
def test_none_is_no_health_check(name):
    [flaw] = check(image(name), context(), NONE)
    assert flaw.evidence[0].found == ["NONE"]


def test_what_the_engine_does_not_run_is_no_health_check():
    [flaw] = check(image("right", healthcheck=Healthcheck(())), context(), NONE)
    assert flaw.evidence[0].found == []


def test_podman_does_not_tell_an_images_health_check():
    assert not list(check(image("app", "28.5"), context(), NONE))
    with pytest.raises(Unread, match="Podman"):
        list(check(image("app", "podman-4.3"), context(), NONE))


@pytest.mark.parametrize("name", ["right", "right_old"])
def test_a_command_passes(name):
    assert not list(check(image(name), context(), NONE))


def test_what_was_not_read_is_unknown():
    with pytest.raises(Unread):
        list(check(image("right", healthcheck=UNSET), context(), NONE))
