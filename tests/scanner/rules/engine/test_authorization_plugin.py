import pytest
from msgspec.structs import replace

from scanner.model import Unread
from scanner.rule import NoParameters, NotApplicable
from scanner.rules.engine.authorization_plugin import check
from tests.recorded import host
from tests.scanner.rules.engine.hosts import PODMAN, fails, lacking, seen

NONE = NoParameters()


def test_none_fails_and_any_passes_with_its_name():
    assert fails(seen(check, host(), NONE))
    [shown] = seen(check, replace(host(), authorization_plugins=("opa",)), NONE)
    assert shown.evidence[0].found == ["opa"]


def test_what_was_not_read_is_unknown():
    with pytest.raises(Unread):
        seen(check, lacking("authorization_plugins"), NONE)


def test_podman_has_none():
    with pytest.raises(NotApplicable):
        seen(check, PODMAN, NONE)
