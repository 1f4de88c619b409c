"""Rows of a list, with most of their columns sent as one: joined by the server, and taken apart here.

What a result costs a driver that is written in Python is its number of values, not of bytes. Ids, words of few
values, numbers and times have no separator in them; texts and documents may, and stay columns of their own.
"""

from __future__ import annotations

from datetime import date, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from studentapi.gradebook import documents
from studentapi.gradebook.resources import Reference

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from studentapi.gradebook.resources import Resource

SEPARATOR = "|"


class _Part(NamedTuple):
    """A column of a list: its name, what it is in SQL, and one of the kinds below."""

    name: str
    sql: str
    kind: str


class Layout(NamedTuple):
    """The columns of a list, those that are sent as one before the others.

    `names`: what its rows have, in order. `select` and `joins` stand in the statement, whose table is `t`.
    """

    names: tuple[str, ...]
    parts: tuple[_Part, ...]
    select: str
    joins: str

    def columns(self, rows: Sequence[Sequence[Any]]) -> dict[str, Sequence[Any]]:
        """The values of each column, in the types of their fields, but numbers as float."""
        apart = [row[0].split(SEPARATOR) for row in rows]
        values = [*zip(*apart, strict=True), *list(zip(*rows, strict=True))[1:]]
        return {part.name: _READ[part.kind](column) for part, column in zip(self.parts, values, strict=True)}


@lru_cache(maxsize=256)
def layout(resource: Resource, fields: tuple[str, ...] | None, sort: str, *, with_deleted: bool) -> Layout:
    """Of a list of `resource` with these fields (None: all) and the one that it is sorted by."""
    names = ["id", *resource.names, "created_at", "updated_at"]
    if fields is not None:
        names = [name for name in names if name in fields]
    if with_deleted:
        names.append("deleted_at")
    parts, joins = [], []
    for name in dict.fromkeys(("id", *names, sort)):
        field = resource.by_name.get(name)
        if isinstance(field, Reference):
            joins.append(f" LEFT JOIN {field.table} AS {name}_of ON {name}_of.id = t.{name}")
            parts.append(_Part(name, f"{name}_of.public_id", "id"))
        elif field is not None:
            parts.append(_Part(name, f"t.{name}", field.kind))
        else:
            parts.append(_Part(name, "t.public_id", "id") if name == "id" else _Part(name, f"t.{name}", "time"))
    packed = [one for one in parts if one.kind not in _APART]
    loose = [one for one in parts if one.kind in _APART]
    joined = ", ".join(f"IFNULL({one.sql}, '')" for one in packed)
    select = ", ".join([f"CONCAT_WS('{SEPARATOR}', {joined})", *(one.sql for one in loose)])
    return Layout(tuple(names), (*packed, *loose), select, "".join(joins))


def _times(values: Sequence[str]) -> list[datetime | None]:
    read = datetime.fromisoformat
    return [read(value) if value else None for value in values]


def _dates(values: Sequence[str]) -> list[date | None]:
    return [date.fromisoformat(value) if value else None for value in values]


_APART = ("text", "json")
_READ: dict[str, Callable[[Sequence[Any]], Sequence[Any]]] = {
    "id": lambda values: values,
    "choice": lambda values: values,
    "integer": lambda values: [int(value) if value else None for value in values],
    "number": lambda values: [float(value) if value else None for value in values],
    "boolean": lambda values: [value == "1" for value in values],
    "date": _dates,
    "time": _times,
    "text": lambda values: values,
    "json": lambda values: [None if value is None else documents.loads(value) for value in values],
}
"""By kind, the values of a column as they are sent; an empty one is NULL."""
