"""The counted result: which percent of a student's attempts at an assessment is the one that counts."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from studentapi.mysql.transaction import Transaction

Counted = Literal["best", "last", "first", "mean"]

_PAIRS_AT_ONCE = 500


def counted_percent(rule: Counted, percents: Sequence[Decimal]) -> Decimal:
    """The percent that counts among those of the graded attempts, given in the order of their numbers."""
    match rule:
        case "best":
            return max(percents)
        case "last":
            return percents[-1]
        case "first":
            return percents[0]
        case "mean":
            return round(sum(percents, Decimal(0)) / len(percents), 4)


def recount(tx: Transaction, pairs: Sequence[tuple[int, int]]) -> None:
    """Bring the results of these (student, assessment) pairs, by inner ids, in line with their attempts.

    To be called in the transaction that changed the attempts. A pair with no graded attempt has no result.
    """
    for start in range(0, len(pairs), _PAIRS_AT_ONCE):
        _recount(tx, pairs[start : start + _PAIRS_AT_ONCE])


def _recount(tx: Transaction, pairs: Sequence[tuple[int, int]]) -> None:
    rows = tx.read(
        """
        SELECT attempts.student_id, attempts.assessment_id, assessments.counted, attempts.percent
        FROM attempts STRAIGHT_JOIN assessments ON assessments.id = attempts.assessment_id
        WHERE (attempts.student_id, attempts.assessment_id) IN %s
            AND attempts.state = 'graded' AND attempts.deleted_at IS NULL
        ORDER BY attempts.student_id, attempts.assessment_id, attempts.number""",
        (pairs,),
    )
    percents: dict[tuple[int, int], list[Decimal]] = defaultdict(list)
    rules: dict[tuple[int, int], Counted] = {}
    for student, assessment, rule, percent in rows:
        rules[student, assessment] = rule
        percents[student, assessment].append(percent)
    tx.execute_many(
        """
        INSERT INTO results (student_id, assessment_id, percent) VALUES (%s, %s, %s)
        ON DUPLICATE KEY UPDATE percent = VALUES(percent)""",
        [(*pair, counted_percent(rules[pair], graded)) for pair, graded in percents.items()],
    )
    # one by one: MariaDB's DELETE does not use the key for a list of pairs
    for pair in pairs:
        if pair not in percents:
            tx.execute("DELETE FROM results WHERE student_id = %s AND assessment_id = %s", pair)
