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
    version = _version(cause, policy, rule_set)
    return f"{_NAMED[Cause(cause)]} ({version})" if version else _NAMED[Cause(cause)]


def label(cause: str, policy: str = "", rule_set: str = "") -> str:
    """For a column of a table."""
    version = _version(cause, policy, rule_set)
    return f"{Cause(cause).label}: {version}" if version else str(Cause(cause).label)


def _version(cause: str, policy: str, rule_set: str) -> str:
    """What judged from then on, where that is the cause."""
    if cause == Cause.RULES:
        return f"rule set {rule_set}" if rule_set else ""
    return policy if cause == Cause.POLICY else ""
