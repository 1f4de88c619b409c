"""What a resource is made of: its table, its fields, and which of them refer to other resources.

Everything that all resources share is made of such a declaration: reading (here), lists (`listing`), writing
(`writing`). Inner keys stay inside: a reference is the public id of what it refers to.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from studentapi.gradebook import documents

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    from studentapi.gradebook.changes import Writer
    from studentapi.gradebook.refusals import Invalid
    from studentapi.mysql.database import Database
    from studentapi.mysql.transaction import Transaction

    Check = Callable[[Transaction, Sequence["Pair"]], Mapping[int, Invalid]]
    """What is wrong with rows that are to be written: of those that cannot be, by their places."""

Row = dict[str, Any]
"""One resource by its fields' names: str, int, Decimal, bool, date, naive UTC datetime, JSON text, or None."""

Kind = Literal["text", "choice", "number", "integer", "boolean", "date", "time", "json"]


class NotFound(LookupError):  # noqa: N818 - named for the condition
    """There is no such resource, or it is deleted."""

    def __init__(self, kind: str, public_id: str) -> None:
        super().__init__(f"no {kind} {public_id!r}")
        self.kind = kind
        self.public_id = public_id


@dataclass(frozen=True)
class Column:
    """A field that is a column of the resource's own table.

    `sorts`: a list may be sorted by it; the table has an index `{table}_list_{name}` on it and `public_id`.
    `given`: clients write it; others follow from what else happens. `once`: what it is when the row is made, it
    stays.
    """

    name: str
    kind: Kind = "text"
    sorts: bool = False
    given: bool = True
    once: bool = False

    def sql(self) -> str:
        """What stands in the list of a SELECT."""
        return f"t.{self.name}"


@dataclass(frozen=True)
class Reference:
    """A field `…_id` that refers to another resource; `role` narrows users to those of one role.

    The table has an index `{table}_list_{name}` on it and `public_id`, so that a list may be narrowed by it.
    What a row belongs to is settled when it is made, unless it is not `once`.
    """

    name: str
    table: str
    kind: str
    role: str | None = None
    once: bool = True
    given: bool = True
    sorts = False

    def sql(self) -> str:
        """What stands in the list of a SELECT: the public id in place of the inner one."""
        return f"(SELECT public_id FROM {self.table} WHERE id = t.{self.name}) AS {self.name}"


Field = Column | Reference


@dataclass(frozen=True)
class Change:
    """One row before and after it was written; `inner` is its inner id. None before its making, after its end."""

    inner: int
    before: Row | None
    after: Row | None


class Pair(NamedTuple):
    """A row as it is, None where there is none, and as it is to be."""

    before: Row | None
    after: Row


def _no_check(tx: Transaction, pairs: Sequence[Pair]) -> Mapping[int, Invalid]:
    """Everything may be written."""
    del tx, pairs
    return {}


def _no_effect(writer: Writer, changes: Sequence[Change]) -> None:
    """Nothing follows."""


