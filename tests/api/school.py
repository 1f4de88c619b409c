"""A small school, made through the API, and the bodies that it is made of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from flask.testing import FlaskClient

BODIES: dict[str, dict[str, Any]] = {
    "schools": {"name": "School"},
    "users": {"school_id": "schools-1", "role": "teacher", "name": "Teacher"},
    "students": {"school_id": "schools-1", "name": "Ann"},
    "courses": {"school_id": "schools-1", "title": "Algebra"},
    "classes": {
        "course_id": "courses-1", "term": "2026", "title": "7b", "starts_on": "2026-09-01", "ends_on": None,
    },
    "chapters": {"course_id": "courses-1", "position": 1, "title": "Fractions", "mastery_percent": 75.5},
    "enrollments": {
        "class_id": "classes-1", "user_id": "students-1", "role": "student",
        "enrolled_on": "2026-09-01", "withdrawn_on": None,
    },
    "assessments": {
        "class_id": "classes-1", "chapter_id": "chapters-1", "title": "Test 1", "category": "test", "weight": 2.5,
        "points_max": 10, "due_at": "2026-10-01T12:00:00Z", "counted": "best", "attempts_allowed": 2,
    },
    "items": {
        "assessment_id": "assessments-1", "position": 1, "kind": "numeric", "prompt": "1/2 + 1/4?",
        "answer_key": {"value": 0.75, "tolerance": 0.0}, "points": 4,
    },
}  # fmt: skip
"""By plural, in an order in which each refers to those before it; the first of each kind is `{plural}-1`."""


def make(client: FlaskClient, plural: str, public_id: str | None = None, **changes: Any) -> dict[str, Any]:
    """Make one; returns what the API answers."""
    answer = client.put(f"/api/v1/{plural}/{public_id or plural + '-1'}", json={**BODIES[plural], **changes})
    assert answer.status_code == 201, answer.json
    return dict(answer.json or {})


def make_all(client: FlaskClient, last: str | None = None) -> None:
    """Make the first of each kind, up to those of `last`."""
    for plural in BODIES:
        make(client, plural)
        if plural == last:
            return
