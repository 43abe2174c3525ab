import pytest

from scanner.model import Unread
from scanner.rule import NoParameters, NotApplicable
from scanner.rules.engine.iptables import check
from tests.recorded import host
from tests.scanner.rules.engine.hosts import FILE, PODMAN, fails, machine, passes, seen

NONE = NoParameters()


def test_only_the_machine_tells():
    with pytest.raises(Unread, match="SSH"):
        seen(check, host(), NONE)


def test_the_default_and_true_pass():
    assert passes(seen(check, host(), NONE, machine=machine()))
    assert passes(seen(check, host(), NONE, machine=machine(b'{"iptables": true}')))


def test_false_fails_in_the_file_and_as_a_flag():
    [flaw] = seen(check, host(), NONE, machine=machine(b'{"iptables": false}'))
    assert flaw.evidence[0].fact == f"{FILE}: iptables"
    assert fails(seen(check, host(), NONE, machine=machine(iptables=False)))


def test_a_value_of_the_wrong_type_is_no_pass():
    assert fails(seen(check, host(), NONE, machine=machine(b'{"iptables": "no"}')))


def test_podman_has_no_such_setting():
    with pytest.raises(NotApplicable):
        seen(check, PODMAN, NONE, machine=machine())