@dataclass(frozen=True, eq=False)
class Resource:
    """A kind of resource.

    `kind` names one of them, `plural` all of them, in paths. `fixed` are columns that have one value for all of
    this resource, where several share a table; the feed of changes then knows it as `recorded_as`. `unique` are
    fields that no two of them have in common, deleted ones among them. `check` is called in the transaction
    before rows are written, once for all of them, and says which cannot be; `follow` after it, for what follows.
    """

    kind: str
    plural: str
    table: str
    fields: tuple[Field, ...]
    fixed: Mapping[str, str] = field(default_factory=dict)
    recorded_as: str = ""
    unique: tuple[str, ...] = ()
    check: Check = _no_check
    follow: Callable[[Writer, Sequence[Change]], None] = _no_effect

    def one(self, database: Database, public_id: str) -> Row:
        """Read one; raises `NotFound`."""
        rows = database.records(f"{self.select} AND t.public_id = %s", (public_id,))
        if not rows:
            raise NotFound(self.kind, public_id)
        return self.finished(rows)[0]

    def locked(self, tx: Transaction, public_id: str) -> tuple[int, Row, bool] | None:
        """The inner id of one, the row, and whether it is deleted, locked until the transaction's end; or None.

        It is what is committed now, whatever the transaction has read before.
        """
        names = ["id", *self.names, "created_at", "updated_at"]
        rows = tx.read(
            f"SELECT t.id, t.deleted_at IS NOT NULL, {self.columns()} FROM {self.table} AS t"
            f" WHERE t.public_id = %s {self._fixed} FOR UPDATE",
            (public_id,),
        )
        if not rows:
            return None
        inner, deleted, *values = rows[0]
        return inner, self.finished([dict(zip(names, values, strict=True))])[0], bool(deleted)

    def referring(
        self, tx: Transaction, reference: Reference, parents: Sequence[int], most: int, but: Collection[int] = ()
    ) -> list[tuple[int, Row]]:
        """Up to `most` that refer by `reference` to rows of these inner ids, `but` for some; locked.

        Each with its own inner id.
        """
        names = ["id", *self.names, "created_at", "updated_at"]
        rows = tx.read(
            f"SELECT t.id, {self.columns()} FROM {self.table} AS t"
            f" WHERE t.{reference.name} IN %s AND t.id NOT IN %s AND t.deleted_at IS NULL {self._fixed}"
            " LIMIT %s FOR UPDATE",
            (parents, tuple(but) or (0,), most),
        )
        found = [(inner, dict(zip(names, values, strict=True))) for inner, *values in rows]
        self.finished([row for _, row in found])
        return found

    @cached_property
    def select(self) -> str:
        """Rows that are not deleted, as far as the WHERE clause."""
        return f"SELECT {self.columns()} FROM {self.table} AS t WHERE t.deleted_at IS NULL {self._fixed}"

    def columns(self, names: Iterable[str] | None = None) -> str:
        """The list of a SELECT from `table` AS t: id, the fields (those of `names`), and the two times."""
        wanted = [one for one in self.fields if names is None or one.name in set(names)]
        times = [name for name in ("created_at", "updated_at") if names is None or name in set(names)]
        return ", ".join(["t.public_id AS id", *(one.sql() for one in wanted), *(f"t.{name}" for name in times)])

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The fields' names, without id and times."""
        return tuple(one.name for one in self.fields)

    @cached_property
    def by_name(self) -> dict[str, Field]:
        """The fields."""
        return {one.name: one for one in self.fields}

    @cached_property
    def references(self) -> tuple[Reference, ...]:
        """The fields that refer to other resources."""
        return tuple(one for one in self.fields if isinstance(one, Reference))

    @cached_property
    def _fixed(self) -> str:
        # names and values of our own, never a client's
        return "".join(f" AND t.{column} = '{value}'" for column, value in self.fixed.items())

    @property
    def fixed_condition(self) -> str:
        """`AND …` for what all of this resource have in common; empty where there is nothing."""
        return self._fixed

    def finished(self, rows: Sequence[Row]) -> Sequence[Row]:
        """Give `rows`, as MySQL has them, the types of their fields, in place."""
        for name in self._booleans:
            for row in rows:
                if name in row:
                    row[name] = bool(row[name])
        for name in self._documents:
            for row in rows:
                if row.get(name) is not None:
                    row[name] = documents.loads(row[name])
        return rows

    @property
    def has_documents(self) -> bool:
        """Whether a row may be large."""
        return bool(self._documents)

    @cached_property
    def _booleans(self) -> tuple[str, ...]:
        return tuple(one.name for one in self.fields if isinstance(one, Column) and one.kind == "boolean")

    @cached_property
    def _documents(self) -> tuple[str, ...]:
        return tuple(one.name for one in self.fields if isinstance(one, Column) and one.kind == "json")
