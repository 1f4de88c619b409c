"""A typical request of each route that every resource has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.api.school import BODIES
from tests.cost.school import ANY, V1, Request, School

if TYPE_CHECKING:
    from collections.abc import Callable

_OTHERWISE: dict[str, dict[str, Any]] = {
    "schools": {"name": "Other"},
    "users": {"name": "Other"},
    "students": {"name": "Other"},
    "courses": {"title": "Other"},
    "classes": {"title": "Other"},
    "chapters": {"title": "Other"},
    "enrollments": {"enrolled_on": "2026-09-02"},
    "assessments": {"title": "Other"},
    "items": {"prompt": "Other?"},
}
"""What is changed of each kind."""


def cases() -> dict[str, Callable[[School], Request]]:
    """By method and rule."""
    return {name: case for plural in BODIES for name, case in _cases(plural).items()}


def _cases(plural: str) -> dict[str, Callable[[School], Request]]:
    all_, one = f"{V1}/{plural}", f"{V1}/{plural}/{{public_id}}"

    def body(school: School) -> dict[str, Any]:
        told = dict(BODIES[plural])
        if plural == "enrollments":
            told["user_id"] = school.student(enrolled=False)
        if "position" in told:
            told["position"] = 100 + school.number()
        return told

    def made(school: School) -> tuple[str, dict[str, Any]]:
        path, told = f"{all_}/{school.fresh(plural)}", body(school)
        school.done("PUT", Request.of(path, 201, json=told))
        return path, told

    def replace(school: School) -> Request:
        path, told = made(school)
        return Request.of(path, json={**told, **_OTHERWISE[plural]}, headers=ANY)

    return {
        f"GET {all_}": lambda _: Request.of(all_, query_string={"limit": 2}),
        f"GET {one}": lambda _: Request.of(f"{all_}/{plural}-1"),
        f"POST {all_}": lambda school: Request.of(all_, 201, json=body(school)),
        f"PUT {one}: made": lambda school: Request.of(f"{all_}/{school.fresh(plural)}", 201, json=body(school)),
        f"PUT {one}: replaced": replace,
        f"PATCH {one}": lambda school: Request.of(made(school)[0], json=_OTHERWISE[plural], headers=ANY),
        f"DELETE {one}": lambda school: Request.of(made(school)[0], 204, headers=ANY),
    }
