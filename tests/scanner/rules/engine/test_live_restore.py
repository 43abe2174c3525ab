import pytest
from msgspec.structs import replace

from scanner.model import Unread
from scanner.rule import NoParameters, NotApplicable
from scanner.rules.engine.live_restore import check
from tests.recorded import host
from tests.scanner.rules.engine.hosts import PODMAN, lacking, seen

NONE = NoParameters()


def test_the_engine_as_it_comes_fails():
    [flaw] = seen(check, host(), NONE)
    assert flaw.evidence[0].found is False


def test_live_restore_passes_in_swarm_mode_too():
    on = replace(host(), live_restore=True)
    assert seen(check, on, NONE) == []
    assert seen(check, replace(on, swarm_state="active"), NONE) == []


@pytest.mark.parametrize("state", ["active", "pending", "error", "locked"])
def test_swarm_mode_does_not_allow_it(state):
    with pytest.raises(NotApplicable, match="swarm"):
        seen(check, replace(host(), swarm_state=state), NONE)


@pytest.mark.parametrize("fact", ["live_restore", "swarm_state"])
def test_what_was_not_read_is_unknown(fact):
    with pytest.raises(Unread):
        seen(check, lacking(fact), NONE)


def test_podman_has_no_daemon():
    with pytest.raises(NotApplicable, match="no daemon"):
        seen(check, PODMAN, NONE)
