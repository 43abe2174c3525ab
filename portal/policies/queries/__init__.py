"""What is known about policies and the rules that they set, without changing it."""

from portal.policies.queries.catalogue import FAMILIES, catalogue, families, forget, held
from portal.policies.queries.custom_rules import (
    custom_rule,
    custom_rules,
    retired,
    rule_versions,
    states_of,
    trial,
)
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
    "FAMILIES",
    "Applied",
    "Assignment",
    "assignment",
    "bindings",
    "catalogue",
    "custom_rule",
    "custom_rules",
    "families",
    "forget",
    "held",
    "latest",
    "policies",
    "policy",
    "policy_for",
    "retired",
    "rule_versions",
    "settings_of",
    "states_of",
    "trial",
    "version",
    "versions",
]
