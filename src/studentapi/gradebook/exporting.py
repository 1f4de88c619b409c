"""Files that leave: a resource, page by page, so that a file of any length is made in the memory of a page.

Each page is a read of its own. No transaction spans them: a row that is written meanwhile may be there as it was
before, or after; none is there twice, and none that stays is left out, by the order of ids.
"""

from __future__ import annotations

import csv
from datetime import date, datetime
from decimal import Decimal
from io import StringIO
from typing import TYPE_CHECKING, Any, Literal

from studentapi.gradebook.csv_cells import guarded
from studentapi.gradebook.documents import dumps

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from studentapi.gradebook.listing import Listing
    from studentapi.gradebook.resources import Resource, Row
    from studentapi.mysql.database import Database

Format = Literal["csv", "ndjson"]
MEDIA_TYPES: dict[Format, str] = {"csv": "text/csv; charset=utf-8", "ndjson": "application/x-ndjson"}
AT_ONCE = 1000
"""Rows of a page."""


def export(
    database: Database,
    resource: Resource,
    listing: Listing,
    form: Format,
    progress: Callable[[int], None] = lambda _: None,
) -> Iterator[bytes]:
    """The file, in pieces of `AT_ONCE` rows; the first has the header. `progress` is told the rows done.

    Raises as `Database.read` does; a file that ends so is not whole.
    """
    columns = columns_of(resource, listing)
    write = _csv if form == "csv" else _ndjson
    head = _csv([dict(zip(columns, columns, strict=True))], columns) if form == "csv" else b""
    after, done = None, 0
    while True:
        page = listing.page(resource, database, limit=AT_ONCE, after=after)
        done += len(page.rows)
        yield head + write(page.rows, columns)
        progress(done)
        if page.after is None:
            return
        head, after = b"", page.after


def count(database: Database, resource: Resource) -> int:
    """How many rows there are, about."""
    rows = database.read(
        f"SELECT COUNT(*) FROM {resource.table} AS t WHERE t.deleted_at IS NULL{resource.fixed_condition}"
    )
    return int(rows[0][0])


def columns_of(resource: Resource, listing: Listing) -> list[str]:
    """The columns of a file, in order."""
    names = ["id", *resource.names, "created_at", "updated_at"]
    if listing.fields is not None:
        names = [name for name in names if name in listing.fields]
    return [*names, "deleted_at"] if listing.include_deleted else names


def _ndjson(rows: Sequence[Row], columns: Sequence[str]) -> bytes:
    return b"".join(dumps({name: row[name] for name in columns}) + b"\n" for row in rows)


def _csv(rows: Sequence[Row], columns: Sequence[str]) -> bytes:
    text = StringIO()
    csv.writer(text).writerows([_cell(row[name]) for name in columns] for row in rows)
    return text.getvalue().encode()


def _cell(value: Any) -> str:
    write = _CELLS.get(type(value))
    return guarded(dumps(value).decode()) if write is None else write(value)


_CELLS: dict[type, Callable[[Any], str]] = {
    type(None): lambda _: "",
    str: guarded,
    bool: lambda value: "true" if value else "false",
    int: str,
    float: lambda value: f"{Decimal(repr(value)).normalize():f}",
    date: date.isoformat,
    datetime: lambda value: f"{value.isoformat()}Z",
}
"""By type; what has no place here is JSON."""
