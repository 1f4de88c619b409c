from decimal import Decimal

import pytest

from studentapi.gradebook.results import Counted, counted_percent, recount
from studentapi.mysql.database import Database


@pytest.mark.parametrize(("rule", "percent"), [("best", "9"), ("last", "4"), ("first", "1"), ("mean", "4.6667")])
def test_the_rule_picks_the_percent(rule: Counted, percent: str) -> None:
    assert counted_percent(rule, [Decimal(1), Decimal(9), Decimal(4)]) == Decimal(percent)


def test_results_follow_their_attempts(database: Database) -> None:
    with database.transaction() as tx:
        tx.execute("INSERT INTO schools (id, public_id, name) VALUES (1, 's', 'S')")
        tx.execute("INSERT INTO users (id, public_id, school_id, role, name) VALUES (1, 'u', 1, 'student', 'U')")
        tx.execute("INSERT INTO courses (id, public_id, school_id, title) VALUES (1, 'c', 1, 'C')")
        tx.execute("INSERT INTO classes (id, public_id, course_id, term, title) VALUES (1, 'k', 1, 't', 'K')")
        tx.execute("INSERT INTO chapters (id, public_id, course_id, position, title) VALUES (1, 'h', 1, 1, 'H')")
        for number, rule in enumerate(("best", "last", "first", "mean"), 1):
            tx.execute(
                "INSERT INTO assessments (id, public_id, class_id, chapter_id, title, category, points_max,"
                " counted) VALUES (%s, %s, 1, 1, 'A', 'x', 10, %s)",
                (number, rule, rule),
            )
            for nth, percent in enumerate((10, 90, 40, None), 1):
                tx.execute(
                    "INSERT INTO attempts (public_id, assessment_id, student_id, number, state, percent)"
                    " VALUES (%s, %s, 1, %s, %s, %s)",
                    (f"{number}-{nth}", number, nth, "graded" if percent else "submitted", percent),
                )
        recount(tx, [(1, number) for number in (1, 2, 3, 4)])
    assert database.read("SELECT percent FROM results ORDER BY assessment_id") == tuple(
        (Decimal(percent).quantize(Decimal("0.0001")),) for percent in ("90", "40", "10", "46.6667")
    )
    with database.transaction() as tx:
        tx.execute("UPDATE attempts SET deleted_at = UTC_TIMESTAMP(6) WHERE assessment_id = 1 AND number = 2")
        tx.execute("UPDATE attempts SET state = 'exempt' WHERE assessment_id = 2")
        recount(tx, [(1, 1), (1, 2)])
    assert database.read("SELECT assessment_id, percent FROM results WHERE assessment_id < 3") == (
        (1, Decimal(40)),
    )
