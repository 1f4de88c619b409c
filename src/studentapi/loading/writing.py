"""Bringing the gradebook's tables in line with the rows of a data set, within one transaction.

What is there is read first; what is missing is inserted, and what differs is updated. So a second run
writes nothing at all: no `updated_at` moves, and no inner id is used up, as INSERT IGNORE and ON DUPLICATE
KEY UPDATE would. A row of the data set that was deleted here is restored, since that row was asked for.
Rows that are not the data set's (other public ids, further attempts) are never touched.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from itertools import islice
from typing import TYPE_CHECKING, Any

from pymysql import err

from studentapi.gradebook.results import recount
from studentapi.loading.tables import ASSESSMENTS, ATTEMPTS, REFERENCES
from studentapi.mysql.errors import StatementTimeout

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from studentapi.loading.tables import Filling, Row, Table
    from studentapi.mysql.transaction import Transaction

BATCH = 2000
"""Rows that are compared and inserted at once: statements of a few hundred KB at most."""


class Conflict(Exception):  # noqa: N818 - it names a condition, as the project's other errors do
    """The database has something else where a row of the data set belongs, or another load is at work."""


def write(
    tx: Transaction, school: str, fillings: Iterable[Filling], progress: Callable[[str, int, int], None]
) -> Counter[str]:
    """Bring the tables in line with `fillings`, each of which comes after those that it refers to.

    Returns how many rows were "inserted" and "updated". `progress` is told (table, rows done, of how many).
    `school` is the public id of the school that all of it belongs to. Raises `Conflict`, and the database's
    own errors; the transaction is then to be rolled back.
    """
    # Two loads at once wait for each other here, before either has a snapshot to read from.
    try:
        tx.read("SELECT id FROM schools WHERE public_id = %s FOR UPDATE", (school,))
    except StatementTimeout as error:
        raise Conflict(f"school {school!r} is being loaded or changed elsewhere; try again later") from error
    writer = _Writer(tx)
    for filling in fillings:
        done = 0
        progress(filling.table.name, done, filling.total)
        for batch in _batches(filling.rows):
            writer.bring_in_line(filling.table, batch)
            done += len(batch)
            progress(filling.table.name, done, filling.total)
    writer.recount_changed_assessments()
    return writer.counts


class _Writer:
    """Knows the inner ids of what it has written, for the rows that refer to it."""

    def __init__(self, tx: Transaction) -> None:
        self.counts: Counter[str] = Counter(inserted=0, updated=0)
        self._tx = tx
        # table → public id → inner id
        self._ids: dict[str, dict[str, int]] = defaultdict(dict)
        self._changed_assessments: list[int] = []

    def bring_in_line(self, table: Table, batch: list[Row]) -> None:
        """Insert or update what is not as in `batch`, and recount the results of attempts among it."""
        wanted = {row[0]: self._resolved(table, row) for row in batch}
        there = self._present(table, wanted)
        missing = {public_id: row for public_id, row in wanted.items() if public_id not in there}
        changed = {
            public_id: row
            for public_id, row in wanted.items()
            if public_id in there and there[public_id][1:] != (None, *row)
        }
        self._insert(table, missing)
        for public_id, row in changed.items():
            self._update(table, public_id, there[public_id], row)
        self.counts.update(inserted=len(missing), updated=len(changed))

        if table is ATTEMPTS:
            student, assessment = table.columns.index("student_id"), table.columns.index("assessment_id")
            pairs = [(row[student], row[assessment]) for row in (missing | changed).values()]
            recount(self._tx, pairs)
            return
        if missing:
            there |= self._present(table, missing)
        self._ids[table.name].update({public_id: row[0] for public_id, row in there.items()})
        if table is ASSESSMENTS:
            self._changed_assessments += [there[public_id][0] for public_id in changed]

    def recount_changed_assessments(self) -> None:
        """What counts among the attempts at them may have changed, also among those of the school's own."""
        for assessment in self._changed_assessments:
            pairs = self._tx.read(
                "SELECT DISTINCT student_id, assessment_id FROM attempts WHERE assessment_id = %s", (assessment,)
            )
            recount(self._tx, [(student, assessment) for student, assessment in pairs])

    def _resolved(self, table: Table, row: Row) -> Row:
        """The row's values for `table.columns`, with inner ids for references."""
        return tuple(
            [
                self._ids[REFERENCES[column]][value] if column in REFERENCES else value
                for column, value in zip(table.columns, row[1:], strict=True)
            ]
        )

    def _present(self, table: Table, public_ids: Iterable[str]) -> dict[str, Row]:
        """Inner id, time of deletion and values of those that are in the table, by public id."""
        rows = self._tx.read(table.select, (tuple(public_ids),))
        return {public_id: (inner_id, *rest) for inner_id, public_id, *rest in rows}

    def _insert(self, table: Table, missing: dict[str, Row]) -> None:
        try:
            self._tx.execute_many(table.insert, [(public_id, *row) for public_id, row in missing.items()])
        except err.IntegrityError as error:
            raise self._occupied(table, missing) or error from error

    def _occupied(self, table: Table, missing: dict[str, Row]) -> Conflict | None:
        """Find the row with another public id that has a unique key of one of `missing`."""
        for public_id, row in missing.items() if table.key else ():
            values = dict(zip(table.columns, row, strict=True))
            found = self._tx.read(table.select_by_key, [values[column] for column in table.key])
            if found:
                return Conflict(
                    f"{table.name} {public_id!r} cannot be made: "
                    f"{found[0][0]!r} has the same {', '.join(table.key)}"
                )
        return None

    def _update(self, table: Table, public_id: str, there: Row, row: Row) -> None:
        inner_id, _, *values = there
        for column, old, new in zip(table.columns, values, row, strict=True):
            if column not in table.facts and old != new:
                raise Conflict(f"{table.name} {public_id!r} is there already, and is another: by its {column}")
        facts: list[Any] = [row[table.columns.index(column)] for column in table.facts]
        self._tx.execute(table.update, (*facts, inner_id))


def _batches(rows: Iterable[Row]) -> Iterator[list[Row]]:
    source = iter(rows)
    while batch := list(islice(source, BATCH)):
        yield batch
