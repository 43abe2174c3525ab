"""What a policy makes of the rules, and what a rule's fault makes of the verdict."""

from msgspec.structs import replace

from scanner import BY_SLUG, Policy, Severity, Verdict, evaluate
from scanner.model import Snapshot
from tests.recorded import container, host

CAPABILITIES = BY_SLUG["added-capabilities"]
SNAPSHOT = Snapshot(host=host(), containers=(container("privileged"),), images=())


def judged(policy: Policy, slug: str) -> list[tuple[Verdict, Severity]]:
    results = evaluate(SNAPSHOT, policy)
    return [(found.verdict, found.severity) for found in results if found.rule == slug]


def test_a_rule_that_is_off_says_nothing():
    assert judged(Policy(off=frozenset({"privileged"})), "privileged") == []
    assert judged(Policy(), "privileged") == [(Verdict.FAIL, Severity.CRITICAL)]


def test_a_rule_in_shadow_is_judged_all_the_same():
    shadowed = evaluate(SNAPSHOT, Policy(shadow=frozenset({"privileged"})))
    assert shadowed == evaluate(SNAPSHOT)


def test_the_policys_severity_is_that_of_every_result():
    assert judged(Policy(severities={"privileged": Severity.LOW}), "privileged") == [
        (Verdict.FAIL, Severity.LOW)
    ]


def test_it_goes_before_what_the_rule_itself_distinguishes():
    adds = replace(container("privileged"), privileged=False, cap_add=("SYS_ADMIN", "LEASE"))
    snapshot = replace(SNAPSHOT, containers=(adds,))
    own = {found.severity for found in evaluate(snapshot, rules=[CAPABILITIES])}
    assert len(own) == 2
    policy = Policy(severities={CAPABILITIES.slug: Severity.LOW})
    assert {found.severity for found in evaluate(snapshot, policy, [CAPABILITIES])} == {
        Severity.LOW
    }


def test_a_parameter_that_cannot_be_is_unknown_and_never_a_pass():
    policy = Policy(parameters={"memory-limit": {"maximum_mib": "plenty"}})
    [found] = evaluate(SNAPSHOT, policy, [BY_SLUG["memory-limit"]])
    assert found.verdict is Verdict.UNKNOWN
    assert "maximum_mib" in found.reason
