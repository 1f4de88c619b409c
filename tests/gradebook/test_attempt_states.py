from __future__ import annotations

import random
from collections import defaultdict
from decimal import Decimal
from fractions import Fraction
from math import floor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from studentapi.gradebook import attempt_steps
from studentapi.gradebook.attempt_states import DETAILS, STATES, STEPS, percent_of
from studentapi.gradebook.attempt_writing import Told, create, replace
from studentapi.gradebook.refusals import NotAllowed
from studentapi.gradebook.responses import Answer
from tests.gradebook.classroom import ESSAY, MACHINE, anything, furnish, write

if TYPE_CHECKING:
    from collections.abc import Sequence

    from studentapi.mysql.database import Database

PAGE = Path(__file__).parents[2] / "docs" / "attempts.md"
GIVEN: dict[str, dict[str, Any]] = {
    "submitted": {"responses": (Answer("essay", "…"),)},
    "graded": {"score": Decimal(3)},
}
BEFORE: dict[str, Sequence[str]] = {
    "in_progress": ("in_progress",),
    "submitted": ("submitted",),
    "graded": ("graded",),
    "exempt": ("in_progress", "submitted", "graded"),
}


def documented() -> dict[tuple[str, str], set[str]]:
    """What the page's table says of each state and step: the states, or the code, that it leads to."""
    head, _, *rows = PAGE.read_text().partition("| state | `save`")[2].partition("\n\n")[0].splitlines()
    steps = ["save", *(cell.strip(" `") for cell in head.strip(" |").split("|"))]
    table: dict[tuple[str, str], set[str]] = {}
    for row in rows:
        state, *cells = [cell.strip() for cell in row.strip("|").split("|")]
        table |= {
            (state.strip("`"), step): {part.strip("` ") for part in cell.split(" or ")}
            for step, cell in zip(steps, cells, strict=True)
        }
    return table


def taken(database: Database, step: str, public_id: str) -> str:
    """Take a step; returns the state that it leads to, or the code of the refusal."""
    try:
        match step:
            case "save":
                write(database, attempt_steps.save, public_id, [Answer("number", 1)], anything)
            case "grade":
                write(database, attempt_steps.grade, public_id, Decimal(2), anything)
            case _:
                write(database, getattr(attempt_steps, step), public_id, anything)
    except NotAllowed as refusal:
        return refusal.code if refusal.code in DETAILS else "undocumented"
    ((state,),) = database.read("SELECT state FROM attempts WHERE public_id = %s", (public_id,))
    return str(state)


def _shown(database: Database, essay: bool) -> None:
    """Have an item that a person grades, or none."""
    gone = None if essay else "2026-01-01"
    database.run(lambda tx: tx.execute("UPDATE items SET deleted_at = %s WHERE public_id = 'essay'", (gone,)))


def test_the_table_of_states_is_what_happens(database: Database) -> None:
    furnish(database, items=MACHINE + ESSAY)
    happened: dict[tuple[str, str], set[str]] = defaultdict(set)
    for state in STATES:
        for step in STEPS:
            for essay in (True, False):
                _shown(database, essay)
                for before in BEFORE[state]:
                    given = GIVEN.get(before, {})
                    if before == "submitted" and not essay:
                        continue  # it would be graded at once
                    row = write(database, create, Told("a1", "s1", **given))
                    assert row["state"] == before
                    if state == "exempt":
                        write(database, attempt_steps.exempt, row["id"], anything)
                    happened[state, step].add(taken(database, step, row["id"]))
    assert happened == documented()


def test_percents_are_rounded_half_up() -> None:
    generator = random.Random(4)
    for _ in range(5_000):
        score = Decimal(generator.randrange(0, 10_000_000)).scaleb(-4)
        points_max = Decimal(generator.randrange(int(score * 1001) + 1, 999_990_001)).scaleb(-4)
        exact = Fraction(score) / Fraction(points_max) * 100
        assert percent_of(score, points_max) == Decimal(floor(exact * 10_000 + Fraction(1, 2))).scaleb(-4)
    assert percent_of(Decimal("0.00005") * 2, Decimal(200)) == Decimal("0.0001")


def test_bonus_points_are_taken_as_far_as_the_column_holds_them() -> None:
    assert percent_of(Decimal("99.9999"), Decimal(10)) == Decimal("999.9990")
    with pytest.raises(NotAllowed, match="percent"):
        percent_of(Decimal(100), Decimal(10))


def test_a_repeated_record_changes_nothing(database: Database) -> None:
    furnish(database, items=MACHINE + ESSAY)
    told = Told("a1", "s1", responses=(Answer("choice", "b"), Answer("essay", "mine")))
    made, is_new = write(database, replace, "x", told, anything)
    assert (made["state"], is_new) == ("submitted", True)
    graded = write(
        database, attempt_steps.grade_items, "x", [attempt_steps.Points("essay", Decimal(5))], anything
    )
    assert (graded["state"], graded["score"], graded["percent"]) == ("graded", 9, 90)
    # the answers are the same, so what a person gave for them stays
    assert write(database, replace, "x", told, anything) == (graded, False)
    other = told._replace(responses=(Answer("choice", "b"), Answer("essay", "another")))
    assert write(database, replace, "x", other, anything)[0]["state"] == "submitted"
