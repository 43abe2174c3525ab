"""Many rows at once: the same rows as one by one."""

from datetime import UTC, datetime

import pytest

from portal.accounts.models import SetupLink
from portal.core import bulk
from portal.core.models import AuditEntry

pytestmark = pytest.mark.django_db
EARLY = datetime(2026, 11, 24, tzinfo=UTC)
LATE = datetime(2026, 11, 25, tzinfo=UTC)
COLUMNS = ["token_hash", "created_at", "expires_at"]


def test_new_rows_come_and_standing_ones_change():
    first = bulk.upsert(
        SetupLink, COLUMNS, [("a", EARLY, EARLY), ("b", EARLY, EARLY)], unique="token_hash"
    )
    second = bulk.upsert(
        SetupLink, COLUMNS, [("b", EARLY, LATE), ("c", EARLY, LATE)], unique="token_hash"
    )
    assert set(second) == {"b", "c"}
    assert second["b"] == first["b"]
    ends = dict(SetupLink.objects.values_list("token_hash", "expires_at"))
    assert ends == {"a": EARLY, "b": LATE, "c": LATE}
    assert dict(SetupLink.objects.values_list("token_hash", "id")) == {**first, **second}


def test_nothing_to_write_is_no_error():
    assert bulk.upsert(SetupLink, COLUMNS, [], unique="token_hash") == {}
    assert not SetupLink.objects.exists()


@pytest.mark.parametrize(
    "details",
    [
        {},
        [],
        None,
        "a\tb\\c\nd",
        {"deep": [1, 2.5, True, None]},
        ["'; DROP TABLE x; --", "é 漢 \x7f"],
    ],
)
def test_any_json_value_arrives_as_it_is(details: object):
    columns = ["at", "verb", "kind", "object_id", "label", "details"]
    bulk.copy(AuditEntry, columns, [(EARLY, "core.test", "thing", "1", "\\N", details)])
    entry = AuditEntry.objects.get()
    assert (entry.details, entry.label) == (details, "\\N")
