"""What can happen to scans and findings."""

from portal.compliance.actions.assess import Lost, assess, store
from portal.compliance.actions.cancel import cancel_scan
from portal.compliance.actions.counts import recount_due
from portal.compliance.actions.days import roll_up_days
from portal.compliance.actions.retention import forget_old, set_retention
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
from portal.compliance.actions.silence import note_overdue
from portal.compliance.actions.sizes import remember_sizes

__all__ = [
    "Lost",
    "assess",
    "begin",
    "cancel_scan",
    "claim_unpublished",
    "fail",
    "forget_old",
    "give_up",
    "hand_over",
    "note_overdue",
    "queue_due_scans",
    "reap_dead_scans",
    "recount_due",
    "remember_sizes",
    "request_scan",
    "request_scans",
    "roll_up_days",
    "run_scan",
    "set_retention",
    "store",
]
