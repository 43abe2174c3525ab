"""Why a verdict changed, in words."""

from portal.compliance.models import Cause

_NAMED = {
    Cause.APPEARED: "the container is new",
    Cause.RECREATED: "the container was recreated",
    Cause.IMAGE: "the container has another image",
    Cause.SETTINGS: "the container's settings changed",
    Cause.VANISHED: "the container was removed",
    Cause.POLICY: "the policy changed",
    Cause.RULES: "the rules changed",
    Cause.COVERAGE: "more or less could be read",
}


def clause(cause: str, policy: str = "", rule_set: str = "") -> str:
    """For the end of a sentence; "" where nothing is known but that it changed. `policy` and
    `rule_set` are those that the scan judged by."""
    if cause == Cause.FLEET:
        return ""
    return _with_version(_NAMED[Cause(cause)], cause, policy, rule_set)


def label(cause: str, policy: str = "", rule_set: str = "") -> str:
    """For a column of a table."""
    return _with_version(str(Cause(cause).label), cause, policy, rule_set)


def _with_version(words: str, cause: str, policy: str, rule_set: str) -> str:
    if cause == Cause.POLICY and policy:
        return f"{words}: {policy}"
    if cause == Cause.RULES and rule_set:
        return f"{words}: rule set {rule_set}"
    return words
