"""Pages of a resource: filtered, sorted, and continued after the last row seen.

A page is a keyset: the rows that follow the last one in the order of an index. The tenth thousand costs what the
first did, and rows that come or go between two pages shift nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from studentapi.gradebook.documents import dumps
from studentapi.gradebook.resources import Reference

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from studentapi.gradebook.resources import Field, Resource, Row
    from studentapi.mysql.database import Database

PAGE_BYTES = 4 * 1024 * 1024
"""JSON of documents in a page, after which it takes no more rows."""
PIECE = 25
"""Rows with documents that are read at once: none has more than 128 KiB."""

Operator = Literal["eq", "ne", "lt", "gt", "in", "prefix"]

_COMPARED: dict[Operator, str] = {"eq": "=", "ne": "<>", "lt": "<", "gt": ">"}


class Filter(NamedTuple):
    """A condition on one field: `value` is a list for `in`, otherwise one value of the field's type."""

    name: str
    operator: Operator
    value: Any


class Place(NamedTuple):
    """The last row of a page: its value in the field that the list is sorted by, and its public id."""

    value: Any
    public_id: str


class Page(NamedTuple):
    """Some rows, and the place after which the next page begins; None on the last page."""

    rows: Sequence[Row]
    after: Place | None


@dataclass(frozen=True)
class Listing:
    """What to list. `sort` is `id`, `updated_at`, or a field that sorts; equal ones follow by their ids.

    `fields` leaves out the others, except the id. `updated_since`: naive UTC, included.
    """

    sort: str = "id"
    descending: bool = False
    filters: tuple[Filter, ...] = ()
    fields: tuple[str, ...] | None = None
    updated_since: datetime | None = None
    include_deleted: bool = False

    def page(self, resource: Resource, database: Database, *, limit: int, after: Place | None = None) -> Page:
        """Read up to `limit` rows that follow `after`, fewer where they are large. NULL comes before all else."""
        if not resource.has_documents:
            return self._page(resource, database, limit, after)
        rows: list[Row] = []
        size = 0
        while True:
            page = self._page(resource, database, min(limit - len(rows), PIECE), after)
            rows += page.rows
            after, size = page.after, size + len(dumps(page.rows))
            if after is None or len(rows) == limit or size > PAGE_BYTES:
                return Page(rows, after)

    def _page(self, resource: Resource, database: Database, limit: int, after: Place | None) -> Page:
        sql, params = self._statement(resource, limit, after)
        rows: list[Row] = database.records(sql, params)
        more = len(rows) > limit
        del rows[limit:]
        last = Place(rows[-1].get("sorted_by"), rows[-1]["id"]) if more else None
        for row in rows:
            row.pop("sorted_by", None)
            if self.fields is not None and "id" not in self.fields:
                del row["id"]
        return Page(resource.finished(rows), last)

    def _statement(self, resource: Resource, limit: int, after: Place | None) -> tuple[str, list[Any]]:
        """The statement of a page. What is written into it are names of our own, values never are."""
        conditions, params = [], []
        for one in self.filters:
            condition, value = _condition(resource.by_name[one.name], one.operator, one.value)
            conditions.append(condition)
            params.append(value)
        if self.updated_since is not None:
            conditions.append("t.updated_at >= %s")
            params.append(self.updated_since)
        if not self.include_deleted:
            conditions.append("t.deleted_at IS NULL")
        if after is not None:
            condition, values = self._following(after)
            conditions.append(condition)
            params += values
        order = "DESC" if self.descending else "ASC"
        sorted_by = "" if self.sort == "id" else f"t.{self.sort} {order}, "
        columns = resource.columns(self.fields)
        if self.include_deleted:
            columns += ", t.deleted_at"
        if self.sort != "id":
            columns += f", t.{self.sort} AS sorted_by"
        sql = (
            f"SELECT {columns} FROM {resource.table} AS t FORCE INDEX ({self._index(resource)})"
            f" WHERE {' AND '.join(conditions) or 'TRUE'}{resource.fixed_condition}"
            f" ORDER BY {sorted_by}t.public_id {order} LIMIT %s"
        )
        return sql, [*params, limit + 1]

    def _following(self, after: Place) -> tuple[str, list[Any]]:
        than = "<" if self.descending else ">"
        if self.sort == "id":
            return f"t.public_id {than} %s", [after.public_id]
        column = f"t.{self.sort}"
        if after.value is None:
            same = f"({column} IS NULL AND t.public_id {than} %s)"
            return (same if self.descending else f"({same} OR {column} IS NOT NULL)"), [after.public_id]
        nulls = f" OR {column} IS NULL" if self.descending else ""
        return (
            f"({column} {than} %s OR ({column} = %s AND t.public_id {than} %s){nulls})",
            [after.value, after.value, after.public_id],
        )

    def _index(self, resource: Resource) -> str:
        """The index that the page is a short piece of, whatever the server's statistics say on a stale day."""
        for one in self.filters:
            if one.operator == "eq" and isinstance(resource.by_name[one.name], Reference):
                return f"{resource.table}_list_{one.name}"
        return f"{resource.table}_public_id" if self.sort == "id" else f"{resource.table}_list_{self.sort}"


def _condition(field: Field, operator: Operator, value: Any) -> tuple[str, Any]:
    column = f"t.{field.name}"
    if isinstance(field, Reference):
        if operator == "in":
            return f"{column} IN (SELECT id FROM {field.table} WHERE public_id IN %s)", value
        # an id that is none refers to no row: 0 is nobody's key
        found = f"COALESCE((SELECT id FROM {field.table} WHERE public_id = %s), 0)"
        return f"{column} {_COMPARED[operator]} {found}", value
    if operator == "in":
        return f"{column} IN %s", value
    if operator == "prefix":
        return f"{column} LIKE %s ESCAPE '|'", _escaped(value) + "%"
    return f"{column} {_COMPARED[operator]} %s", value


def _escaped(prefix: str) -> str:
    return prefix.replace("|", "||").replace("%", "|%").replace("_", "|_")
