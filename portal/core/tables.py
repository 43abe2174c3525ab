"""What every list page needs of its query string: which page, in which order."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from django.core.paginator import Page, Paginator
from django.db.models import F, OrderBy, QuerySet
from django.http import QueryDict

SIZES = (25, 50, 100, 200)


def paged(query: QueryDict, rows: "QuerySet[Any] | Sequence[Any]") -> "Page[Any]":
    """`?page=` and `?size=`; a value that makes no sense gives the nearest page that does."""
    asked = query.get("size", "")
    size = int(asked) if asked in map(str, SIZES) else 50
    return Paginator(rows, size).get_page(query.get("page"))


class Head(NamedTuple):
    """A column's head; `url` is "" where the list cannot be ordered by it."""

    label: str
    url: str = ""
    aria: str = ""


class Order(NamedTuple):
    """How a list is ordered: `?sort=name`, or `?sort=-name` for the other way round."""

    key: str
    descending: bool
    columns: Mapping[str, Sequence[str]]

    @classmethod
    def of(cls, query: QueryDict, columns: Mapping[str, Sequence[str]], default: str) -> "Order":
        """`columns` maps a key to the fields that it orders by; a field with "-" goes the other
        way. `default` is a key, with "-" for descending, and stands in for an unknown one."""
        asked = query.get("sort", "")
        chosen = asked if asked.removeprefix("-") in columns else default
        return cls(chosen.removeprefix("-"), chosen.startswith("-"), columns)

    @property
    def fields(self) -> list[OrderBy]:
        """For `order_by`: empty values last, and the id in the end so that pages never overlap."""
        found = []
        for field in (*self.columns[self.key], "id"):
            descending = field.startswith("-") != (self.descending and field != "id")
            name = F(field.removeprefix("-"))
            found.append(name.desc(nulls_last=True) if descending else name.asc(nulls_last=True))
        return found

    def heads(self, query: QueryDict, columns: Iterable[tuple[str, str]]) -> list[Head]:
        """For components/heads.html. `columns` are pairs of label and key ("" for no order)."""
        return [self._head(query, label, key) for label, key in columns]

    def _head(self, query: QueryDict, label: str, key: str) -> Head:
        if not key:
            return Head(label)
        here = key == self.key
        changed = query.copy()
        changed.pop("page", None)
        changed["sort"] = f"-{key}" if here and not self.descending else key
        aria = ("descending" if self.descending else "ascending") if here else "none"
        return Head(label, f"?{changed.urlencode()}", aria)
