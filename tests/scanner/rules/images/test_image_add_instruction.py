import pytest
from msgspec import UNSET

from scanner import image_history
from scanner.model import Unread
from scanner.rule import NoParameters
from scanner.rules.images.image_add_instruction import check, rebuild
from tests.recorded import context, image

NONE = NoParameters()


def judged(*created_by):
    layers = tuple(map(image_history.layer, created_by))
    return check(image("right", history=layers), context(), NONE)


def names(*created_by):
    return [flaw.sub_object for flaw in judged(*created_by)]


def test_files_and_directories_fail_each_for_itself():
    found = [flaw.sub_object for flaw in check(image("wrong"), context(), NONE)]
    assert found == ["ADD app.conf /etc/app.conf", "ADD site /srv/site"]


def test_the_old_builder_tells_them_by_a_checksum_which_is_no_name():
    found = [flaw.sub_object for flaw in check(image("wrong_old"), context(), NONE)]
    assert found == ["ADD file in /etc/app.conf", "ADD dir in /srv/site"]


@pytest.mark.parametrize("name", ["right", "right_old"])
def test_copy_and_archives_pass(name):
    assert not list(check(image(name), context(), NONE))


@pytest.mark.parametrize("name", ["scratch", "scratch_old"])
def test_the_file_system_that_all_stands_on_passes(name):
    assert not list(check(image(name), context(), NONE))


def test_only_the_first_of_the_file_systems_is_that():
    base = "/bin/sh -c #(nop) ADD file:0f1e in / "
    assert names("ENV A=b", "ADD rootfs / # buildkit") == []
    assert names("ADD rootfs / # buildkit", "ADD more / # buildkit") == ["ADD more /"]
    assert names("RUN make", "ADD rootfs / # buildkit") == ["ADD rootfs /"]
    assert names(base, "/bin/sh -c #(nop) ADD dir:0f1e in / ") == ["ADD dir in /"]
    with pytest.raises(Unread):
        names(base, "/bin/sh -c #(nop) ADD file:2d3c in / ")


@pytest.mark.parametrize(
    "created_by",
    [
        "ADD https://example.com/app.conf /etc/ # buildkit",
        "ADD --checksum=sha256:0f1e https://example.com/app /usr/bin/ # buildkit",
        "ADD git@example.com:shop/web.git /src # buildkit",
        "ADD https://example.com/shop/web.git#v1 /src # buildkit",
        "ADD data.tar.gz more.TXZ /srv/ # buildkit",
        "ADD *.tar.zst /srv/ # buildkit",
        "ENV LISTEN_ADDR=0.0.0.0 ADD=1",
        "/bin/sh -c #(nop)  ENV LISTEN_ADDR=ADD x",
        "RUN /bin/sh -c ADD x /y # buildkit",
        "/bin/sh -c echo #(nop) ADD x in /y",
        "LABEL usage=ADD x /y",
        'CMD ["ADD" "x"]',
        "ADDRESS x /y",
        "COPY ADD /srv # buildkit",
    ],
)
def test_what_copy_cannot_do_and_what_is_no_add_passes(created_by):
    assert names(created_by) == []


@pytest.mark.parametrize(
    "created_by",
    [
        "ADD . /srv # buildkit",
        "ADD --chown=1000:1000 app.conf /srv/ # buildkit",
        "ADD data.tar.gz app.conf /srv/ # buildkit",
        "ADD <<EOF /srv/app.conf # buildkit",
        "ADD tar /srv # buildkit",
        "ADD app.conf /srv",
        "/bin/bash -o pipefail -c #(nop) ADD file:0f1e in /etc/app.conf ",
    ],
)
def test_what_copy_can_do_fails(created_by):
    [name] = names(created_by)
    assert name.startswith("ADD ")


@pytest.mark.parametrize("name", ["unclear_old"])
def test_what_the_old_builder_may_have_unpacked_is_unknown(name):
    with pytest.raises(Unread, match="archive"):
        list(check(image(name), context(), NONE))


def test_truncated_text_is_never_judged():
    with pytest.raises(Unread):
        list(judged("ADD app.conf /etc/app…"))
    with pytest.raises(Unread):
        list(judged("ADD " + "app.conf " * image_history.LIMIT))


def test_the_same_twice_is_one_flaw_and_an_unclear_one_does_not_hide_it():
    found = judged("ADD a /b", "/bin/sh -c #(nop) ADD multi:0f1e in /c/ ", "ADD a /b")
    assert next(found).sub_object == "ADD a /b"
    with pytest.raises(Unread):
        next(found)


def test_no_history_is_unknown():
    with pytest.raises(Unread):
        list(check(image("right", history=UNSET), context(), NONE))


def test_the_fix_is_copy():
    assert list(rebuild(image("wrong"))) == [
        "-ADD app.conf /etc/app.conf",
        "+COPY app.conf /etc/app.conf",
        "-ADD site /srv/site",
        "+COPY site /srv/site",
    ]
    assert "+COPY ... /etc/app.conf" in list(rebuild(image("wrong_old")))
