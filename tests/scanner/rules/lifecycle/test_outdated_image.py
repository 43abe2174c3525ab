import pytest
from msgspec.structs import replace

from scanner.model import Image, Unread
from scanner.rule import NoParameters, NotApplicable
from scanner.rules.lifecycle.outdated_image import check
from tests.recorded import container, context, without

NONE = NoParameters()
OTHER = "sha256:" + 8 * "0123abcd"


def started_from(image):
    return replace(container("lifecycle_plain"), image=image)


def test_a_tag_that_names_another_image_by_now_fails():
    old = started_from("redis:7")
    now = context(images=(Image(id=OTHER, tags=("redis:7",)), Image(id=old.image_id)))
    [flaw] = check(old, now, NONE)
    assert flaw.evidence[0].found == old.image_id
    assert OTHER in flaw.evidence[0].wanted


@pytest.mark.parametrize(
    ("image", "tag"),
    [
        ("redis", "redis:latest"),
        ("docker.io/library/redis:7", "redis:7"),
        ("redis:7", "docker.io/library/redis:7"),
        ("registry.example:5000/app", "registry.example:5000/app:latest"),
    ],
)
def test_a_tag_that_still_names_the_image_passes_however_it_is_written(image, tag):
    fresh = started_from(image)
    assert not list(check(fresh, context(images=(Image(id=fresh.image_id, tags=(tag,)),)), NONE))


def test_without_a_tag_it_has_no_meaning():
    for name in (f"redis@{OTHER}", container("lifecycle_plain").image_id):
        with pytest.raises(NotApplicable, match="digest or an id"):
            list(check(started_from(name), context(), NONE))


def test_a_tag_that_no_image_bears_any_more_has_no_meaning():
    with pytest.raises(NotApplicable, match="redis:7"):
        list(check(started_from("redis:7"), context(), NONE))


def test_images_that_were_not_listed_are_unknown():
    with pytest.raises(Unread, match="images"):
        list(check(started_from("redis:7"), context(images=None), NONE))


@pytest.mark.parametrize("fact", ["image", "image_id"])
def test_an_image_that_was_not_read_is_unknown(fact):
    lists = context(images=(Image(id=OTHER, tags=("redis:7",)),))
    with pytest.raises(Unread):
        list(check(without(started_from("redis:7"), fact), lists, NONE))
