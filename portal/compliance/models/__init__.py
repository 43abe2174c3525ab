"""Scans, results, findings, and the counts that scores are made of, now and over time."""

from portal.compliance.models.days import (
    FillState,
    GroupDay,
    HostDay,
    Retention,
    RuleDay,
    RuleSet,
    Statistic,
    TableSize,
)
from portal.compliance.models.posture import Posture, Standing, Tally
from portal.compliance.models.results import (
    Cause,
    Change,
    Result,
    Severity,
    ShadowResult,
    State,
    Transition,
    Verdict,
    state_of,
)
from portal.compliance.models.scans import Lane, Scan, ScanKind, ScanState, Silence

__all__ = [
    "Cause",
    "Change",
    "FillState",
    "GroupDay",
    "HostDay",
    "Lane",
    "Posture",
    "Result",
    "Retention",
    "RuleDay",
    "RuleSet",
    "Scan",
    "ScanKind",
    "ScanState",
    "Severity",
    "ShadowResult",
    "Silence",
    "Standing",
    "State",
    "Statistic",
    "TableSize",
    "Tally",
    "Transition",
    "Verdict",
    "state_of",
]
