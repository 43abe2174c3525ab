"""What the figures of groups and rules are at one moment: the one SQL under roll-ups and under the
points of today.

A moment is the end of a day, or now. Its parameters are `day`, `end` (the moment; what happened at
it belongs to the day after), and those of a scope.
"""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from portal.compliance import score
from portal.fleet.queries import EVERYTHING, Scope

COUNTS = ("passed", "failed", "excepted", "unknown")
SEVERITIES = ("low", "medium", "high", "critical")

IN_SCOPE = """
    (%(environment)s = '' OR g.environment = %(environment)s)
    AND (%(group)s = '' OR g.name = %(group)s)
    AND (%(owner)s = '' OR g.owner = %(owner)s)
"""
_SILENT = """
    SELECT host_id FROM compliance_silence
    WHERE since < %(end)s AND (until IS NULL OR until >= %(end)s)
"""
# Each host's last row of that day or before: one look into the index for each.
GROUPS = f"""
    SELECT h.group_id,
        %(day)s::date AS day,
        count(*) AS hosts,
        count(d.posture) AS scored,
        count(*) FILTER (WHERE h.id IN ({_SILENT})) AS silent,
        coalesce(sum(g.criticality) FILTER (WHERE d.posture IS NOT NULL), 0) AS weight,
        sum(d.posture * g.criticality)
            / nullif(sum(g.criticality) FILTER (WHERE d.posture IS NOT NULL), 0) AS posture,
        sum(d.accepted * g.criticality)
            / nullif(sum(g.criticality) FILTER (WHERE d.posture IS NOT NULL), 0) AS accepted,
        sum(d.coverage * g.criticality)
            / nullif(sum(g.criticality) FILTER (WHERE d.posture IS NOT NULL), 0) AS coverage,
        coalesce(max(d.formula), %(formula)s) AS formula,
        coalesce(sum(d.containers), 0) AS containers,
        count(*) FILTER (WHERE d.critical > 0) AS with_critical,
        {", ".join(f"coalesce(sum(d.{name}), 0) AS {name}" for name in (*SEVERITIES, *COUNTS))}
    FROM fleet_host h
    JOIN fleet_group g ON g.id = h.group_id
    LEFT JOIN LATERAL (
        SELECT * FROM compliance_hostday
        WHERE host_id = h.id AND day <= %(day)s ORDER BY day DESC LIMIT 1
    ) d ON true
    WHERE h.created_at < %(end)s AND {IN_SCOPE}
    GROUP BY h.group_id
"""  # noqa: S608 - made of constants only
# Of a silent host nobody knows how its units stand: they are unknown, whatever they were.
_RULES = f"""
    SELECT h.group_id,
        p.rule,
        %(day)s::date AS day,
        max(p.severity) AS severity,
        count(*) AS hosts,
        count(*) FILTER (WHERE p.failed > 0 AND s.host_id IS NULL) AS failing_hosts,
        coalesce(sum(p.passed) FILTER (WHERE s.host_id IS NULL), 0) AS passed,
        coalesce(sum(p.failed) FILTER (WHERE s.host_id IS NULL), 0) AS failed,
        coalesce(sum(p.excepted) FILTER (WHERE s.host_id IS NULL), 0) AS excepted,
        sum(CASE WHEN s.host_id IS NULL THEN p.unknown
            ELSE p.passed + p.failed + p.excepted + p.unknown END) AS unknown,
        sum(p.not_applicable) AS not_applicable
    FROM compliance_posture p
    JOIN fleet_host h ON h.id = p.host_id
    JOIN fleet_group g ON g.id = h.group_id
    LEFT JOIN (SELECT DISTINCT host_id FROM ({_SILENT}) silences) s ON s.host_id = p.host_id
    WHERE p.since < %(end)s AND {{holds}}
        AND (%(rule)s = '' OR p.rule = %(rule)s) AND {IN_SCOPE}
    GROUP BY h.group_id, p.rule
"""  # noqa: S608 - made of constants only
RULES = _RULES.format(holds="(p.until IS NULL OR p.until >= %(end)s)")
RULES_NOW = _RULES.format(holds="p.until IS NULL")
"""Of the moment that is now: the same, and it reads nothing of the past."""


def end_of(day: date) -> datetime:
    """The midnight, of UTC, at which it is over."""
    return start_of(day + timedelta(days=1))


def start_of(day: date) -> datetime:
    return datetime.combine(day, time(), tzinfo=UTC)


def today(now: datetime) -> date:
    """That of UTC, as all days of history are."""
    return now.astimezone(UTC).date()


def parameters(
    day: date, *, now: datetime | None = None, scope: Scope = EVERYTHING, rule: str = ""
) -> dict[str, Any]:
    """Of GROUPS and RULES, for the end of the day, or for `now` where that comes first."""
    end = end_of(day)
    return {
        "day": day,
        # A microsecond later, so that what was written at `now` itself is seen.
        "end": min(end, now + timedelta(microseconds=1)) if now else end,
        "formula": score.FORMULA,
        "rule": rule,
        **scope._asdict(),
    }
