"""The audit of changes: who changed what, from what, to what; written in the transaction of the change."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

from studentapi.gradebook.documents import dumps

if TYPE_CHECKING:
    from studentapi.gradebook.resources import Row
    from studentapi.mysql.transaction import Transaction

Action = Literal["create", "update", "delete", "restore"]

_INSERT = """
    INSERT INTO changes (token, request_id, resource, resource_id, action, row_before, row_after)
    VALUES (%s, %s, %s, %s, %s, %s, %s)"""


class Author(NamedTuple):
    """Who writes: the public id of a token, None at the command line; and in which request."""

    token: str | None = None
    request: str | None = None


class Record(NamedTuple):
    """One change: `resource` is its plural name."""

    resource: str
    public_id: str
    action: Action
    before: Row | None
    after: Row | None


class Writer(NamedTuple):
    """A transaction, and who writes in it."""

    tx: Transaction
    by: Author

    def record(self, *records: Record) -> None:
        """Write down what this transaction changes."""
        self.tx.execute_many(
            _INSERT,
            (
                (
                    *self.by,
                    one.resource,
                    one.public_id,
                    one.action,
                    None if one.before is None else dumps(one.before).decode(),
                    None if one.after is None else dumps(one.after).decode(),
                )
                for one in records
            ),
        )
