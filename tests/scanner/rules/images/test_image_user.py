import pytest
from msgspec import UNSET
from msgspec.structs import replace

from scanner.model import Unread
from scanner.rule import NoParameters, Shown
from scanner.rules.images.image_user import check
from tests.recorded import container, context, host, image

NONE = NoParameters()


@pytest.mark.parametrize("name", ["wrong", "wrong_old", "scratch"])
def test_no_user_fails(name):
    [flaw] = check(image(name), context(), NONE)
    assert flaw.evidence[0].found == ""


@pytest.mark.parametrize("user", ["0", "0:0", "0:1000", "root", "root:root", "+0", "00"])
def test_root_fails_in_any_spelling(user):
    [flaw] = check(image("right", user=user, uid=0), context(), NONE)
    assert flaw.evidence[0].found == user


def test_another_number_passes():
    [found] = check(image("right"), context(), NONE)
    assert isinstance(found, Shown)


def test_a_name_that_is_not_root_passes_by_name():
    [found] = check(image("unclear_old"), context(), NONE)
    assert isinstance(found, Shown)
    assert found.evidence[0].found == "app"


def test_a_name_that_a_container_shows_to_be_root_fails():
    known = image("unclear_old")
    running = replace(container("lifecycle_plain"), image_id=known.id, user="app", uid=0)
    [flaw] = check(known, context(running), NONE)
    assert flaw.evidence[0].found == {"name": "app", "uid": 0}
    for other in (
        replace(running, uid=1000),
        replace(running, user="toor"),
        replace(running, image_id="sha256:0f1e"),
    ):
        [found] = check(known, context(other), NONE)
        assert isinstance(found, Shown)


@pytest.mark.parametrize("option", ["name=userns", "name=rootless"])
def test_root_passes_where_the_engine_remaps_users(option):
    remapping = replace(host(), security_options=(option,))
    [found] = check(image("wrong"), context(host=remapping), NONE)
    assert isinstance(found, Shown)


def test_an_image_whose_configuration_was_not_read_is_unknown():
    with pytest.raises(Unread):
        list(check(image("right", user=UNSET, uid=UNSET), context(), NONE))
