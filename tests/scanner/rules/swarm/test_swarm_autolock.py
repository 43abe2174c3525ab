import pytest

from scanner.model import Unread
from scanner.rule import NoParameters, NotApplicable
from scanner.rules.swarm.swarm_autolock import check
from tests.recorded import host
from tests.scanner.rules.engine.hosts import PODMAN, fails, lacking, passes, seen
from tests.scanner.rules.swarm.hosts import MANAGER, WORKER, in_state, told

NONE = NoParameters()


def test_keys_without_a_lock_fail_and_with_one_pass():
    assert fails(seen(check, MANAGER, NONE, swarm=told()))
    assert seen(check, MANAGER, NONE, swarm=told(autolock=True)) == []


def test_a_manager_that_waits_for_its_key_is_locked():
    assert passes(seen(check, in_state("locked"), NONE))


def test_no_swarm_and_no_manager_have_no_keys():
    for known in (host(), WORKER, PODMAN):
        with pytest.raises(NotApplicable):
            seen(check, known, NONE)


def test_what_was_not_read_is_unknown():
    with pytest.raises(Unread, match="AutoLock"):
        seen(check, MANAGER, NONE, swarm=told("autolock"))
    with pytest.raises(Unread):
        seen(check, MANAGER, NONE)
    with pytest.raises(Unread):
        seen(check, lacking("swarm_state"), NONE, swarm=told(autolock=True))
