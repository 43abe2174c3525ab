import pytest

from scanner.model import Unread
from scanner.rule import NotApplicable
from scanner.rules.engine.default_ulimits import Parameters, check
from tests.recorded import container, host, without
from tests.scanner.rules.engine.hosts import FILE, PODMAN, machine, seen

USUAL = Parameters()
BOTH = b'{"default-ulimits": {"nofile": {"Hard": 9, "Soft": 9}, "nproc": {"Hard": 9, "Soft": 9}}}'


def objects(*containers, parameters=USUAL, **more):
    return [flaw.sub_object for flaw in seen(check, host(), parameters, *containers, **more)]


def test_a_container_without_a_limit_proves_that_the_daemon_gives_none():
    plain = container("isolation_plain")
    assert objects(plain) == ["nofile", "nproc"]
    [flaw, _] = seen(check, host(), USUAL, plain)
    assert flaw.evidence[0].fact == "HostConfig.Ulimits of containers"


def test_the_evidence_is_the_same_whichever_container_shows_it():
    first, second = container("isolation_plain"), container("lifecycle_plain")
    assert seen(check, host(), USUAL, first, second) == seen(check, host(), USUAL, second)


def test_containers_with_limits_prove_nothing():
    both = container("ulimits_both")
    with pytest.raises(Unread, match="SSH"):
        objects(both)
    assert objects(both, machine=machine(BOTH)) == []
    assert objects(both, machine=machine()) == ["nofile", "nproc"]


def test_containers_that_could_not_be_read_prove_nothing():
    with pytest.raises(Unread, match="SSH"):
        objects(without(container("isolation_plain"), "ulimits"))


def test_each_limit_is_judged_by_what_tells_of_it():
    one = container("ulimits_one")
    [limit] = one.ulimits
    other = ({"nofile", "nproc"} - {limit.name}).pop()
    found = seen(check, host(), USUAL, one, machine=machine(b'{"default-ulimits": {}}'))
    facts = {flaw.sub_object: flaw.evidence[0].fact for flaw in found}
    assert facts[other] == "HostConfig.Ulimits of containers"
    assert facts[limit.name] == f"{FILE}: default-ulimits"


def test_the_command_line_tells_too_and_the_policy_may_ask_for_others():
    flags = machine(**{"default-ulimits": ("nofile=1024:2048", "core=0:0")})
    assert objects(machine=flags) == ["nproc"]
    assert objects(machine=flags, parameters=Parameters(("core",))) == []
    assert objects(parameters=Parameters(())) == []


def test_podman_has_no_daemon():
    with pytest.raises(NotApplicable):
        seen(check, PODMAN, USUAL, container("isolation_plain"))
