"""Looks at a Docker engine and judges what it sees. Knows no framework, and not the portal.

What the portal uses of it is named here.
"""

from scanner.collect import collect
from scanner.engine import Engine
from scanner.errors import EngineError, SshKeyError
from scanner.evaluate import evaluate
from scanner.ledger import Call
from scanner.model import Container, Gap, Host, PartialContainer, Snapshot, Unread
from scanner.probe import Power, Probe, Step, probe
from scanner.remedy import advice
from scanner.rule import Policy, Result, Rule, Severity, Verdict
from scanner.rules import BY_SLUG, RULES
from scanner.transport.address import canonical
from scanner.transport.credentials import Credentials, Ssh, Tls

__all__ = [
    "BY_SLUG",
    "RULES",
    "Call",
    "Container",
    "Credentials",
    "Engine",
    "EngineError",
    "Gap",
    "Host",
    "PartialContainer",
    "Policy",
    "Power",
    "Probe",
    "Result",
    "Rule",
    "Severity",
    "Snapshot",
    "Ssh",
    "SshKeyError",
    "Step",
    "Tls",
    "Unread",
    "Verdict",
    "advice",
    "canonical",
    "collect",
    "evaluate",
    "probe",
]
