import pytest
from msgspec.structs import replace

from scanner.model import Unread
from scanner.rule import NotApplicable
from scanner.rules.host.configuration_in_force import RULE
from tests.recorded.machines import machine
from tests.scanner.rules.host.judging import flaws, judge

PATH = "/etc/docker/daemon.json"


def test_a_file_that_the_daemon_started_with_passes():
    assert judge(RULE, "usual") == []
    assert judge(RULE, "settings") == []


def test_a_file_that_was_changed_since_fails_with_the_date():
    [fact] = flaws(RULE, "settings-changed")[PATH].evidence
    assert fact.fact == f"{PATH}: changed"
    assert fact.found == machine("settings-changed").file(PATH).changed_at
    assert fact.found.endswith("+00:00")


def test_a_file_that_is_no_json_fails_though_it_cannot_be_read():
    [fact] = flaws(RULE, "settings-broken")[PATH].evidence
    assert fact.found == "it is no valid JSON"


def test_what_a_flag_says_too_keeps_the_engine_from_starting():
    known = machine("settings")
    flags = {**known.daemon.flags, "icc": True}
    both = replace(known, found_daemon=replace(known.daemon, flags=flags))
    assert list(flaws(RULE, both)) == ["icc"]


def test_an_engine_without_a_file_is_not_judged():
    known = machine("usual")
    with pytest.raises(NotApplicable, match="no configuration file"):
        judge(RULE, replace(known, files={**known.files, PATH: None}))


@pytest.mark.parametrize("host", ["member-denied", "odd"])
def test_a_file_that_cannot_be_read_is_unknown(host):
    with pytest.raises(Unread, match=r"daemon\.json"):
        judge(RULE, host)
