"""Who may do what: one table, asked by every action and by every page that shows a control."""

import enum

from portal.accounts.models import Role, User
from portal.core.errors import NotAllowed


class Right(enum.Enum):
    """What not everybody who is signed in may do. Reading the fleet needs no right."""

    START_SCAN = "start scans"
    MANAGE_HOSTS = "register, change or remove hosts"
    MANAGE_SCHEDULES = "change schedules"
    MANAGE_POLICIES = "change policies and custom rules"
    MANAGE_RETENTION = "change how long history is kept"
    SEE_HEALTH = "see the health of the system"


ROLES = {
    Right.START_SCAN: {Role.ENGINEER, Role.OPERATOR, Role.APPROVER, Role.ADMIN},
    Right.MANAGE_HOSTS: {Role.OPERATOR, Role.ADMIN},
    Right.MANAGE_SCHEDULES: {Role.OPERATOR, Role.ADMIN},
    Right.MANAGE_POLICIES: {Role.ADMIN},
    Right.MANAGE_RETENTION: {Role.ADMIN},
    Right.SEE_HEALTH: {Role.OPERATOR, Role.AUDITOR, Role.ADMIN},
}


def may(person: User, right: Right) -> bool:
    return person.is_active and not ROLES[right].isdisjoint(person.roles)


def reason(person: User, right: Right) -> str:
    """Why the person may not; "" if they may. Shown as text beside a disabled control."""
    if may(person, right):
        return ""
    holders = sorted(str(Role(role).label).lower() + "s" for role in ROLES[right])
    named = " and ".join([", ".join(holders[:-1]), holders[-1]] if holders[1:] else holders)
    return f"Only {named} may {right.value}."


def require(person: User | None, right: Right) -> None:
    """Raises NotAllowed. Nobody (None) is the product itself, which acts for its operator."""
    if person is not None and (refusal := reason(person, right)):
        raise NotAllowed(refusal)
