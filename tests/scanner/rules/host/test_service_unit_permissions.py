import pytest
from msgspec.structs import replace

from scanner.model import Unread
from scanner.rule import NotApplicable, Severity
from scanner.rules.host.service_unit_permissions import RULE
from tests.recorded.machines import machine, rootless
from tests.scanner.rules.host.judging import flaws, judge, with_file

UNIT = "/usr/lib/systemd/system/docker.service"


def test_the_units_as_they_come_pass():
    [shown] = judge(RULE, "usual")
    assert [fact.fact for fact in shown.evidence] == [UNIT, UNIT.replace("service", "socket")]


@pytest.mark.parametrize("host", ["open", "open-busybox"])
def test_units_and_what_is_dropped_in_fail(host):
    found = flaws(RULE, host)
    assert set(found) == {
        UNIT,
        "/usr/lib/systemd/system/docker.socket",
        "/etc/systemd/system/docker.service.d/proxy.conf",
    }
    assert found["/usr/lib/systemd/system/docker.socket"].evidence[0].found == "mallory"
    assert found["/etc/systemd/system/docker.service.d/proxy.conf"].severity is None


def test_what_gives_no_more_than_reading_is_low():
    assert flaws(RULE, "open")[UNIT].severity is Severity.LOW


def test_a_link_is_judged_by_the_file_that_it_leads_to():
    """The link itself has mode 0777, as all links have; and the file is judged once."""
    assert machine("open").file("/etc/systemd/system/docker.service").real_path == UNIT
    assert list(flaws(RULE, "open")).count(UNIT) == 1


def test_the_unit_of_the_engine_that_was_asked_is_judged():
    known = machine("open")
    other = replace(known, found_daemon=replace(known.daemon, unit="docker-second.service"))
    with pytest.raises(Unread, match="not looked at"):
        flaws(RULE, other)


def test_without_units_it_does_not_apply():
    known = machine("usual")
    files = {p: None if "/systemd/" in p else file for p, file in known.files.items()}
    with pytest.raises(NotApplicable, match="no unit"):
        judge(RULE, replace(known, files=files))


def test_folders_out_of_sight_are_unknown():
    with pytest.raises(Unread, match="permission denied"):
        judge(RULE, "member-denied")


def test_a_rootless_engines_units_may_belong_to_its_user():
    known = rootless()
    unit = "/srv/engine/data/.config/systemd/user/docker.service"
    owned = with_file("usual", unit, uid=61000, owner="rootless", group="rootless").files[unit]
    assert not flaws(RULE, replace(known, files={**known.files, unit: owned}))
    strange = replace(owned, uid=1234, owner="")
    found = flaws(RULE, replace(known, files={**known.files, unit: strange}))
    assert found[unit].evidence[0].wanted == "the engine's user, uid 61000"
