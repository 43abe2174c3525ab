"""Tables as CSV, streamed row by row, for programs and for spreadsheets."""

import csv
from collections.abc import Iterable, Iterator
from typing import Any

from django.http import StreamingHttpResponse

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


class _Line:
    """What a csv writer writes to: it hands each line back."""

    def write(self, line: str) -> str:
        return line


def cell(value: Any) -> str:
    """As text that no spreadsheet takes for a formula: names of containers are hostile."""
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(_FORMULA) else text


def csv_response(
    name: str, heads: Iterable[str], rows: Iterable[Iterable[Any]]
) -> StreamingHttpResponse:
    """A file to save as `name`.csv. Numbers stay as they are, also negative ones."""
    writer = csv.writer(_Line())

    def lines() -> Iterator[str]:
        yield writer.writerow(list(heads))
        for row in rows:
            yield writer.writerow([v if isinstance(v, int | float) else cell(v) for v in row])

    return StreamingHttpResponse(
        lines(),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}.csv"'},
    )
