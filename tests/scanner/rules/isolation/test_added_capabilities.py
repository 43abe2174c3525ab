import json

import pytest

from scanner import parse
from scanner.model import Unread
from scanner.rule import Severity
from scanner.rules.isolation.added_capabilities import Parameters, change, check
from tests.recorded import answer, container, context, without

DEFAULTS = Parameters()


def judged(name, parameters=DEFAULTS):
    found = check(container(name), context(), parameters)
    return {flaw.sub_object: flaw.severity for flaw in found}


def test_a_dangerous_capability_is_critical():
    assert judged("cap_add_bare") == {"SYS_ADMIN": Severity.CRITICAL}


def test_prefix_and_case_do_not_matter():
    assert judged("cap_add_prefixed") == {"NET_ADMIN": Severity.CRITICAL, "IPC_LOCK": None}
    assert judged("cap_add_lower") == {"SYS_MODULE": Severity.CRITICAL}


def test_what_another_engine_keeps_as_it_was_sent_is_understood():
    raw = answer("cap_add_bare")
    raw["HostConfig"]["CapAdd"] = ["sys_time", "cap_syslog", "Cap_Chown"]
    found = check(parse.container(json.dumps(raw).encode()), context(), DEFAULTS)
    assert [flaw.sub_object for flaw in found] == ["SYSLOG", "SYS_TIME"]


def test_all_is_critical():
    assert judged("cap_add_all") == {"ALL": Severity.CRITICAL}


@pytest.mark.parametrize("name", ["isolation_plain", "cap_drop_all_add_one", "privileged"])
def test_nothing_or_a_default_passes(name):
    assert judged(name) == {}


def test_the_policy_may_allow_more_or_nothing():
    assert judged("cap_add_bare", Parameters(allowed=("cap_sys_admin",))) == {}
    assert judged("cap_drop_all_add_one", Parameters(allowed=())) == {"NET_BIND_SERVICE": None}


def test_what_was_not_read_is_unknown():
    with pytest.raises(Unread, match="CapAdd"):
        list(check(without(container("cap_add_all"), "cap_add"), context(), DEFAULTS))


def test_the_change_takes_only_these_away():
    assert change(container("cap_add_lower")).cap_add == ("CHOWN",)
    assert not list(check(change(container("cap_add_all")), context(), DEFAULTS))
