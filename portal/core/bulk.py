"""Writing many rows at once, at the speed of PostgreSQL's COPY. For tables with an `id`."""

from collections.abc import Iterable, Sequence
from typing import Any

from django.db import connection, models
from psycopg import sql
from psycopg.types.json import Jsonb


def copy(model: type[models.Model], columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Inserts them as they are. `columns` are names of the table's columns."""
    _copy(model._meta.db_table, model, columns, rows)


def upsert(
    model: type[models.Model],
    columns: Sequence[str],
    rows: Iterable[Sequence[Any]],
    *,
    unique: str,
) -> dict[Any, int]:
    """Inserts them, or updates what stands under the same value of the column `unique`.

    Returns the id of each row by that value. Must run in a transaction; no value may come twice.
    """
    table, fresh = sql.Identifier(model._meta.db_table), sql.Identifier("fresh_rows")
    names = sql.SQL(", ").join(map(sql.Identifier, columns))
    changes = sql.SQL(", ").join(
        sql.SQL("{name} = EXCLUDED.{name}").format(name=sql.Identifier(name))
        for name in columns
        if name != unique
    )
    with connection.cursor() as cursor:
        cursor.execute(
            sql.SQL(
                "CREATE TEMPORARY TABLE {fresh} ON COMMIT DROP AS"
                " SELECT {names} FROM {table} WITH NO DATA"
            ).format(fresh=fresh, names=names, table=table)
        )
        _copy("fresh_rows", model, columns, rows)
        cursor.execute(
            sql.SQL(
                "INSERT INTO {table} ({names}) SELECT {names} FROM {fresh}"
                " ON CONFLICT ({unique}) DO UPDATE SET {changes} RETURNING id, {unique}"
            ).format(
                table=table,
                names=names,
                fresh=fresh,
                unique=sql.Identifier(unique),
                changes=changes,
            )
        )
        ids = {_plain(value): int(number) for number, value in cursor.fetchall()}
        cursor.execute(sql.SQL("DROP TABLE {}").format(fresh))
    return ids


def _copy(
    table: str, model: type[models.Model], columns: Sequence[str], rows: Iterable[Sequence[Any]]
) -> None:
    fields = {field.column: field for field in model._meta.concrete_fields}
    documents = [
        place for place, name in enumerate(columns) if isinstance(fields[name], models.JSONField)
    ]
    command = sql.SQL("COPY {} ({}) FROM STDIN").format(
        sql.Identifier(table), sql.SQL(", ").join(map(sql.Identifier, columns))
    )
    with connection.cursor() as cursor, cursor.copy(command) as target:
        for row in rows:
            values = list(row)
            for place in documents:
                values[place] = Jsonb(values[place])
            target.write_row(values)


def _plain(value: Any) -> Any:
    return bytes(value) if isinstance(value, memoryview) else value
