"""The item analysis of an assessment."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from apiflask import APIBlueprint
from pydantic import BaseModel, Field

from studentapi.api.answers import answer
from studentapi.api.auth import requires
from studentapi.api.request import Query
from studentapi.api.state import database
from studentapi.api.types import PublicId
from studentapi.gradebook import item_analysis

if TYPE_CHECKING:
    from flask import Response


blueprint = APIBlueprint("item_analysis", __name__, tag="Statistics")

Count = Annotated[int, Field(ge=0)]
Correlation = Annotated[float, Field(ge=-1, le=1)]


class AssessmentTitle(BaseModel):
    """Which assessment."""

    id: PublicId
    title: str


class ChoiceCount(BaseModel):
    """How often a choice was taken; in the groups, those level at the edge count in part."""

    id: str
    is_correct: bool
    count: Count
    upper: float | None = Field(description="by those in the upper group")
    lower: float | None = Field(description="by those in the lower group")


class ItemIndices(BaseModel):
    """An item; indices are null where it is not scored, and where they are not defined."""

    id: PublicId
    position: int
    kind: Literal["single_choice", "multiple_choice", "true_false", "numeric", "short_text", "essay"]
    points: float
    scored: bool = Field(description="worth more than 0 points, and its answers have been given points")
    n: Count = Field(description="analysed students; who did not answer scores 0")
    answered: Count
    unanswered: Count
    mean_points: float | None
    standard_deviation: float | None = Field(description="of a sample (n - 1), in points")
    difficulty: float | None = Field(description="mean points / points: the higher, the easier")
    item_total_correlation: Correlation | None
    item_rest_correlation: Correlation | None = Field(
        description="with the total less this item; for right or wrong the corrected point-biserial"
    )
    discrimination: float | None = Field(
        description="(mean points of the upper group - mean points of the lower) / points"
    )
    alpha_without: float | None = Field(description="Cronbach's alpha of the other items")
    choices: list[ChoiceCount] | None = Field(description="null for kinds that have none")
    other_answers: Count | None = Field(description="answers with a choice that the key has not")


class ItemAnalysis(BaseModel):
    """The items of an assessment by classical test theory, over one graded attempt of each student."""

    assessment: AssessmentTitle
    n: Count = Field(description="analysed students")
    left_out: Count = Field(
        description="students whose graded attempt has answers without points, or a score without responses"
    )
    scored_items: Count
    mean_points: float | None = Field(description="of the totals over the scored items")
    standard_deviation: float | None = Field(description="of a sample (n - 1), of the totals")
    alpha: float | None = Field(description="Cronbach's; KR-20 where all items are right or wrong")
    group_percent: int = Field(description="how many percent the upper and the lower group are of the students")
    group_size: Count | None = Field(description="students in each group; null where all totals are the same")
    items: list[ItemIndices]


@blueprint.get("/assessments/<public_id:assessment_id>/item-analysis")
@requires("read")
@blueprint.input(Query, location="query", arg_name="query")
@blueprint.output(ItemAnalysis)
def assessment_item_analysis(assessment_id: str, query: Query) -> Response:
    """Analyse the items of an assessment."""
    del query
    return answer(item_analysis.item_analysis(database(), assessment_id))
