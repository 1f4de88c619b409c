"""Statistics of a class: in a chapter, over all chapters, and of those at risk."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from apiflask import APIBlueprint
from pydantic import BaseModel, Field

from studentapi.api.answers import answer
from studentapi.api.auth import requires
from studentapi.api.request import Query
from studentapi.api.state import database
from studentapi.api.types import PublicId
from studentapi.gradebook import at_risk, class_statistics, heatmap
from studentapi.gradebook.at_risk import Reason, Thresholds

if TYPE_CHECKING:
    from flask import Response

blueprint = APIBlueprint("statistics", __name__, tag="Statistics")

Count = Annotated[int, Field(ge=0)]
Rate = Annotated[float, Field(ge=0, le=1)]
AskedPercent = Annotated[float, Field(ge=0, le=100, allow_inf_nan=False)]
AskedCount = Annotated[int, Field(ge=1, le=1_000_000)]
_DEFAULTS = Thresholds()


class ClassTitle(BaseModel):
    """Which class."""

    id: PublicId
    title: str
    term: str


class CourseChapter(BaseModel):
    """A chapter of the course."""

    id: PublicId
    title: str
    course_id: PublicId
    position: int
    mastery_percent: float


class Bin(BaseModel):
    """low ≤ percent < high; in the last bin 100 and more too."""

    low: int
    high: int
    count: Count


class ChapterStatistics(BaseModel):
    """A class in a chapter; each student is one observation, with the weighted percent, or else the mean."""

    class_: ClassTitle = Field(alias="class")
    chapter: CourseChapter
    assessments: Count
    enrolled: Count = Field(description="students of the class who have not withdrawn; nobody else counts")
    attempted: Count = Field(description="students with an attempt, in any state, at one of the assessments")
    missing: Count = Field(description="students with an assessment that is due in the past and not attempted")
    missing_attempts: Count = Field(description="pairs of a student and such an assessment")
    n: Count = Field(description="students with a percent: what all figures below are of")
    mean_percent: float | None
    median_percent: float | None
    standard_deviation: float | None = Field(description="of a sample (n - 1), in percent points")
    minimum_percent: float | None
    q1_percent: float | None = Field(
        description="lower quartile; Hyndman and Fan's type 7, as numpy and R have it"
    )
    q3_percent: float | None = Field(description="upper quartile")
    maximum_percent: float | None
    histogram: list[Bin] = Field(min_length=10, max_length=10)
    pass_percent: float = Field(description="as asked for")
    passed: Count = Field(description="students with at least pass_percent")
    pass_rate: Rate | None = Field(description="passed / n")
    mastered: Count = Field(description="students with at least the chapter's mastery_percent")
    mastery_rate: Rate | None = Field(description="mastered / n")


class ChapterStatisticsQuery(Query):
    """What it takes to pass."""

    pass_percent: AskedPercent = Field(class_statistics.PASS_PERCENT, description="who has it has passed")


class HeatColumn(CourseChapter):
    """A chapter, and how the class does in it."""

    assessments: Count
    n: Count = Field(description="students with a percent in it")
    mean_percent: float | None
    median_percent: float | None


class HeatRow(BaseModel):
    """A student, with one entry for each of the chapters, in their order."""

    id: PublicId
    name: str
    percents: list[float | None] = Field(description="null where nothing is graded")
    missing: list[Count] = Field(description="assessments due in the past and not attempted")


class HeatMap(BaseModel):
    """The enrolled students of a class × the chapters of its course."""

    class_: ClassTitle = Field(alias="class")
    enrolled: Count
    chapters: list[HeatColumn]
    students: list[HeatRow]


class AtRiskQuery(Query):
    """From where on something is a reason."""

    low_percent: AskedPercent = Field(_DEFAULTS.low_percent, description="a percent below this; 0: no reason")
    missing: AskedCount = Field(_DEFAULTS.missing, description="at least so many assessments not attempted")
    late: AskedCount = Field(_DEFAULTS.late, description="at least so many assessments attempted late")
    falling: float = Field(
        _DEFAULTS.falling,
        gt=0,
        le=100,
        allow_inf_nan=False,
        description="the last two graded assessments at least so many percent points below the earlier ones",
    )


class Risk(BaseModel):
    """A reason: the student's own value, and the threshold that it reaches or, of low_percent, is below."""

    code: Reason
    value: float
    threshold: float


class StudentAtRisk(BaseModel):
    """A student with at least one reason."""

    id: PublicId
    name: str
    percent: float | None = Field(description="over all assessments: the weighted percent, or else the mean")
    graded: Count
    attempted: Count
    missing: Count
    late: Count
    reasons: list[Risk] = Field(min_length=1)


class AskedThresholds(BaseModel):
    """As asked for."""

    low_percent: float
    missing: int
    late: int
    falling: float


class AtRisk(BaseModel):
    """Who may need help; those with more reasons first."""

    class_: ClassTitle = Field(alias="class")
    thresholds: AskedThresholds
    assessments: Count
    enrolled: Count
    at_risk: Count
    students: list[StudentAtRisk]


@blueprint.get("/classes/<public_id:class_id>/chapters/<public_id:chapter_id>/statistics")
@requires("read")
@blueprint.input(ChapterStatisticsQuery, location="query", arg_name="query")
@blueprint.output(ChapterStatistics)
def chapter_statistics(class_id: str, chapter_id: str, query: ChapterStatisticsQuery) -> Response:
    """Read the statistics of a class in a chapter."""
    return answer(
        class_statistics.chapter_statistics(database(), class_id, chapter_id, pass_percent=query.pass_percent)
    )


@blueprint.get("/classes/<public_id:class_id>/heatmap")
@requires("read")
@blueprint.input(Query, location="query", arg_name="query")
@blueprint.output(HeatMap)
def class_heatmap(class_id: str, query: Query) -> Response:
    """Read the heat map of a class: students × chapters."""
    del query
    return answer(heatmap.heatmap(database(), class_id))


@blueprint.get("/classes/<public_id:class_id>/at-risk")
@requires("read")
@blueprint.input(AtRiskQuery, location="query", arg_name="query")
@blueprint.output(AtRisk)
def class_at_risk(class_id: str, query: AtRiskQuery) -> Response:
    """List the students of a class who may need help, each with the reasons."""
    return answer(at_risk.at_risk(database(), class_id, Thresholds(**query.model_dump())))
