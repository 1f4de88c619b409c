"""The item analysis of an assessment: how its items behave, by classical test theory."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from studentapi.gradebook import documents
from studentapi.gradebook.item_statistics import TAIL_PERCENT, analyse
from studentapi.gradebook.resources import NotFound
from studentapi.gradebook.statistics import rounded

if TYPE_CHECKING:
    from collections.abc import Sequence
    from decimal import Decimal

    from studentapi.gradebook.item_statistics import Analysis, ItemIndices, Tails
    from studentapi.gradebook.resources import Row
    from studentapi.mysql.database import Database

_OUTLINE = """
    SELECT assessment.public_id, assessment.title, assessment.id, assessment.counted,
           items.id, items.public_id, items.position, items.kind, items.points, items.answer_key
    FROM assessments AS assessment
        LEFT JOIN items ON items.assessment_id = assessment.id AND items.deleted_at IS NULL
    WHERE assessment.public_id = %s AND assessment.deleted_at IS NULL
    ORDER BY items.position, items.public_id"""

# One graded attempt of each student, and its responses. Of answers only choices are brought along.
_RESPONSES = """
    SELECT chosen.id, chosen.percent, items.id, responses.points,
           responses.answer IS NOT NULL AND JSON_TYPE(responses.answer) <> 'NULL',
           CASE WHEN items.kind IN ('single_choice', 'multiple_choice', 'true_false') THEN responses.answer END
    FROM (
            SELECT attempts.id, attempts.percent,
                   ROW_NUMBER() OVER (
                       PARTITION BY attempts.student_id
                       ORDER BY CASE WHEN %(best)s THEN attempts.percent END DESC,
                                CASE WHEN %(forward)s THEN attempts.number END,
                                attempts.number DESC
                   ) AS place
            FROM attempts
                JOIN users ON users.id = attempts.student_id
                    AND users.role = 'student' AND users.deleted_at IS NULL
            WHERE attempts.assessment_id = %(assessment)s AND attempts.state = 'graded'
                AND attempts.deleted_at IS NULL
        ) AS chosen
        LEFT JOIN (responses JOIN items
                ON items.id = responses.item_id AND items.deleted_at IS NULL
                    AND items.assessment_id = %(assessment)s)
            ON responses.attempt_id = chosen.id AND responses.deleted_at IS NULL
    WHERE chosen.place = 1
    ORDER BY chosen.id"""

UNIT = 10_000
"""Of points: they are kept with 4 decimals."""


@dataclass(frozen=True)
class _Item:
    """`key` is the answer key; `points` what it is worth, in units."""

    inner: int
    public_id: str
    position: int
    kind: str
    points: int
    key: Any


@dataclass(frozen=True)
class _Attempt:
    """By item: points in units, None while ungraded; who answered; and the answers that are choices."""

    percent: Decimal
    points: dict[int, int | None] = field(default_factory=dict)
    answered: set[int] = field(default_factory=set)
    answers: dict[int, Any] = field(default_factory=dict)


def item_analysis(database: Database, assessment_id: str) -> Row:
    """Analyse the items of an assessment, by public id. The formulas are in `item_statistics.analyse`.

    One graded attempt of each student is analysed: the one whose percent is counted (best: of several as good the
    first; first; last), and the last graded one where the mean is counted (`statistics.counted_attempt`). Whoever
    took the assessment counts, still enrolled or not; deleted students, attempts, items and responses do not.

    - An item that a student did not answer scores 0 there, and is in `unanswered`.
    - An item is `scored` if it is worth more than 0 points, and it is not one whose answers nobody has given
      points, as those of an essay before it is graded. One that is not scored is in no total and no alpha, and
      its indices are None; its answers are counted.
    - A student is in `left_out`, and nowhere else, where the attempt has an answer without points to a scored
      item, or has no response at all and yet a percent above 0, as one that was recorded as a whole. With no
      response and 0 percent it was handed in empty, and counts.
    - Totals are Σ points over the scored items.
    - `choices` of single_choice, multiple_choice and true_false are counted over all analysed students, and in
      the upper and the lower group, where shares of students who stand level at the edge make fractions
      (`item_statistics.tails`). Each choice of a multiple_choice counts, so that they can be more than the
      students. `other_answers` are those with a choice that the key has not.

    Indices have 6 decimals, points 4. `n` is the number of analysed students. Raises `NotFound`.
    """
    rows = database.read(_OUTLINE, (assessment_id,))
    if not rows:
        raise NotFound("assessment", assessment_id)
    public_id, title, inner, counted = rows[0][:4]
    items = [_item(row[4:]) for row in rows if row[4] is not None]
    asked = {"assessment": inner, "best": counted == "best", "forward": counted in ("best", "first")}
    attempts = _attempts(database.read(_RESPONSES, asked))
    scored = [item for item in items if item.points and _is_scored(item, attempts)]
    analysed = [attempt for attempt in attempts if _is_complete(attempt, scored)]
    table = [[attempt.points.get(item.inner) or 0 for item in scored] for attempt in analysed]
    analysis = analyse(table, [item.points for item in scored])
    indices = dict(zip((item.inner for item in scored), analysis.items, strict=True))
    return {
        "assessment": {"id": public_id, "title": title},
        "n": len(analysed),
        "left_out": len(attempts) - len(analysed),
        "scored_items": len(scored),
        **_of_test(analysis, bool(scored)),
        "items": [_shown(item, analysed, indices.get(item.inner), analysis.tails) for item in items],
    }


def _item(row: Sequence[Any]) -> _Item:
    inner, public_id, position, kind, points, key = row
    return _Item(inner, public_id, position, kind, int(points * UNIT), key and documents.loads(key))


def _attempts(rows: Sequence[tuple[Any, ...]]) -> list[_Attempt]:
    attempts: dict[int, _Attempt] = {}
    for key, percent, item, points, is_answered, answer in rows:
        attempt = attempts.get(key)
        if attempt is None:
            attempt = attempts[key] = _Attempt(percent)
        if item is None:
            continue
        attempt.points[item] = None if points is None else int(points * UNIT)
        if is_answered:
            attempt.answered.add(item)
        if answer is not None:
            attempt.answers[item] = documents.loads(answer)
    return list(attempts.values())


def _is_scored(item: _Item, attempts: Sequence[_Attempt]) -> bool:
    """Whether anyone has points for it, or else nobody has answered it."""
    return any(attempt.points.get(item.inner) is not None for attempt in attempts) or not any(
        item.inner in attempt.answered for attempt in attempts
    )


def _is_complete(attempt: _Attempt, scored: Sequence[_Item]) -> bool:
    if not attempt.points:
        return attempt.percent <= 0
    return not any(item.inner in attempt.answered and attempt.points[item.inner] is None for item in scored)


def _of_test(analysis: Analysis, has_items: bool) -> Row:
    test = analysis.test
    return {
        "mean_points": rounded(_points(test.mean)) if has_items else None,
        "standard_deviation": rounded(_points(test.standard_deviation)) if has_items else None,
        "alpha": rounded(test.alpha, "index"),
        "group_percent": TAIL_PERCENT,
        "group_size": None if analysis.tails is None else analysis.tails.size,
    }


def _shown(item: _Item, attempts: Sequence[_Attempt], found: ItemIndices | None, tails: Tails | None) -> Row:
    answered = sum(item.inner in attempt.answered for attempt in attempts)
    choices, others = _choices(item, attempts, tails)
    return {
        "id": item.public_id,
        "position": item.position,
        "kind": item.kind,
        "points": item.points / UNIT,
        "scored": found is not None,
        "n": len(attempts),
        "answered": answered,
        "unanswered": len(attempts) - answered,
        "mean_points": rounded(_points(found.mean)) if found else None,
        "standard_deviation": rounded(_points(found.standard_deviation)) if found else None,
        "difficulty": rounded(found.difficulty, "index") if found else None,
        "item_total_correlation": rounded(found.item_total, "index") if found else None,
        "item_rest_correlation": rounded(found.item_rest, "index") if found else None,
        "discrimination": rounded(found.discrimination, "index") if found else None,
        "alpha_without": rounded(found.alpha_without, "index") if found else None,
        "choices": choices,
        "other_answers": others,
    }


def _choices(
    item: _Item, attempts: Sequence[_Attempt], tails: Tails | None
) -> tuple[list[Row] | None, int | None]:
    """How often each choice was taken, and how many answers have one that the key has not."""
    correct = _correct_by_choice(item)
    if correct is None:
        return None, None
    chosen = [_chosen(item.kind, attempt.answers.get(item.inner)) for attempt in attempts]
    counts = Counter(choice for answer in chosen for choice in answer)
    shown = []
    for choice, is_correct in correct.items():
        entry = {"id": choice, "is_correct": is_correct, "count": counts[choice], "upper": None, "lower": None}
        if tails is not None:
            took = [int(choice in answer) for answer in chosen]
            for name, group in (("upper", tails.upper), ("lower", tails.lower)):
                entry[name] = rounded(float(group.total(took)))
        shown.append(entry)
    return shown, sum(not answer <= correct.keys() for answer in chosen)


def _correct_by_choice(item: _Item) -> dict[str, bool] | None:
    """Every choice of the key, in its order, and whether it is correct; None where the kind has no choices."""
    if item.kind == "true_false":
        right = item.key["correct"] if item.key else None
        return {"true": right is True, "false": right is False}
    if item.kind not in ("single_choice", "multiple_choice"):
        return None
    key = item.key or {"choices": [], "correct": []}
    return {choice["id"]: choice["id"] in key["correct"] for choice in key["choices"]}


def _chosen(kind: str, answer: Any) -> frozenset[str]:
    """The ids in an answer, each once; none where there is no answer."""
    if answer is None:
        return frozenset()
    if kind == "true_false" and isinstance(answer, bool):
        return frozenset({"true" if answer else "false"})
    given = answer if kind == "multiple_choice" and isinstance(answer, list) else [answer]
    return frozenset(one if isinstance(one, str) else repr(one) for one in given)


def _points(units: float | None) -> float | None:
    return None if units is None else units / UNIT
