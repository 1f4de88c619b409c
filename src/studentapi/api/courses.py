"""Courses, classes, chapters and enrollments."""

from decimal import Decimal
from typing import ClassVar, Literal

from apiflask import APIBlueprint
from pydantic import Field

from studentapi.api.request import Body
from studentapi.api.resource_routes import add_reading, add_writing, resource_model
from studentapi.api.types import Date, PublicId, Title, integer, number
from studentapi.gradebook import courses

blueprint = APIBlueprint("courses", __name__, tag="Courses")


class CourseFields(Body):
    """A course."""

    example: ClassVar = {"id": "biology", "school_id": "green-hill", "title": "Biology"}

    school_id: PublicId
    title: Title


class ClassFields(Body):
    """A course in a term."""

    example: ClassVar = {
        "id": "biology-2026",
        "course_id": "biology",
        "term": "2026/27",
        "title": "Biology 8b",
        "starts_on": "2026-09-01",
        "ends_on": "2027-06-30",
    }

    course_id: PublicId
    term: str = Field(min_length=1, max_length=32)
    title: Title
    starts_on: Date | None = None
    ends_on: Date | None = None


class ChapterFields(Body):
    """A part of a course."""

    example: ClassVar = {
        "id": "biology-cells",
        "course_id": "biology",
        "position": 1,
        "title": "Cells",
        "mastery_percent": 75,
    }

    course_id: PublicId
    position: integer(0, 2**32 - 1)  # type: ignore[valid-type]
    title: Title
    mastery_percent: number(0, 100) = Decimal(80)  # type: ignore[valid-type]


class EnrollmentFields(Body):
    """A user in a class."""

    example: ClassVar = {
        "id": "ada-biology-2026",
        "class_id": "biology-2026",
        "user_id": "ada",
        "role": "student",
        "enrolled_on": "2026-09-01",
        "withdrawn_on": None,
    }

    class_id: PublicId
    user_id: PublicId
    role: Literal["student", "teacher"]
    enrolled_on: Date | None = None
    withdrawn_on: Date | None = None


Course = resource_model(courses.courses, CourseFields)
add_reading(blueprint, courses.courses, Course)
add_writing(blueprint, courses.courses, CourseFields, Course)

Class = resource_model(courses.classes, ClassFields)
add_reading(blueprint, courses.classes, Class)
add_writing(blueprint, courses.classes, ClassFields, Class)

Chapter = resource_model(courses.chapters, ChapterFields)
add_reading(blueprint, courses.chapters, Chapter)
add_writing(blueprint, courses.chapters, ChapterFields, Chapter)

Enrollment = resource_model(courses.enrollments, EnrollmentFields)
add_reading(blueprint, courses.enrollments, Enrollment)
add_writing(blueprint, courses.enrollments, EnrollmentFields, Enrollment)
