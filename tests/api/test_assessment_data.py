import random
from datetime import UTC, datetime

import pytest
from flask.testing import FlaskClient

from tests.api import figures

PATH = "/api/v1/students/{}/chapters/{}/assessment-data"


def test_student_11391_as_the_csv_files_have_it(client: FlaskClient) -> None:
    answer = client.get(PATH.format(11391, "AAA-1"))
    assert answer.status_code == 200
    assert answer.json == {
        "student": {"id": "11391", "name": "Student 11391"},
        "chapter": {"id": "AAA-1", "title": "Unit 1", "course_id": "AAA", "mastery_percent": 40.0},
        "summary": {
            "assessments": 1, "attempted": 1, "graded": 1, "missing": 0, "late": 0, "mean_percent": 78.0,
            "weighted_percent": 78.0, "best_percent": 78.0, "last_percent": 78.0, "mastered": True,
        },
        "assessments": [
            {
                "id": "1752", "class_id": "AAA-2013J", "title": "TMA 1", "category": "TMA", "weight": 10.0,
                "points_max": 100.0, "due_at": "2013-10-20T23:59:59Z", "percent": 78.0,
                "attempts": [
                    {
                        "number": 1, "state": "graded", "submitted_at": "2013-10-19T00:00:00Z", "score": 78.0,
                        "percent": 78.0, "is_late": False,
                    }
                ],
            }
        ],
    }  # fmt: skip


def test_what_the_client_has_already_is_not_sent_again(client: FlaskClient) -> None:
    path = PATH.format(11391, "AAA-1")
    tag = client.get(path).headers["ETag"]
    again = client.get(path, headers={"If-None-Match": tag})
    assert (again.status_code, again.data, again.headers["ETag"]) == (304, b"", tag)
    other = client.get(path + "?class=AAA-2014J", headers={"If-None-Match": tag})
    assert (other.status_code, other.headers["ETag"] == tag) == (200, False)


def test_summaries_of_students_by_chapters_are_those_of_the_csv_files(client: FlaskClient) -> None:
    chosen = random.Random(2026)
    pairs = [
        (student, chapter)
        for student in chosen.sample(sorted(figures.classes_of()), 300)
        for chapter in sorted(figures.chapters())
        if chapter.split("-")[0] in {module for module, _ in figures.classes_of()[student]}
    ]
    assert len(pairs) > 1500
    for student, chapter in pairs:
        answer = client.get(PATH.format(student, chapter))
        assert answer.status_code == 200
        assert answer.json is not None
        expected = figures.summary(student, chapter)
        assert answer.json["summary"] == pytest.approx(expected, abs=5.1e-5), (student, chapter)


def test_a_student_of_two_classes_of_one_course_is_narrowed_by_class(client: FlaskClient) -> None:
    student, classes = next(
        (student, sorted(classes))
        for student, classes in sorted(figures.classes_of().items())
        if len({module for module, _ in classes}) < len(classes)
    )
    module = next(m for m, _ in classes if sum(1 for other, _ in classes if other == m) > 1)
    terms = [term for m, term in classes if m == module]
    path = PATH.format(student, f"{module}-1")
    whole = client.get(path).json
    parts = [client.get(f"{path}?class={module}-{term}").json for term in terms]
    assert whole is not None
    assert [part["summary"] for part in parts if part] == [
        pytest.approx(figures.summary(student, f"{module}-1", (module, term)), abs=5.1e-5) for term in terms
    ]
    assert {one["id"] for one in whole["assessments"]} == {
        one["id"] for part in parts if part for one in part["assessments"]
    }


def test_a_chapter_of_a_course_that_the_student_does_not_take_is_empty(client: FlaskClient) -> None:
    answer = client.get(PATH.format(11391, "GGG-1"))
    assert answer.json is not None
    assert answer.json["assessments"] == []
    assert answer.json["summary"] == {
        "assessments": 0, "attempted": 0, "graded": 0, "missing": 0, "late": 0, "mean_percent": None,
        "weighted_percent": None, "best_percent": None, "last_percent": None, "mastered": None,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        (PATH.format("nobody", "AAA-1"), "student-not-found"),
        (PATH.format(11391, "ZZZ-9"), "chapter-not-found"),
        (PATH.format(11391, "AAA-1") + "?class=ZZZ-2013J", "class-not-found"),
    ],
)
def test_what_is_not_there_is_named(client: FlaskClient, path: str, kind: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 404
    assert answer.json is not None
    assert answer.json["type"] == f"urn:studentapi:{kind}"


def test_it_takes_one_statement(client: FlaskClient, statements: list[str]) -> None:
    client.get(PATH.format(11391, "AAA-1"))
    statements.clear()
    client.get(PATH.format(28400, "AAA-2"))
    assert len(statements) == 1, "with the token remembered and the connection open"
    client.post("/students/28400/at-data", json={"chapterId": "AAA-2"})
    assert len(statements) == 2


def test_times_are_those_of_now(client: FlaskClient) -> None:
    answer = client.get("/api/v1/students/11391").json
    assert answer is not None
    made = datetime.fromisoformat(answer["created_at"])
    assert abs((datetime.now(UTC) - made).total_seconds()) < 3600
