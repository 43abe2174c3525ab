import pytest
from msgspec.structs import replace

from scanner.model import Unread
from scanner.rule import NotApplicable, Severity
from scanner.rules.host.certificate_permissions import RULE
from tests.recorded import context, host
from tests.recorded.machines import machine
from tests.scanner.rules.host.judging import denied, flaws, judge, with_file

REGISTRY = "/etc/docker/certs.d/registry:5000"
KEY = "/srv/engine/tls/server-key.pem"


@pytest.mark.parametrize("host", ["open", "open-busybox"])
def test_certificates_of_registries_fail_by_what_they_grant(host):
    found = flaws(RULE, host)
    assert set(found) == {f"{REGISTRY}/ca.crt", f"{REGISTRY}/client.key"}
    assert found[f"{REGISTRY}/ca.crt"].severity is None


def test_what_is_no_certificate_is_not_judged():
    assert machine("open").file(f"{REGISTRY}/README") is not None
    assert f"{REGISTRY}/README" not in flaws(RULE, "open")


def test_a_key_that_others_may_read_is_worse_than_a_certificate_that_its_owner_may_write():
    found = flaws(RULE, "tls")
    assert found[KEY].severity is None
    assert found["/srv/engine/tls/ca.pem"].severity is Severity.LOW


def test_a_key_that_root_alone_may_write_to_is_low():
    assert flaws(RULE, with_file("tls", KEY, mode=0o600))[KEY].severity is Severity.LOW
    assert KEY not in flaws(RULE, with_file("tls", KEY, mode=0o400))


def test_modes_are_the_policys():
    assert set(flaws(RULE, "tls", certificate_mode="0644")) == {KEY}


def test_the_usual_places_hold_where_the_flags_name_none():
    key = "/root/.docker/key.pem"
    known = with_file("tls", key, mode=0o644)
    flags = {n: v for n, v in known.daemon.flags.items() if n not in {"tlscacert", "tlskey"}}
    usual = replace(known, found_daemon=replace(known.daemon, flags=flags))
    assert key in flaws(RULE, usual)


def test_a_certificate_that_serves_for_both_is_judged_once():
    ca = "/srv/engine/tls/ca.pem"
    link = with_file("tls", "/etc/docker/certs.d/r/ca.crt", real_path=ca)
    assert list(flaws(RULE, link)).count(ca) == 1


def test_odd_names_are_judged_and_written_so_that_they_can_be_read():
    checking = RULE.check(*_on("odd"))
    names = {next(checking).sub_object for _ in range(3)}
    assert names == {
        "/etc/docker/certs.d/a b'c\"d/ca.crt",
        "/etc/docker/certs.d/a b'c\"d/\\xff.crt",
        "/etc/docker/certs.d/x\\ny/ca.crt",
    }
    with pytest.raises(Unread, match="could not be read"):
        list(checking)


def _on(name):
    return host(), context(machine=machine(name)), RULE.parameters()


def test_an_engine_without_any_is_not_judged():
    with pytest.raises(NotApplicable, match="no TLS"):
        judge(RULE, "usual")


def test_a_folder_out_of_sight_is_unknown():
    with pytest.raises(Unread, match=r"certs\.d"):
        judge(RULE, denied("usual", "/etc/docker/certs.d/*/*"))
