"""What every resource shares: reading one by its public id, and reading a page of them.

A page is a keyset: the rows that follow the last public id seen, straight from its index. The tenth
thousand costs what the first did, and rows that come or go between two pages shift nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from studentapi.mysql.database import Database

Row = dict[str, Any]
"""One resource by its fields' names: str, int, Decimal, bool, date, naive UTC datetime, or None."""


class NotFound(LookupError):  # noqa: N818 - named for the condition
    """There is no such resource, or it is deleted."""

    def __init__(self, kind: str, public_id: str) -> None:
        super().__init__(f"no {kind} {public_id!r}")
        self.kind = kind
        self.public_id = public_id


class Page(NamedTuple):
    """Some rows, and the public id after which the next page begins; None on the last page."""

    rows: list[Row]
    after: str | None


@dataclass(frozen=True)
class Resource:
    """A kind of resource: `select` gives its rows and ends in a WHERE clause.

    It drives from the table of `key`, by that key's index and no other, whatever the server's statistics say
    on a day when they are stale: a page is a short piece of that index, and the rest are single rows.

    `key` is the public id's column. `booleans` are the columns that MySQL gives as 0 and 1.
    """

    kind: str
    select: str
    key: str
    booleans: tuple[str, ...] = ()

    def one(self, database: Database, public_id: str) -> Row:
        """Read one; raises `NotFound`."""
        rows = database.records(f"{self.select} AND {self.key} = %s", (public_id,))
        if not rows:
            raise NotFound(self.kind, public_id)
        return self._finished(rows)[0]

    def page(self, database: Database, *, limit: int, after: str = "") -> Page:
        """Read up to `limit` of those whose public id follows `after`, in the order of their public ids."""
        rows = database.records(
            f"{self.select} AND {self.key} > %s ORDER BY {self.key} LIMIT %s", (after, limit + 1)
        )
        more = len(rows) > limit
        rows = self._finished(rows[:limit])
        return Page(rows, rows[-1]["id"] if more else None)

    def _finished(self, rows: list[Row]) -> list[Row]:
        for name in self.booleans:
            for row in rows:
                row[name] = bool(row[name])
        return rows
