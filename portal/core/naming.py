"""What people call things: names, words of explanation, and the slugs made of names."""

from collections.abc import Collection

from django.db.models import Model
from django.utils.text import slugify

from portal.core.errors import DomainError


def name(text: str, what: str) -> str:
    """With single spaces; `what` is the thing, for the message. Raises DomainError."""
    text = " ".join(text.split())
    if not text or len(text) > 100 or not text.isprintable():
        raise DomainError(f"A {what}'s name has 1 to 100 printable characters.")
    return text


def comment(text: str) -> str:
    """With single spaces. Raises DomainError."""
    text = " ".join(text.split())
    if not text or len(text) > 500 or not text.isprintable():
        raise DomainError("Say in 1 to 500 characters what you changed and why.")
    return text


def free_slug(model: type[Model], text: str, what: str, *, reserved: Collection[str] = ()) -> str:
    """One that no row of the model has in its `slug`, and none of the `reserved` ones, which are
    addresses of pages. `what` is the thing, for names of which nothing is left."""
    base = slugify(text)[:100] or what
    base = f"{what}-{base}" if base in reserved else base
    rows = model._default_manager.filter(slug__startswith=base)
    taken = set(rows.values_list("slug", flat=True))
    slugs = (base if number == 1 else f"{base}-{number}" for number in range(1, len(taken) + 2))
    return next(slug for slug in slugs if slug not in taken)
