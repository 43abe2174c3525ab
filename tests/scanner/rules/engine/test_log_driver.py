import pytest
from msgspec.structs import replace

from scanner.model import Unread
from scanner.rules.engine.log_driver import Parameters, check
from tests.recorded import host
from tests.scanner.rules.engine.hosts import fails, lacking, passes, seen


def judged(driver, parameters=None):
    return seen(check, replace(host(), logging_driver=driver), parameters or Parameters())


@pytest.mark.parametrize("driver", ["json-file", "local", "none", "k8s-file"])
def test_logs_that_stay_on_the_host_fail(driver):
    assert fails(judged(driver))


@pytest.mark.parametrize("driver", ["syslog", "journald", "fluentd", "acme/collector:latest"])
def test_logs_that_are_sent_on_pass_and_the_driver_is_shown(driver):
    [shown] = judged(driver)
    assert shown.evidence[0].found == driver


def test_the_policy_may_accept_files_that_an_agent_collects():
    assert passes(judged("json-file", Parameters(("none",))))


def test_an_engine_that_does_not_say_is_unknown():
    with pytest.raises(Unread):
        seen(check, lacking("logging_driver"), Parameters())
    with pytest.raises(Unread, match="no name"):
        judged("")
