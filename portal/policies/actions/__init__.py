"""What can happen to policies."""

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
    "create_policy",
    "ensure_default",
    "import_policy",
    "make_default",
    "remove_policy",
    "save_policy",
]
