"""What can happen to scans and findings."""

from portal.compliance.actions.assess import Lost, assess, store
from portal.compliance.actions.run import run_scan
from portal.compliance.actions.scans import (
    begin,
    claim_unpublished,
    fail,
    give_up,
    hand_over,
    queue_due_scans,
    reap_dead_scans,
    request_scan,
    request_scans,
)

__all__ = [
    "Lost",
    "assess",
    "begin",
    "claim_unpublished",
    "fail",
    "give_up",
    "hand_over",
    "queue_due_scans",
    "reap_dead_scans",
    "request_scan",
    "request_scans",
    "run_scan",
    "store",
]
