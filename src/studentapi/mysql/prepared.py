"""SELECTs that are said to be asked again and again: the server parses and resolves them once for a connection.

Only where the caller says so (`Database.read(…, prepare=True)`), for it is not always the same: MySQL settles the
type of a parameter in a select list by what it is first given, and a session that has been changed does not reach
what was prepared before. Parameters that are compared with columns are what it is for. What cannot be prepared is
sent as text.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

from studentapi.mysql.binary import bind, template

if TYPE_CHECKING:
    from studentapi.mysql.answers import Known
    from studentapi.mysql.binary import Template

PREPARE_AFTER = 5
"""Times that a connection sends a statement as text before it prepares it."""
MOST_PREPARED = 64
"""Statements that a connection prepares; the server has `max_prepared_stmt_count` for all of them."""
NOT_FOUND = frozenset({1243, 1615})
"""The server knows the prepared statement no more, or cannot prepare it again: it has not run."""
IMPOSSIBLE = frozenset({1295, 1390, 1461})
"""It is not a statement that this server prepares, has too many parameters, or there are too many of them."""

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
            return None
        return _EXECUTE.pack(self.number, 0, 1) + parameters


class Statements:
    """What one connection has been asked so, by its text: how often, or what it is as a prepared statement."""

    def __init__(self) -> None:
        self.prepared: dict[str, Prepared] = {}
        self._uses: dict[str, int | None] = {}

    def count(self, sql: str, *, formatted: bool) -> Template | None:
        """Count a use of a statement that is not prepared; what to prepare, if it is time for that."""
        uses = self._uses.get(sql, 0)
        if uses is None or (not uses and len(self._uses) >= MOST_PREPARED):
            return None
        self._uses[sql] = uses + 1
        if uses < PREPARE_AFTER:
            return None
        found = template(sql, formatted=formatted)
        if found is None:
            self.give_up(sql)
        return found

    def keep(self, sql: str, prepared: Prepared) -> None:
        """Remember a statement that was prepared."""
        self.prepared[sql] = prepared

    def give_up(self, sql: str) -> None:
        """Send this statement as text from now on."""
        self.prepared.pop(sql, None)
        self._uses[sql] = None
