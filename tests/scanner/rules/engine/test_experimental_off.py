import pytest
from msgspec.structs import replace

from scanner.model import Unread
from scanner.rule import NoParameters, NotApplicable
from scanner.rules.engine.experimental_off import check
from tests.recorded import host
from tests.scanner.rules.engine.hosts import PODMAN, fails, lacking, seen

NONE = NoParameters()


def test_off_passes_and_on_fails():
    assert seen(check, host(), NONE) == []
    assert fails(seen(check, replace(host(), experimental=True), NONE))


def test_what_was_not_read_is_unknown():
    with pytest.raises(Unread):
        seen(check, lacking("experimental"), NONE)


def test_podman_says_yes_always():
    with pytest.raises(NotApplicable):
        seen(check, replace(PODMAN, experimental=True), NONE)
