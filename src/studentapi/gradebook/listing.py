"""Pages of a resource: filtered, sorted, and continued after the last row seen.

A page is a keyset: the rows that follow the last one in the order of an index. The tenth thousand costs what the
first did, and rows that come or go between two pages shift nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from studentapi.gradebook.documents import dumps
from studentapi.gradebook.packing import layout
from studentapi.gradebook.resources import Reference

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from studentapi.gradebook.packing import Layout
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
    """Some rows, their numbers as float, and the place after which the next page begins; None on the last."""

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
        of = layout(resource, self.fields, self.sort, with_deleted=self.include_deleted)
        sql, params = self._statement(resource, of, limit, after)
        found = database.read(sql, params)
        if not found:
            return Page([], None)
        columns = of.columns(found[:limit])
        last = None
        if len(found) > limit:
            last = Place(None if self.sort == "id" else columns[self.sort][-1], columns["id"][-1])
        values = zip(*[columns[name] for name in of.names], strict=True)
        return Page([dict(zip(of.names, row, strict=True)) for row in values], last)

    def _statement(
        self, resource: Resource, of: Layout, limit: int, after: Place | None
    ) -> tuple[str, list[Any]]:
        """The statement of a page. What is written into it are names of our own, values never are.

        Where a reference is one of several, a page of each is read, and the page taken from these: their rows may
        lie anywhere among all others in the order of the list.
        """
        several = self._several(resource)
        conditions, params = [], []
        for one in self.filters:
            if one is several:
                continue
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
        direction = "DESC" if self.descending else "ASC"
        sorted_by = "" if self.sort == "id" else f"t.{self.sort} {direction}, "
        order = f"{sorted_by}t.public_id {direction}"
        where = f"{' AND '.join(conditions) or 'TRUE'}{resource.fixed_condition}"
        most = limit + 1
        if several is None:
            sql = (
                f"SELECT {of.select} FROM {resource.table} AS t FORCE INDEX ({self._index(resource)}){of.joins}"
                f" WHERE {where} ORDER BY {order} LIMIT %s"
            )
            return sql, [*params, most]
        ids = dict.fromkeys(several.value)
        key = "" if self.sort == "id" else f", t.{self.sort}"
        equal, _ = _condition(resource.by_name[several.name], "eq", "")
        of_each = " UNION ALL ".join(
            f"(SELECT t.id, t.public_id{key} FROM {resource.table} AS t"
            f" FORCE INDEX ({resource.table}_list_{several.name})"
            f" WHERE {equal} AND {where} ORDER BY {order} LIMIT %s)"
            for _ in ids
        )
        sql = (
            f"SELECT {of.select} FROM (SELECT t.id FROM ({of_each}) AS t ORDER BY {order} LIMIT %s) AS page"
            f" STRAIGHT_JOIN {resource.table} AS t ON t.id = page.id{of.joins} ORDER BY {order}"
        )
        return sql, [*(value for one in ids for value in (one, *params, most)), most]

    def _several(self, resource: Resource) -> Filter | None:
        """The filter by a reference to one of several, where there is none to a single one."""
        by_reference = [one for one in self.filters if isinstance(resource.by_name[one.name], Reference)]
        if any(one.operator == "eq" for one in by_reference):
            return None
        return next((one for one in by_reference if one.operator == "in"), None)

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
