"""Assessments."""

from datetime import datetime
from typing import Literal

from apiflask import APIBlueprint
from pydantic import BaseModel, Field

from studentapi.api.request import PublicId, resource_routes
from studentapi.gradebook import assessments

blueprint = APIBlueprint("assessments", __name__, tag="Assessments")


class Assessment(BaseModel):
    """What a class is asked in a chapter."""

    id: PublicId
    class_id: PublicId
    chapter_id: PublicId
    title: str
    category: str
    weight: float
    points_max: float
    due_at: datetime | None
    counted: Literal["best", "last", "first", "mean"] = Field(description="which attempt's percent is the result")
    attempts_allowed: int | None = Field(description="null: as many as one likes")
    created_at: datetime
    updated_at: datetime


resource_routes(blueprint, assessments.assessments, Assessment, "assessments")
