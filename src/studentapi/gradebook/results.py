"""The counted result: which percent of a student's attempts at an assessment is the one that counts."""

from __future__ import annotations

from collections import defaultdict
from decimal import ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING, Literal, NamedTuple

from studentapi.gradebook.documents import dumps

if TYPE_CHECKING:
    from collections.abc import Sequence

    from studentapi.mysql.transaction import Transaction

Counted = Literal["best", "last", "first", "mean"]

_PAIRS_AT_ONCE = 500
_DELETE = """
    DELETE results FROM JSON_TABLE(%s, '$[*]' COLUMNS (
        student BIGINT UNSIGNED PATH '$[0]', assessment BIGINT UNSIGNED PATH '$[1]')) AS gone
    STRAIGHT_JOIN results ON results.student_id = gone.student AND results.assessment_id = gone.assessment"""
"""By key, pair after pair: for a list of pairs, MariaDB's DELETE would look at all rows."""


class Graded(NamedTuple):
    """The percents of a student's graded attempts at an assessment, in the order of their numbers, in short."""

    n: int
    total: Decimal
    best: Decimal
    first: Decimal
    last: Decimal

    @classmethod
    def of(cls, percents: Sequence[Decimal]) -> Graded:
        """Those of at least one attempt."""
        return cls(len(percents), sum(percents, Decimal(0)), max(percents), percents[0], percents[-1])

    def then(self, percent: Decimal) -> Graded:
        """These, and after them another."""
        return Graded(self.n + 1, self.total + percent, max(self.best, percent), self.first, percent)

    def counted(self, rule: Counted) -> Decimal:
        """The percent that counts."""
        match rule:
            case "best":
                return self.best
            case "last":
                return self.last
            case "first":
                return self.first
            case "mean":
                return (self.total / self.n).quantize(Decimal("0.0001"), ROUND_HALF_UP)


def counted_percent(rule: Counted, percents: Sequence[Decimal]) -> Decimal:
    """The percent that counts among those of the graded attempts, given in the order of their numbers."""
    return Graded.of(percents).counted(rule)


def keep(tx: Transaction, counted: Sequence[tuple[int, int, Decimal]]) -> None:
    """Keep what counts of (student, assessment), by inner ids."""
    tx.execute_many(
        """
        INSERT INTO results (student_id, assessment_id, percent) VALUES (%s, %s, %s)
        ON DUPLICATE KEY UPDATE percent = VALUES(percent)""",
        counted,
    )


def recount(tx: Transaction, pairs: Sequence[tuple[int, int]]) -> None:
    """Bring the results of these (student, assessment) pairs, by inner ids, in line with their attempts.

    To be called in the transaction that changed the attempts. A pair with no graded attempt has no result.
    """
    for start in range(0, len(pairs), _PAIRS_AT_ONCE):
        _recount(tx, pairs[start : start + _PAIRS_AT_ONCE])


def _recount(tx: Transaction, pairs: Sequence[tuple[int, int]]) -> None:
    # A locking read sees what others have committed since this transaction began, and holds off what they add.
    # By its index always: where one student has most of the rows, a scan would lock those of the others too.
    rows = tx.read(
        """
        SELECT student_id, assessment_id, percent FROM attempts FORCE INDEX (attempts_number)
        WHERE (student_id, assessment_id) IN %s AND state = 'graded' AND deleted_at IS NULL
        ORDER BY student_id, assessment_id, number FOR UPDATE""",
        (pairs,),
    )
    rules: dict[int, Counted] = dict(
        tx.read(
            "SELECT id, counted FROM assessments WHERE id IN %s LOCK IN SHARE MODE",
            ({assessment for _, assessment in pairs},),
        )
    )
    percents: dict[tuple[int, int], list[Decimal]] = defaultdict(list)
    for student, assessment, percent in rows:
        percents[student, assessment].append(percent)
    keep(tx, [(*pair, counted_percent(rules[pair[1]], graded)) for pair, graded in percents.items()])
    gone = [pair for pair in pairs if pair not in percents]
    if gone:
        tx.execute(_DELETE, (dumps(gone).decode(),))
