"""One transaction on one connection: what the block of `Database.transaction()` is given."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pymysql import err
from pymysql.constants import CR

from studentapi.mysql.errors import (
    CommitUnknown,
    Consequence,
    DatabaseUnavailable,
    StatementTimeout,
    code_of,
    consequence,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from studentapi.mysql.connection import Connection, Result

STATEMENT_SIZE = 512 * 1024
"""Bytes at which `execute_many` begins another statement; far below any usual max_allowed_packet."""


class Transaction:
    """Statements between BEGIN and COMMIT. None of them is ever run twice.

    Errors are PyMySQL's, with the server's code and message; `DatabaseUnavailable` when the connection is
    lost, `StatementTimeout` past the deadline. After these, a deadlock or a lock wait, the transaction is undone
    at once and takes nothing more: the server may have ended it already, and would commit the next statement by
    itself. Only an error that failed its statement alone, such as a duplicate key, may be caught within a block.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._over = False
        self.last_insert_id = 0

    def read(self, sql: str, params: Any = ()) -> tuple[tuple[Any, ...], ...]:
        """Rows of one SELECT, as this transaction sees them."""
        return self._fetch(sql, params).rows

    def execute(self, sql: str, params: Any = ()) -> int:
        """Run one statement; returns the number of affected rows and keeps `last_insert_id`."""
        result = self._fetch(sql, params)
        self.last_insert_id = result.insert_id
        return result.affected

    def execute_many(self, sql: str, rows: Iterable[Sequence[Any]]) -> int:
        """Run `INSERT … VALUES (%s, …) …` for many rows, in statements of about `STATEMENT_SIZE` bytes.

        The values' parentheses have to hold placeholders alone. Returns the number of affected rows.
        """
        head, values, tail = _split_values(sql)
        affected = size = 0
        batch: list[str] = []
        for row in rows:
            batch.append(values % tuple([self._connection.escape(value) for value in row]))
            size += len(batch[-1])
            if size >= STATEMENT_SIZE:
                affected += self.execute(head + ",".join(batch) + tail)
                batch, size = [], 0
        if batch:
            affected += self.execute(head + ",".join(batch) + tail)
        return affected

    def begin(self) -> None:
        """Send BEGIN."""
        self._connection.fetch("BEGIN")

    def commit(self) -> None:
        """Send COMMIT; raises `CommitUnknown` when its reply is lost."""
        self._check()
        self._over = True
        try:
            self._connection.fetch("COMMIT")
        except err.Error as error:
            if consequence(error) is Consequence.DISCARD or isinstance(error, StatementTimeout):
                self._connection.discard()
                raise CommitUnknown(
                    code_of(error), "The reply to COMMIT was lost: the transaction is whole, or not at all"
                ) from error
            # The server answered: there was no commit (a deadlock that Galera certifies only now, a full disk).
            self._undo()
            raise translated(error, self._connection) from error

    def rollback(self) -> None:
        """Undo everything; a connection on which that fails is closed, which undoes it as well."""
        if not self._over:
            self._over = True
            self._undo()

    def _undo(self) -> None:
        try:
            self._connection.fetch("ROLLBACK")
        except err.Error:
            self._connection.discard()

    def _fetch(self, sql: str, params: Any) -> Result:
        self._check()
        try:
            return self._connection.fetch(sql, params)
        except err.Error as error:
            if consequence(error) is not Consequence.KEEP:
                self.rollback()
            raise translated(error, self._connection) from error

    def _check(self) -> None:
        if self._over:
            raise RuntimeError("this transaction is over: committed, or undone by an earlier error")


def translated(error: err.Error, connection: Connection) -> err.Error:
    """The error to raise for `error`, with the server's code kept; a connection that is over is closed."""
    if isinstance(error, StatementTimeout):
        connection.end_in_server()
        return error
    match consequence(error):
        case Consequence.DISCARD | Consequence.LEAVE_SERVER:
            connection.discard()
            if code_of(error) == 0:  # PyMySQL lost its place, and gave that no code
                return DatabaseUnavailable(
                    CR.CR_COMMANDS_OUT_OF_SYNC, str(error.args[-1] if error.args else error)
                )
            return DatabaseUnavailable(*error.args)
        case Consequence.GIVE_UP:
            connection.discard()
        case Consequence.TIMED_OUT:
            return StatementTimeout(*error.args)
    return error


def _split_values(sql: str) -> tuple[str, str, str]:
    """`INSERT … VALUES `, `(%s, …)` and the rest."""
    start = sql.upper().find("VALUES")
    opening = sql.find("(", start)
    closing = sql.find(")", opening)
    if start < 0 or opening < 0 or closing < 0:
        raise ValueError("execute_many takes INSERT … VALUES (%s, …)")
    return sql[:opening], sql[opening : closing + 1], sql[closing + 1 :]
