import pytest

from scanner.model import Unread
from scanner.rule import NotApplicable
from scanner.rules.swarm.swarm_certificate_expiry import Parameters, check
from tests.recorded import host
from tests.scanner.rules.engine.hosts import PODMAN, fails, passes, seen
from tests.scanner.rules.swarm.hosts import MANAGER, WORKER, in_state, told

DAY = 24 * 3600
USUAL = Parameters()


def judged(seconds, parameters=USUAL):
    return seen(check, MANAGER, parameters, swarm=told(certificate_lifetime=seconds))


def test_the_swarms_own_90_days_pass():
    [shown] = seen(check, MANAGER, USUAL, swarm=told())
    assert shown.evidence[0].found == "2160 h"


def test_a_second_more_fails():
    assert fails(judged(90 * DAY + 1))
    assert passes(judged(90 * DAY))
    assert fails(judged(90 * DAY, Parameters(30)))
    assert passes(judged(365 * DAY, Parameters(365)))


def test_it_has_no_meaning_without_a_swarm_and_is_not_a_workers_business():
    for known in (host(), WORKER, PODMAN):
        with pytest.raises(NotApplicable):
            seen(check, known, USUAL)


def test_what_was_not_read_is_unknown():
    with pytest.raises(Unread, match="NodeCertExpiry"):
        seen(check, MANAGER, USUAL, swarm=told("certificate_lifetime"))
    with pytest.raises(Unread):
        judged(0)
    with pytest.raises(Unread):
        seen(check, in_state("error"), USUAL)
