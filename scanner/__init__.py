"""Looks at a Docker engine and judges what it sees. Knows no framework, and not the portal.

What the portal uses of it is named here.
"""

from scanner.collect import collect
from scanner.engine import Engine, EngineError, canonical
from scanner.evaluate import evaluate
from scanner.model import Container, Gap, Host, PartialContainer, Snapshot, Unread
from scanner.probe import Probe, probe
from scanner.remedy import advice
from scanner.rule import Policy, Result, Rule, Severity, Verdict
from scanner.rules import BY_SLUG, RULES

__all__ = [
    "BY_SLUG",
    "RULES",
    "Container",
    "Engine",
    "EngineError",
    "Gap",
    "Host",
    "PartialContainer",
    "Policy",
    "Probe",
    "Result",
    "Rule",
    "Severity",
    "Snapshot",
    "Unread",
    "Verdict",
    "advice",
    "canonical",
    "collect",
    "evaluate",
    "probe",
]
