import pytest
from msgspec.structs import replace

from scanner.model import Unread
from scanner.rules.lifecycle.mutable_image_tag import Parameters, change, check
from tests.recorded import container, context, without

DIGEST = "sha256:" + 8 * "0123abcd"


def started_from(image):
    return replace(container("lifecycle_plain"), image=image)


@pytest.mark.parametrize(
    "image",
    ["redis", "redis:latest", "registry.example:5000/team/app", "localhost:5000/app:latest"],
)
def test_latest_and_no_tag_fail(image):
    [flaw] = check(started_from(image), context(), Parameters())
    assert flaw.evidence[0].found == image


@pytest.mark.parametrize(
    "image",
    [
        "redis:7.2.4",
        "registry.example:5000/team/app:1.0",
        f"redis@{DIGEST}",
        f"redis:latest@{DIGEST}",
        f"registry.example:5000/team/app@{DIGEST}",
    ],
)
def test_a_version_and_a_digest_pass(image):
    assert not list(check(started_from(image), context(), Parameters()))


def test_an_id_passes_in_every_length():
    image_id = container("lifecycle_plain").image_id
    for name in (image_id, image_id.removeprefix("sha256:"), image_id[7:19]):
        assert not list(check(started_from(name), context(), Parameters()))


def test_a_name_that_merely_looks_like_an_id_fails():
    assert list(check(started_from("cafe"), context(), Parameters()))


def test_the_policy_may_name_other_tags_that_move():
    edge = started_from("registry.example/app:edge")
    assert not list(check(edge, context(), Parameters()))
    assert list(check(edge, context(), Parameters(("latest", "edge"))))


def test_an_image_name_that_was_not_read_is_unknown():
    with pytest.raises(Unread):
        list(check(without(started_from("redis"), "image"), context(), Parameters()))


def test_the_change_pins_what_runs_now():
    assert not list(check(change(started_from("redis")), context(), Parameters()))
