"""Statements that a connection asks again and again, prepared: the server parses and resolves them once.

As psycopg does, a statement is sent as text at first, and prepared when the same connection has asked it some
times. What cannot be prepared is sent as text for good; nobody has to know which is which.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any, NamedTuple

from studentapi.mysql.binary import bind, template

if TYPE_CHECKING:
    from studentapi.mysql.answers import Known
    from studentapi.mysql.binary import Template

PREPARE_AFTER = 5
"""Times that a connection sends a statement as text before it prepares it."""
MOST_PREPARED = 64
"""Statements that a connection keeps prepared; the server has `max_prepared_stmt_count` for all of them."""
MOST_COUNTED = 1024
"""Statements whose uses a connection counts."""
NOT_FOUND = frozenset({1243, 1615})
"""The server knows the prepared statement no more, or cannot prepare it again: it has not run."""
EXHAUSTED = 1461
"""The server has max_prepared_stmt_count of them."""

_EXECUTE = struct.Struct("<IBI")


class Prepared:
    """A prepared statement: its `number` in the server, and how the answer to it began, if that is known."""

    __slots__ = ("_types", "known", "number", "template")

    def __init__(self, number: int, template: Template) -> None:
        self.number = number
        self.template = template
        self.known: Known | None = None
        self._types: bytes | None = None

    def execution(self, params: Any) -> bytes | None:
        """What COM_STMT_EXECUTE says; None where these parameters have to go as text."""
        values = self.template.values(params)
        bound = None if values is None else bind(values)
        if bound is None:
            return None
        types, parameters = bound
        if self._types is None:
            self._types = types
        elif types != self._types:
            return None  # MySQL settles a parameter's type by the first one, and would turn 'a' into 0
        return _EXECUTE.pack(self.number, 0, 1) + parameters


class Wanted(NamedTuple):
    """A statement that is to be prepared now; the place of `evicted`, if there is one, is taken by it."""

    template: Template
    evicted: Prepared | None


class Statements:
    """What one connection has asked how often, and what of it is prepared."""

    def __init__(self) -> None:
        self._uses: dict[str, int] = {}
        self._prepared: dict[str, Prepared | None] = {}
        self._full = False

    def find(self, sql: str) -> Prepared | None:
        """The prepared statement, if it is one."""
        return self._prepared.get(sql)

    def count(self, sql: str, params: Any) -> Wanted | None:
        """Count a use of a statement that is not prepared; what to do if it is time to prepare it."""
        if self._full or sql in self._prepared:
            return None
        uses = self._uses[sql] = self._uses.get(sql, 0) + 1
        if uses <= PREPARE_AFTER:
            if len(self._uses) > MOST_COUNTED:
                del self._uses[next(iter(self._uses))]
            return None
        del self._uses[sql]
        found = template(sql, formatted=bool(params))
        if found is None:
            self.give_up(sql)
            return None
        return Wanted(found, self._evict())

    def keep(self, sql: str, prepared: Prepared) -> None:
        """Remember a statement that was prepared."""
        self._prepared[sql] = prepared

    def give_up(self, sql: str, code: int | None = None) -> None:
        """Send this statement as text from now on; `code` is the server's error, if it gave one."""
        if code == EXHAUSTED:
            self._full = True
        if len(self._prepared) >= MOST_COUNTED:
            del self._prepared[next(iter(self._prepared))]
        self._prepared[sql] = None

    def _evict(self) -> Prepared | None:
        held = [(sql, one) for sql, one in self._prepared.items() if one is not None]
        if len(held) < MOST_PREPARED:
            return None
        sql, oldest = held[0]
        del self._prepared[sql]
        return oldest
