"""The feed of changes: every committed change once, in one order that never changes behind a reader.

Writers insert into `changes` without a position, each in its own transaction, and wait for nobody. Positions
are given by readers: who finds changes without one takes the lock of the single row of `change_feed`, reads
those that are committed in the order of their ids, gives them the next positions, and commits.

*No gap, no duplicate, nothing late.* Positions are given under that lock alone, to committed changes alone, and
each run begins where the committed run before it ended. The run's first consistent read comes after the lock,
so its snapshot is younger than the commit of the run before: under READ COMMITTED each statement has its own,
under REPEATABLE READ the first read that takes no lock makes it, and a locking one makes none. A run that is
undone leaves neither positions nor a moved row. Hence the committed positions are 1 … n without a hole at any
moment, a committed change has exactly one for good, and whatever is committed later gets one beyond n. Ids that
no committed change has, those of transactions undone, mean nothing. The number of rows that a run gave
positions to is compared with the number that it read; where they differ, it is undone.

*Order.* If a transaction T was committed before change c was recorded, T's changes come before c. Their ids are
lower: an id is drawn when a row is inserted, T's before its commit, that of c afterwards. And a snapshot that
has c has T, whose commit was earlier; so T's changes have positions already, or are read with c and sorted
before it. From this follows the order of each resource: a change is recorded after its row was written or
locked, and the lock is held to the end, so that of two transactions which wrote one row the first had been
committed when the second recorded its own. And what a row refers to was made before it and is deleted after it,
for it is locked likewise.

*Not promised.* Changes of transactions that ran side by side, and touched nothing in common, are interleaved as
their ids are; a transaction's own are in its order, not always next to each other, and a page may end among
them. But a page of everything that is not full ends where a snapshot does: all of every transaction in it,
nothing of others.

It takes one server at a time that draws ids (Galera's nodes draw from different ones).
"""

from __future__ import annotations

from itertools import takewhile
from typing import TYPE_CHECKING, Any, NamedTuple

from studentapi.gradebook import people, registry
from studentapi.gradebook.documents import dumps

if TYPE_CHECKING:
    from datetime import datetime

    from studentapi.gradebook.resources import Row
    from studentapi.mysql.database import Database
    from studentapi.mysql.transaction import Transaction

AT_ONCE = 2000
"""Changes that one transaction gives positions to."""
MOST_RUNS = 25
"""Such transactions that one call waits for."""
PRUNED_AT_ONCE = 1000

KINDS = {one.plural: one for one in (*registry.RESOURCES, people.students)}
"""What the feed may be narrowed to, by plural. Students are recorded as the users that they are."""

# One statement, so that page, end, floor and whether anything waits are of one moment.
_LOOK = """
    SELECT feed.position AS feed_position, feed.pruned AS feed_pruned,
        EXISTS (SELECT 1 FROM changes WHERE position IS NULL) AS feed_waiting, page.*
    FROM change_feed AS feed LEFT JOIN (
        SELECT position, occurred_at, token AS token_id, request_id, resource, resource_id, action,
            row_before AS `before`, row_after AS `after`
        FROM changes"""
_LOOKED = """
        ORDER BY position LIMIT %s
    ) AS page ON TRUE
    ORDER BY page.position"""

# The ids come first and lead to their rows by the primary key: all of these are committed. By the index of
# positions, which the condition must not invite to, it would meet others' rows and wait for their commits.
_GIVE = """
    UPDATE JSON_TABLE(%s, '$[*]' COLUMNS (number FOR ORDINALITY, id BIGINT UNSIGNED PATH '$')) AS given
        STRAIGHT_JOIN changes FORCE INDEX (PRIMARY) ON changes.id = given.id
    SET changes.position = %s + given.number
    WHERE COALESCE(changes.position, 0) = 0"""


class Scope(NamedTuple):
    """Which changes: all, those of one of `KINDS`, or those of one resource."""

    kind: str | None = None
    public_id: str | None = None


EVERYTHING = Scope()


class Page(NamedTuple):
    """Some changes, and the position after which the next page begins.

    A change has position, occurred_at (naive UTC), token_id, request_id, resource, resource_id, action, and
    `before` and `after`, each JSON text or None.
    """

    changes: list[Row]
    position: int


class Gone(Exception):  # noqa: N818 - named for the condition
    """What follows a position is not in the feed, or not any more: a copy has to be made anew."""


class Behind(Exception):  # noqa: N818 - named for the condition
    """So much waits for positions that one call does not get to the end; the next gets further."""


class _Given(NamedTuple):
    """The last position given, and whether nothing that was committed is left without one."""

    position: int
    complete: bool


def page(database: Database, limit: int, after: int | None = None, scope: Scope = EVERYTHING) -> Page:
    """Up to `limit` changes that follow the position `after`; of None, the first that are kept.

    Fewer than `limit` are all that were committed when this was called. Raises `Gone` and `Behind`.
    """
    for _ in range(MOST_RUNS):
        seen, waiting = _look(database, limit, after, scope)
        if len(seen.changes) == limit or not waiting:
            return seen
        given = database.run(_give_positions)
        if after is not None and given.position < after:
            raise Gone
        if given.complete:
            seen, _ = _look(database, limit, after, scope)
            return seen if len(seen.changes) == limit else _until(given.position, seen)
    raise Behind


