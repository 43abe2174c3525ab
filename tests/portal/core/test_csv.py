"""Tables as CSV."""

import csv
import io

import pytest

from portal.core.csv import cell, csv_response


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"])
def test_no_cell_is_taken_for_a_formula(text):
    assert cell(text) == f"'{text}"


def test_what_was_written_can_be_read_again():
    rows = [("a,b", 'with "quotes"', -3), ("two\nlines", None, 1.5)]
    response = csv_response("things", ("One", "Two", "Three"), rows)
    assert response["Content-Disposition"] == 'attachment; filename="things.csv"'
    text = b"".join(response).decode()  # type: ignore[arg-type]
    assert list(csv.reader(io.StringIO(text))) == [
        ["One", "Two", "Three"],
        ["a,b", 'with "quotes"', "-3"],
        ["two\nlines", "", "1.5"],
    ]
