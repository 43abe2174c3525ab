import pytest
from msgspec.structs import replace

from scanner.model import Image, Unread
from scanner.rules.images.image_sprawl import Parameters, check
from tests.recorded import container, context, host, without

DEFAULT = Parameters()


def dangling(count):
    return tuple(Image(id=f"sha256:{number}", size=10) for number in range(count))


def test_more_than_the_limit_fails():
    [flaw] = check(host(), context(images=dangling(6)), DEFAULT)
    assert flaw.evidence[0].found == {"images": 6, "bytes": 60}


def test_as_many_as_the_limit_pass():
    assert not list(check(host(), context(images=dangling(5)), DEFAULT))
    assert list(check(host(), context(images=dangling(1)), Parameters(most=0)))


def test_what_runs_or_has_a_name_does_not_count():
    running = replace(container("lifecycle_plain"), image_id="sha256:0")
    by_digest = Image(id="sha256:7", digests=("app@sha256:0f1e",))
    listed = (*dangling(6), Image(id="sha256:8", tags=("app:1",)), by_digest)
    assert not list(check(host(), context(running, images=listed), DEFAULT))


def test_a_container_whose_image_is_not_known_makes_it_unknown():
    unclear = without(container("lifecycle_plain"), "image_id")
    with pytest.raises(Unread):
        list(check(host(), context(unclear, images=dangling(6)), DEFAULT))


def test_images_that_were_not_listed_are_unknown():
    with pytest.raises(Unread):
        list(check(host(), context(images=None), DEFAULT))
