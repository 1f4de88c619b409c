"""Courses, classes, chapters, enrollments."""

from datetime import date, datetime
from typing import Literal

from apiflask import APIBlueprint
from pydantic import BaseModel, Field

from studentapi.api.request import PublicId, resource_routes
from studentapi.gradebook import courses

blueprint = APIBlueprint("courses", __name__, tag="Courses")


class Course(BaseModel):
    """A course of a school."""

    id: PublicId
    school_id: PublicId
    title: str
    created_at: datetime
    updated_at: datetime


class Class(BaseModel):
    """A course in a term."""

    id: PublicId
    course_id: PublicId
    term: str
    title: str
    starts_on: date | None
    ends_on: date | None
    created_at: datetime
    updated_at: datetime


class Chapter(BaseModel):
    """A chapter of a course."""

    id: PublicId
    course_id: PublicId
    position: int
    title: str
    mastery_percent: float = Field(description="from which percent the chapter counts as mastered")
    created_at: datetime
    updated_at: datetime


class Enrollment(BaseModel):
    """A user in a class."""

    id: PublicId
    class_id: PublicId
    user_id: PublicId
    role: Literal["student", "teacher"]
    enrolled_on: date | None
    withdrawn_on: date | None
    created_at: datetime
    updated_at: datetime


resource_routes(blueprint, courses.courses, Course, "courses")
resource_routes(blueprint, courses.classes, Class, "classes")
resource_routes(blueprint, courses.chapters, Chapter, "chapters")
resource_routes(blueprint, courses.enrollments, Enrollment, "enrollments")
