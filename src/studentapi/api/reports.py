"""What is computed of students' attempts: the assessment data of a student in a chapter."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

from apiflask import APIBlueprint
from pydantic import BaseModel, Field

from studentapi.api.attempts import State
from studentapi.api.auth import requires
from studentapi.api.conditional import answer_if_new
from studentapi.api.request import Query
from studentapi.api.resource_routes import CONDITIONAL
from studentapi.api.state import database
from studentapi.api.types import PublicId
from studentapi.gradebook import progress

if TYPE_CHECKING:
    from flask import Response

blueprint = APIBlueprint("reports", __name__, tag="Assessment data")

Percent = Annotated[float, Field(ge=0)]


class StudentName(BaseModel):
    """Whose."""

    id: PublicId
    name: str


class ChapterTitle(BaseModel):
    """Where."""

    id: PublicId
    title: str
    course_id: PublicId
    mastery_percent: float


class Summary(BaseModel):
    """Counts and averages; null where nothing is graded."""

    assessments: int
    attempted: int
    graded: int
    missing: int = Field(description="due in the past with no attempt")
    late: int
    mean_percent: Percent | None
    weighted_percent: Percent | None = Field(description="Σ weight · percent / Σ weight, over weights above 0")
    best_percent: Percent | None
    last_percent: Percent | None = Field(description="of the graded attempt that was submitted last")
    mastered: bool | None = Field(
        description="whether weighted_percent, else mean_percent, reaches the chapter's"
    )


class AttemptEntry(BaseModel):
    """One attempt."""

    number: int
    state: State
    submitted_at: datetime | None
    score: float | None
    percent: Percent | None
    is_late: bool


class AssessmentEntry(BaseModel):
    """One assessment, with the student's attempts at it."""

    id: PublicId
    class_id: PublicId
    title: str
    category: str
    weight: float
    points_max: float
    due_at: datetime | None
    percent: Percent | None = Field(description="the counted result")
    attempts: list[AttemptEntry]


class AssessmentData(BaseModel):
    """A student's assessment data in a chapter."""

    student: StudentName
    chapter: ChapterTitle
    summary: Summary
    assessments: list[AssessmentEntry]


class AssessmentDataQuery(Query):
    """In one class, or in all that the student is enrolled in."""

    class_id: PublicId | None = Field(None, alias="class", description="a class's id")


@blueprint.get("/students/<public_id:student_id>/chapters/<public_id:chapter_id>/assessment-data")
@requires("read", student="student_id")
@blueprint.input(AssessmentDataQuery, location="query", arg_name="query")
@blueprint.output(AssessmentData)
@blueprint.doc(responses=CONDITIONAL)
def assessment_data(student_id: str, chapter_id: str, query: AssessmentDataQuery) -> Response:
    """Read a student's assessment data in a chapter."""
    return answer_if_new(progress.assessment_data(database(), student_id, chapter_id, query.class_id))
