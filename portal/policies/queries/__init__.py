"""What is known about policies and the rules that they set, without changing it."""

from portal.policies.queries.catalogue import catalogue
from portal.policies.queries.policies import (
    Applied,
    Assignment,
    assignment,
    bindings,
    latest,
    policies,
    policy,
    policy_for,
    settings_of,
    version,
    versions,
)

__all__ = [
    "Applied",
    "Assignment",
    "assignment",
    "bindings",
    "catalogue",
    "latest",
    "policies",
    "policy",
    "policy_for",
    "settings_of",
    "version",
    "versions",
]
