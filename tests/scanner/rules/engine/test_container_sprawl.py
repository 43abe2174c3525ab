import pytest
from msgspec.structs import replace

from scanner.model import Unread
from scanner.rules.engine.container_sprawl import Parameters, check
from tests.recorded import container, host, without
from tests.scanner.rules.engine.hosts import passes, seen

PLAIN = container("isolation_plain")


def many(count, status="exited"):
    return [replace(PLAIN, id=f"{n:064x}", name=f"old-{n:02}", status=status) for n in range(count)]


def test_ten_stopped_containers_pass_and_eleven_fail():
    assert passes(seen(check, host(), Parameters(), *many(10)))
    [flaw] = seen(check, host(), Parameters(), *many(11))
    assert flaw.evidence[0].found == 11
    assert flaw.evidence[1].found[0] == "old-00"


def test_the_names_are_bounded():
    [flaw] = seen(check, host(), Parameters(), *many(500))
    assert len(flaw.evidence[1].found) == 20


@pytest.mark.parametrize("status", ["running", "paused", "restarting", "removing"])
def test_what_runs_or_is_being_removed_does_not_count(status):
    assert passes(seen(check, host(), Parameters(0), *many(3, status)))


def test_created_and_dead_ones_count():
    assert not passes(seen(check, host(), Parameters(1), *many(1), *many(1, "created")))
    assert not passes(seen(check, host(), Parameters(0), *many(1, "dead")))


def test_containers_that_were_not_read_may_be_what_is_too_much():
    hidden = without(PLAIN, "status")
    with pytest.raises(Unread, match="Status"):
        seen(check, host(), Parameters(), *many(10), hidden)
    assert not passes(seen(check, host(), Parameters(), *many(11), hidden))
