import pytest
from msgspec.structs import replace

from scanner.model import Mount, Unread
from scanner.rule import NoParameters
from scanner.rules.resources.writable_root_filesystem import change, check
from tests.recorded import container, context, without

NONE = NoParameters()


def test_a_writable_root_fails_and_a_read_only_one_passes():
    [flaw] = check(container("resources_plain"), context(), NONE)
    assert flaw.evidence[0].found is False
    assert not list(check(container("read_only"), context(), NONE))


def test_what_was_not_read_is_unknown():
    with pytest.raises(Unread, match="ReadonlyRootfs"):
        list(check(without(container("read_only"), "read_only"), context(), NONE))


def test_the_change_passes_and_leaves_a_place_to_write():
    changed = change(container("resources_plain"))
    assert not list(check(changed, context(), NONE))
    assert changed.tmpfs == {"/tmp": ""}
    assert change(container("read_only")) == container("read_only")


def test_the_change_puts_nothing_over_a_mount():
    mount = Mount("volume", "", "/tmp", writable=True, volume="scratch")
    assert change(replace(container("resources_plain"), mounts=(mount,))).tmpfs == {}
