"""What the database says of a student in a chapter comes through whole, and in its order."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime, timedelta

import pytest

from studentapi.gradebook import progress
from studentapi.gradebook.progress import assessment_data
from studentapi.gradebook.resources import NotFound
from studentapi.mysql.database import Database
from studentapi.mysql.tally import this_thread
from tests.gradebook.small_school import School

ODD = '"\'\\ \\" [1, null] \x1f\x00\t\n % %s {x} é ß 中 🎓 </script> ' + "\u2028"
DUE = datetime(2026, 1, 31, 23, 59, 59)  # noqa: DTZ001 - naive and UTC, as the database's


@pytest.fixture
def school(database: Database) -> School:
    school = School(database)
    school.students(["u"])
    return school


def test_any_text_comes_as_it_is(school: School) -> None:
    school.assessment("a")
    with school.database.transaction() as tx:
        tx.execute("UPDATE users SET name = %s", (ODD,))
        tx.execute("UPDATE chapters SET title = %s", (ODD,))
        tx.execute("UPDATE assessments SET title = %s, category = %s", (ODD, ODD[:30]))
    data = assessment_data(school.database, "u", "h")
    (assessment,) = data["assessments"]
    assert (data["student"]["name"], data["chapter"]["title"]) == (ODD, ODD)
    assert (assessment["title"], assessment["category"]) == (ODD, ODD[:30])


def test_numbers_and_times_keep_all_their_digits(school: School) -> None:
    moment = DUE + timedelta(microseconds=123_456)
    school.assessment("a", due_at=moment)
    with school.database.transaction() as tx:
        tx.execute("UPDATE assessments SET weight = 12345.6789, points_max = 99999.9999")
        tx.execute(
            """INSERT INTO attempts (public_id, assessment_id, student_id, number, state, submitted_at, score,
                   percent, is_late)
               SELECT 't', assessments.id, users.id, 1, 'graded', %s, 0.0001, 33.3333, TRUE
               FROM assessments, users""",
            (moment,),
        )
        tx.execute(
            """INSERT INTO results (student_id, assessment_id, percent)
               SELECT users.id, assessments.id, 33.3333 FROM assessments, users"""
        )
    (assessment,) = assessment_data(school.database, "u", "h")["assessments"]
    assert assessment == {
        "id": "a", "class_id": "k", "title": assessment["title"], "category": assessment["category"],
        "weight": 12345.6789, "points_max": 99999.9999, "due_at": moment, "percent": 33.3333,
        "attempts": [
            {"number": 1, "state": "graded", "submitted_at": moment, "score": 0.0001, "percent": 33.3333,
             "is_late": True}
        ],
    }  # fmt: skip


def test_the_order_is_by_due_time_and_id_and_number(school: School) -> None:
    for name, due in {"n": None, "m": None, "b": DUE, "B": DUE, "c": DUE - timedelta(microseconds=1)}.items():
        school.assessment(name, due_at=due)
    with school.database.transaction() as tx:
        for number in (10, 2, 1):
            tx.execute(
                """INSERT INTO attempts (public_id, assessment_id, student_id, number, state)
                   SELECT CONCAT(assessments.public_id, '-', %s), assessments.id, users.id, %s, 'submitted'
                   FROM assessments, users""",
                (number, number),
            )
    listed = assessment_data(school.database, "u", "h")["assessments"]
    assert [one["id"] for one in listed] == ["c", "B", "b", "m", "n"]
    assert [[attempt["number"] for attempt in one["attempts"]] for one in listed] == [[1, 2, 10]] * 5


@pytest.mark.parametrize(
    ("student", "chapter", "of_class", "kind"),
    [
        ("nobody", "h", None, "student"),
        ("u", "nothing", None, "chapter"),
        ("u", "h", "none", "class"),
        ("nobody", "nothing", "none", "student"),
        ("u", "nothing", "none", "chapter"),
    ],
)
def test_the_first_that_is_missing_is_named(
    school: School, student: str, chapter: str, of_class: str | None, kind: str
) -> None:
    with pytest.raises(NotFound) as refused:
        assessment_data(school.database, student, chapter, of_class)
    assert refused.value.kind == kind


def test_what_is_there_and_cannot_be_read_is_an_error_and_no_endless_search(
    school: School, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def watch(_: object, statement: str, __: object) -> AbstractContextManager[None]:
        asked.append(statement)
        assert len(asked) < 20
        return nullcontext()

    monkeypatch.setattr(progress, "_THERE", "SELECT 1, 1, 1")
    monkeypatch.setattr(this_thread.tally, "watch", watch)
    with pytest.raises(RuntimeError, match="no row"):
        assessment_data(school.database, "nobody", "h")
    assert asked.count("SELECT 1, 1, 1") == 2


def test_a_student_who_comes_while_it_is_looked_for_is_found(
    school: School, monkeypatch: pytest.MonkeyPatch
) -> None:
    def watch(_: object, statement: str, __: object) -> AbstractContextManager[None]:
        if statement == progress._THERE:
            with ThreadPoolExecutor(1) as pool:  # has a connection of its own
                pool.submit(school.students, ["late"]).result()
        return nullcontext()

    monkeypatch.setattr(this_thread.tally, "watch", watch)
    assert assessment_data(school.database, "late", "h")["student"]["id"] == "late"
