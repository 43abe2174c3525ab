import pytest
from msgspec.structs import replace

from scanner.model import Image, Unread
from scanner.rules.images.image_unused import Parameters, check
from tests.recorded import container, context, host, image, without

DEFAULT = Parameters()


def images(count, **values):
    return tuple(
        Image(id=f"sha256:{number}", **{"tags": (f"app:{number:02}",), **values})
        for number in range(count)
    )


def test_more_than_the_limit_fails_and_names_the_first_of_them():
    [flaw] = check(host(), context(images=images(11)), DEFAULT)
    found = flaw.evidence[0].found
    assert found["images"] == 11
    assert found["among them"] == [f"app:{number:02}" for number in range(10)]


def test_as_many_as_the_limit_pass():
    assert not list(check(host(), context(images=images(10)), DEFAULT))
    assert list(check(host(), context(images=images(1)), Parameters(most=0)))


def test_used_ones_and_those_without_a_name_do_not_count():
    used = image("right")
    running = replace(container("lifecycle_plain"), image_id=used.id)
    listed = (*images(10), used, Image(id="sha256:0f1e"))
    assert not list(check(host(), context(running, images=listed), DEFAULT))


def test_a_container_whose_image_is_not_known_makes_it_unknown():
    unclear = without(container("lifecycle_plain"), "image_id")
    with pytest.raises(Unread):
        list(check(host(), context(unclear, images=images(11)), DEFAULT))


def test_images_that_were_not_listed_are_unknown():
    with pytest.raises(Unread):
        list(check(host(), context(images=None), DEFAULT))
