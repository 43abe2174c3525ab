"""What can happen to policies, and to custom rules."""

from portal.policies.actions.custom_rules import (
    RuleRefused,
    create_rule,
    read_rule,
    restore_rule,
    retire_rule,
    save_rule,
)
from portal.policies.actions.policies import (
    Draft,
    create_policy,
    ensure_default,
    import_policy,
    make_default,
    remove_policy,
    save_policy,
)

__all__ = [
    "Draft",
    "RuleRefused",
    "create_policy",
    "create_rule",
    "ensure_default",
    "import_policy",
    "make_default",
    "read_rule",
    "remove_policy",
    "restore_rule",
    "retire_rule",
    "save_policy",
    "save_rule",
]
