"""A student's progress over time, by class and by chapter."""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING

from apiflask import APIBlueprint
from pydantic import BaseModel, Field

from studentapi.api.answers import answer
from studentapi.api.auth import requires
from studentapi.api.reports import AssessmentDataQuery, Percent, StudentName, Summary
from studentapi.api.state import database
from studentapi.api.statistics import ClassTitle, Count
from studentapi.api.types import PublicId
from studentapi.gradebook import student_progress

if TYPE_CHECKING:
    from flask import Response

blueprint = APIBlueprint("student_progress", __name__, tag="Statistics")


class ProgressFigures(BaseModel):
    """Counts and averages; null where nothing is graded."""

    assessments: Count
    attempted: Count
    graded: Count
    missing: Count = Field(description="due in the past with no attempt; none once the student has withdrawn")
    late: Count
    mean_percent: Percent | None
    weighted_percent: Percent | None = Field(description="Σ weight · percent / Σ weight, over weights above 0")
    best_percent: Percent | None
    last_percent: Percent | None = Field(description="of the graded attempt that was submitted last")
    percent: Percent | None = Field(description="weighted_percent, or else mean_percent")


class ChapterFigures(Summary):
    """The same of a chapter, and whether it is mastered."""

    percent: Percent | None = Field(description="weighted_percent, or else mean_percent")


class ProgressChapter(BaseModel):
    """The student in a chapter."""

    id: PublicId
    title: str
    position: int
    mastery_percent: float
    summary: ChapterFigures


class Rank(BaseModel):
    """The student's place by `percent` in the class; null without one, and once the student has withdrawn."""

    n: Count = Field(description="enrolled students with a percent")
    rank: int | None = Field(description="1 is the highest; those who are level share the better place")
    percentile: float | None = Field(
        ge=0, le=100, description="100 · (those below + half of those level, the student among them) / n"
    )


class ProgressPoint(BaseModel):
    """A graded assessment, in time."""

    date: datetime | None = Field(description="when the counted attempt was submitted, else graded, else due")
    assessment_id: PublicId
    chapter_id: PublicId
    title: str
    category: str
    weight: float
    percent: Percent = Field(description="the counted result")
    is_late: bool
    percent_to_date: Percent = Field(description="the weighted percent, or else the mean, up to here")


class ProgressClass(BaseModel):
    """The student in a class."""

    class_: ClassTitle = Field(alias="class")
    withdrawn_on: date | None
    summary: ProgressFigures
    rank: Rank
    chapters: list[ProgressChapter]
    series: list[ProgressPoint]


class Progress(BaseModel):
    """A student's progress, in each class that the student is or was enrolled in."""

    student: StudentName
    classes: list[ProgressClass]


@blueprint.get("/students/<public_id:student_id>/progress")
@requires("read", student="student_id")
@blueprint.input(AssessmentDataQuery, location="query", arg_name="query")
@blueprint.output(Progress)
def progress(student_id: str, query: AssessmentDataQuery) -> Response:
    """Read a student's progress: dated series, chapters, and the rank in each class."""
    return answer(student_progress.student_progress(database(), student_id, query.class_id))
