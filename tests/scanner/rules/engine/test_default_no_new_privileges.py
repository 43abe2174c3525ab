import pytest
from msgspec.structs import replace

from scanner.model import Unread
from scanner.rule import NoParameters, NotApplicable
from scanner.rules.engine.default_no_new_privileges import check
from tests.recorded import host
from tests.scanner.rules.engine.hosts import PODMAN, fails, lacking, machine, passes, seen

NONE = NoParameters()
OPTION = "no-new-privileges"


def test_an_engine_that_hides_it_is_unknown_without_the_machine():
    with pytest.raises(Unread, match="SSH"):
        seen(check, host(), NONE)


def test_the_machine_tells_of_an_engine_that_hides_it():
    assert fails(seen(check, host(), NONE, machine=machine()))
    assert fails(seen(check, host(), NONE, machine=machine(**{OPTION: False})))
    assert passes(seen(check, host(), NONE, machine=machine(**{OPTION: True})))
    assert passes(seen(check, host(), NONE, machine=machine(b'{"no-new-privileges": true}')))


def test_from_api_1_43_on_the_engine_tells():
    newer = replace(host(), api_version="1.43")
    assert fails(seen(check, newer, NONE))
    options = ("name=seccomp,profile=builtin", f"name={OPTION}")
    assert passes(seen(check, replace(newer, security_options=options), NONE))


@pytest.mark.parametrize("fact", ["security_options", "api_version"])
def test_what_was_not_read_is_unknown(fact):
    with pytest.raises(Unread):
        seen(check, lacking(fact), NONE, machine=machine(**{OPTION: True}))


def test_podman_has_no_daemon():
    with pytest.raises(NotApplicable):
        seen(check, PODMAN, NONE)
