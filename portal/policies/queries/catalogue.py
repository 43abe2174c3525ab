"""Every rule there is, by slug."""

from collections.abc import Mapping
from typing import Any

from scanner import BY_SLUG, Rule


def catalogue() -> Mapping[str, Rule[Any, Any]]:
    return BY_SLUG
