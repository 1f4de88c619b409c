"""One transaction on one connection: what the block of `Database.transaction()` is given."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from pymysql import err
from pymysql.constants import SERVER_STATUS

from studentapi.mysql.errors import CommitUnknown, Consequence, code_of, consequence, is_open_after_commit
from studentapi.mysql.statements import nature

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from studentapi.mysql.answers import Result
    from studentapi.mysql.connection import Connection
    from studentapi.mysql.settlement import Markers
    from studentapi.mysql.statements import Nature

T = TypeVar("T")

STATEMENT_SIZE = 512 * 1024
"""Bytes at which `execute_many` begins another statement; far below any usual max_allowed_packet."""


class Transaction:
    """Statements between BEGIN and COMMIT. None of them is ever run twice.

    Errors are PyMySQL's, with the server's code and message; `DatabaseUnavailable` when the connection is
    lost, `StatementTimeout` past the deadline. After these, a deadlock or a lock wait, the transaction is undone
    at once and takes nothing more: the server may have ended it already, and would commit the next statement by
    itself. Only an error that failed its statement alone, such as a duplicate key, may be caught within a block.
    """

    def __init__(
        self,
        connection: Connection,
        failed: Callable[[err.Error, Connection], err.Error],
        markers: Markers | None,
    ) -> None:
        self.connection = connection
        self.marker: bytes | None = None
        self.markers = markers
        self._failed = failed
        self.wrote = self._over = self._left = False
        self.last_insert_id = 0

    def read(self, sql: str, params: Any = ()) -> tuple[tuple[Any, ...], ...]:
        """Rows of one SELECT, as this transaction sees them."""
        return self._fetch(sql, params).rows

    def execute(self, sql: str, params: Any = (), *, like: str | None = None) -> int:
        """Run one statement; returns the number of affected rows and keeps `last_insert_id`.

        `like`: the statement that it is but for the rows in it, which is looked at in its place.
        Raises `RuntimeError` for one that ended the transaction, such as DDL, which commits by itself.
        """
        result = self._fetch(sql, params, nature(like or sql))
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
            batch.append(values % tuple([self.connection.literal(value) for value in row]))
            size += len(batch[-1])
            if size >= STATEMENT_SIZE:
                affected += self.execute(head + ",".join(batch) + tail, like=sql)
                batch, size = [], 0
        if batch:
            affected += self.execute(head + ",".join(batch) + tail, like=sql)
        return affected

    def marked(self, markers: Markers, marker: bytes) -> None:
        """Say that this transaction has written `marker`, a row of its own in `markers`: it needs no other."""
        self.markers, self.marker = markers, marker

    def begin(self) -> None:
        """Send BEGIN."""
        self.connection.fetch("BEGIN")

    def commit(self) -> None:
        """Send COMMIT; raises `CommitUnknown` when its reply is lost."""
        self._check()
        if self.marker is None and self.markers is not None and self.wrote:
            self.marker = self._guarded(self.markers.write, self.connection)
        self._over = True
        try:
            self.connection.fetch("COMMIT")
        except err.Error as error:
            failure = self._failed(error, self.connection)
            if is_open_after_commit(error):
                self.connection.discard()
                raise CommitUnknown(
                    code_of(failure), "The reply to COMMIT was lost: the transaction is whole, or not at all"
                ) from error
            # The server answered: there was no commit (a deadlock that Galera certifies only now, a full disk).
            self._undo()
            raise failure from error

    def rollback(self) -> None:
        """Undo everything; a connection on which that fails is closed, which undoes it as well."""
        if not self._over:
            self._over = True
            self._undo()

    def _undo(self) -> None:
        try:
            self.connection.fetch("ROLLBACK")
        except err.Error:
            self.connection.discard()

    def _fetch(self, sql: str, params: Any, kind: Nature | None = None) -> Result:
        kind = kind or nature(sql)
        if kind.leaves is not None:
            self.connection.leaves, self._left = kind.leaves, True
        self.wrote = self.wrote or not kind.reads
        result = self._guarded(self.connection.fetch, sql, params)
        if not kind.reads and not self.connection.server_status & SERVER_STATUS.SERVER_STATUS_IN_TRANS:
            self._over = True
            raise RuntimeError("this statement has committed the transaction by itself: it cannot be in one")
        return result

    def _guarded(self, step: Callable[..., T], *arguments: Any) -> T:
        self._check()
        try:
            return step(*arguments)
        except err.Error as error:
            if consequence(error) is not Consequence.KEEP:
                if self._left:  # begun in here, so that running it again begins it again
                    self.connection.leaves = None
                self.rollback()
            raise self._failed(error, self.connection) from error

    def _check(self) -> None:
        if self._over:
            raise RuntimeError("this transaction is over: committed, or undone by an earlier error")


def _split_values(sql: str) -> tuple[str, str, str]:
    """`INSERT … VALUES `, `(%s, …)` and the rest."""
    start = sql.upper().find("VALUES")
    opening = sql.find("(", start)
    closing = sql.find(")", opening)
    if start < 0 or opening < 0 or closing < 0:
        raise ValueError("execute_many takes INSERT … VALUES (%s, …)")
    return sql[:opening], sql[opening : closing + 1], sql[closing + 1 :]
