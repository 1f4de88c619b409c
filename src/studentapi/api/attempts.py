"""Attempts."""

from datetime import datetime
from typing import Literal

from apiflask import APIBlueprint
from pydantic import BaseModel

from studentapi.api.request import PublicId, resource_routes
from studentapi.gradebook import attempts

blueprint = APIBlueprint("attempts", __name__, tag="Attempts")

State = Literal["in_progress", "submitted", "graded", "exempt"]


class Attempt(BaseModel):
    """A student's attempt at an assessment."""

    id: PublicId
    assessment_id: PublicId
    student_id: PublicId
    number: int
    state: State
    started_at: datetime | None
    submitted_at: datetime | None
    graded_at: datetime | None
    is_late: bool
    score: float | None
    percent: float | None
    created_at: datetime
    updated_at: datetime


resource_routes(blueprint, attempts.attempts, Attempt, "attempts")
