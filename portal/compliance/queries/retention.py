"""What is kept of history, and for how long."""

from typing import NamedTuple

from portal.compliance.models import Retention

MOST_DAYS = 36_500


class Kind(NamedTuple):
    """A kind of history. `days` is how long it is kept where nobody chose another number, `least`
    the smallest number that may be chosen."""

    label: str
    days: int
    least: int
    why: str


KINDS = {
    "calls": Kind("Calls to engines", 30, 1, "Every call of each scan, as the host's page lists."),
    "scans": Kind("Scans", 90, 7, "When each host was read, and how that went."),
    "transitions": Kind(
        "Changes of findings", 400, 30, "What Changes and a finding's history show."
    ),
    "findings": Kind("Findings", 400, 30, "Those that are gone, with all results beside them."),
    "versions": Kind(
        "Configurations",
        400,
        30,
        "What containers and engines were set to before.",
    ),
    "posture": Kind("Counts by host and rule", 400, 30, "What a rule's days on each host show."),
    "silences": Kind("Times without a reading", 400, 30, "When hosts could not be read."),
    "host_days": Kind("Figures of hosts by day", 800, 30, "Why a score moved between two days."),
    "days": Kind("Figures of groups and rules by day", 1_825, 30, "What every trend shows."),
}


def kept() -> dict[str, int]:
    """For how many days, by kind."""
    chosen = dict(Retention.objects.values_list("kind", "days"))
    return {kind: chosen.get(kind, found.days) for kind, found in KINDS.items()}
