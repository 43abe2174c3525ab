"""Why a verdict changed, in words."""

from portal.compliance.models import Cause

_NAMED = {
    Cause.APPEARED: "the {subject} is new",
    Cause.RECREATED: "the container was recreated",
    Cause.IMAGE: "the container has another image",
    Cause.SETTINGS: "the container's settings changed",
    Cause.VANISHED: "the {subject} was removed",
    Cause.POLICY: "the policy changed",
    Cause.RULES: "the rules changed",
    Cause.COVERAGE: "more or less could be read",
}
_OF_OTHERS = {Cause.APPEARED: "New {subject}", Cause.VANISHED: "The {subject} was removed"}


def clause(cause: str, subject: str, policy: str = "", rule_set: str = "") -> str:
    """For the end of a sentence; "" where nothing is known but that it changed. `subject` is a kind
    of subjects, `policy` and `rule_set` are those that the scan judged by."""
    if cause == Cause.FLEET:
        return ""
    words = _NAMED[Cause(cause)].format(subject=subject)
    version = _version(cause, policy, rule_set)
    return f"{words} ({version})" if version else words


def label(cause: str, subject: str, policy: str = "", rule_set: str = "") -> str:
    """For a column of a table."""
    words = str(Cause(cause).label)
    if subject != "container" and cause in _OF_OTHERS:
        words = _OF_OTHERS[Cause(cause)].format(subject=subject)
    version = _version(cause, policy, rule_set)
    return f"{words}: {version}" if version else words


def _version(cause: str, policy: str, rule_set: str) -> str:
    """What judged from then on, where that is the cause."""
    if cause == Cause.RULES:
        return f"rule set {rule_set}" if rule_set else ""
    return policy if cause == Cause.POLICY else ""