def end(database: Database) -> int:
    """The position of the last change that is committed. Raises `Behind`."""
    for _ in range(MOST_RUNS):
        given = database.run(_give_positions)
        if given.complete:
            return given.position
    raise Behind


def prune(database: Database, before: datetime) -> int:
    """Delete the changes up to the first that occurred at `before` (naive UTC) or later; returns how many.

    In batches, each a transaction.
    """
    while not database.run(_give_positions).complete:
        pass
    total = 0
    while True:
        deleted = database.run(lambda tx: _prune_some(tx, before))
        total += deleted
        if deleted < PRUNED_AT_ONCE:
            return total


def _look(database: Database, limit: int, after: int | None, scope: Scope) -> tuple[Page, bool]:
    """A page of what has positions, and whether anything waits for one."""
    narrowed, params = _narrowed(scope)
    rows = database.records(
        f"{_LOOK} FORCE INDEX ({_index(scope)}) WHERE position > %s{narrowed}{_LOOKED}",
        [after or 0, *params, limit],
    )
    if not rows:  # the row of change_feed is missing
        return Page([], after or 0), True
    position, pruned, waiting = (int(rows[0][name]) for name in ("feed_position", "feed_pruned", "feed_waiting"))
    if after is not None and after < pruned:
        raise Gone
    changes = [
        {name: value for name, value in row.items() if not name.startswith("feed_")}
        for row in rows
        if row["position"] is not None
    ]
    last = changes[-1]["position"] if len(changes) == limit else max(position, after or 0)
    # a server that is behind the one before, or has lost what that had, does not know the position
    return Page(changes, last), bool(waiting) or position < (after or 0)


def _narrowed(scope: Scope) -> tuple[str, list[Any]]:
    """The condition of a scope, and its values."""
    if scope.kind is None:
        return "", []
    kind = KINDS[scope.kind]
    conditions = [" AND resource = %s"]
    params = [kind.recorded_as or kind.plural]
    if scope.public_id is not None:
        conditions.append(" AND resource_id = %s")
        params.append(scope.public_id)
    for column, value in kind.fixed.items():
        conditions.append(" AND JSON_UNQUOTE(JSON_EXTRACT(COALESCE(row_after, row_before), %s)) = %s")
        params += [f"$.{column}", value]
    return "".join(conditions), params


def _index(scope: Scope) -> str:
    """The index that has the scope's changes in the order of their positions."""
    if scope.kind is None:
        return "changes_position"
    return "changes_of_kind" if scope.public_id is None else "changes_of_resource"


def _until(position: int, seen: Page) -> Page:
    """The part of a page up to `position`, which ends a snapshot."""
    changes = list(takewhile(lambda change: change["position"] <= position, seen.changes))
    return Page(changes, min(seen.position, position))


def _give_positions(tx: Transaction) -> _Given:
    """Give positions to committed changes that have none, in the order of their ids."""
    position, _ = _locked(tx)
    # the first consistent read of the transaction: see above
    rows = tx.read(
        "SELECT id FROM changes FORCE INDEX (changes_position) WHERE position IS NULL ORDER BY id LIMIT %s",
        (AT_ONCE,),
    )
    if rows:
        given = tx.execute(_GIVE, (dumps([row[0] for row in rows]).decode(), position))
        if given != len(rows):
            raise AssertionError(f"{given} of {len(rows)} changes were given a position")
        position += given
        tx.execute("UPDATE change_feed SET position = %s WHERE id = 1", (position,))
    return _Given(position, len(rows) < AT_ONCE)


def _prune_some(tx: Transaction, before: datetime) -> int:
    _, pruned = _locked(tx)
    rows = tx.read(
        "SELECT id, position, occurred_at FROM changes FORCE INDEX (changes_position) WHERE position > %s"
        " ORDER BY position LIMIT %s",
        (pruned, PRUNED_AT_ONCE),
    )
    old = list(takewhile(lambda row: row[2] < before, rows))
    if old:
        tx.execute("DELETE FROM changes WHERE id IN %s", ([row[0] for row in old],))
        tx.execute("UPDATE change_feed SET pruned = %s WHERE id = 1", (old[-1][1],))
    return len(old)


def _locked(tx: Transaction) -> tuple[int, int]:
    """The last position given, and the last one pruned; locked until the transaction's end."""
    select = "SELECT position, pruned FROM change_feed WHERE id = 1 FOR UPDATE"
    rows = tx.read(select)
    if not rows:
        tx.execute(
            "INSERT IGNORE INTO change_feed (id, position) SELECT 1, COALESCE(MAX(position), 0) FROM changes"
        )
        rows = tx.read(select)
    return rows[0]
