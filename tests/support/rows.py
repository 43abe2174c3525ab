"""What a transaction has written so far, as PostgreSQL counts it."""

from django.db import connection


def written() -> dict[str, int]:
    """Rows inserted, updated and deleted by table, in the transaction that a test runs in."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname, n_tup_ins + n_tup_upd + n_tup_del FROM pg_stat_xact_user_tables"
        )
        return {table: rows for table, rows in cursor.fetchall() if rows}


def written_since(before: dict[str, int]) -> dict[str, int]:
    now = written()
    found = {table: rows - before.get(table, 0) for table, rows in now.items()}
    return {table: rows for table, rows in found.items() if rows}
