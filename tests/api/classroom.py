"""A class of many students, made by files, for tests that need many rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.api.school import make, make_all

if TYPE_CHECKING:
    from flask.testing import FlaskClient
    from werkzeug.test import TestResponse

DONE = "2026-09-20T10:00:00Z"


def send(client: FlaskClient, plural: str, text: str | bytes, **query: str) -> TestResponse:
    """Send a CSV file."""
    return client.post(f"/api/v1/import/{plural}", data=text, content_type="text/csv", query_string=query)


def imported(client: FlaskClient, plural: str, text: str | bytes) -> dict[str, Any]:
    """Send a CSV file that has no fault; returns the report."""
    answer = send(client, plural, text)
    assert answer.status_code == 200, answer.json
    return dict(answer.json or {})


def fill(client: FlaskClient, students: int) -> list[str]:
    """Make a school with so many students more, all in the first class, where attempts are not counted off."""
    make_all(client)
    make(client, "assessments", "open", attempts_allowed=None)
    ids = [f"s{number:04}" for number in range(students)]
    imported(client, "students", "id,school_id,name\r\n" + "".join(f"{one},schools-1,{one}\r\n" for one in ids))
    header = "id,class_id,user_id,role,enrolled_on,withdrawn_on\r\n"
    imported(client, "enrollments", header + "".join(f",classes-1,{one},student,,\r\n" for one in ids))
    return ids


def row(student: str, **more: Any) -> dict[str, Any]:
    """An attempt at the open assessment, as bulk takes it."""
    return {"assessment_id": "open", "student_id": student, "submitted_at": DONE, "score": 5, **more}
