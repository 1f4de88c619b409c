"""All resources, each table once: what refers to what."""

from __future__ import annotations

from typing import TYPE_CHECKING

from studentapi.gradebook import assessments, attempts, courses, people

if TYPE_CHECKING:
    from studentapi.gradebook.resources import Reference, Resource

RESOURCES: tuple[Resource, ...] = (
    people.schools,
    people.users,
    courses.courses,
    courses.classes,
    courses.chapters,
    courses.enrollments,
    assessments.assessments,
    assessments.items,
    attempts.attempts,
)
"""In an order in which each refers to those before it."""


def referring_to(table: str) -> list[tuple[Resource, Reference]]:
    """Every resource that refers to rows of `table`, and by which field."""
    return [
        (resource, reference)
        for resource in RESOURCES
        for reference in resource.references
        if reference.table == table
    ]
