"""Assessments, and the items that they are made of."""

from decimal import Decimal
from typing import Any, ClassVar, Literal

from apiflask import APIBlueprint
from pydantic import Field

from studentapi.api.request import Body
from studentapi.api.resource_routes import add_reading, add_writing, resource_model
from studentapi.api.types import PublicId, Time, Title, integer, number
from studentapi.gradebook import assessments
from studentapi.gradebook.values import POINTS_GIVEN_MOST

blueprint = APIBlueprint("assessments", __name__, tag="Assessments")


class AssessmentFields(Body):
    """What a class is asked in a chapter."""

    example: ClassVar = {
        "id": "cells-quiz",
        "class_id": "biology-2026",
        "chapter_id": "biology-cells",
        "title": "Quiz on cells",
        "category": "quiz",
        "weight": 1,
        "points_max": 2,
        "due_at": "2036-10-01T16:00:00Z",
        "counted": "best",
        "attempts_allowed": 3,
    }

    class_id: PublicId
    chapter_id: PublicId
    title: Title
    category: str = Field(min_length=1, max_length=64)
    weight: number(0, POINTS_GIVEN_MOST) = Decimal(0)  # type: ignore[valid-type]
    points_max: number(0.0001, POINTS_GIVEN_MOST)  # type: ignore[valid-type]
    due_at: Time | None = None
    counted: Literal["best", "last", "first", "mean"] = Field(
        "best", description="which of a student's attempts counts"
    )
    attempts_allowed: integer(1, 1_000_000) | None = Field(  # type: ignore[valid-type]
        None, description="null: as many as one likes"
    )


class ItemFields(Body):
    """A question of an assessment."""

    example: ClassVar = {
        "id": "cells-quiz-1",
        "assessment_id": "cells-quiz",
        "position": 1,
        "kind": "single_choice",
        "prompt": "What does a plant cell have that an animal cell has not?",
        "answer_key": {
            "choices": [{"id": "a", "text": "A nucleus"}, {"id": "b", "text": "A cell wall"}],
            "correct": ["b"],
        },
        "points": 2,
    }

    assessment_id: PublicId
    position: integer(0, 2**32 - 1)  # type: ignore[valid-type]
    kind: Literal["single_choice", "multiple_choice", "true_false", "numeric", "short_text", "essay"]
    prompt: str = Field(max_length=16_000)
    answer_key: dict[str, Any] | None = Field(
        None,
        description="what automatic grading compares with; its form depends on the kind: docs/attempts.md. "
        "null: a person grades",
    )
    points: number(0, POINTS_GIVEN_MOST)  # type: ignore[valid-type]


Assessment = resource_model(assessments.assessments, AssessmentFields)
add_reading(blueprint, assessments.assessments, Assessment)
add_writing(blueprint, assessments.assessments, AssessmentFields, Assessment)

Item = resource_model(assessments.items, ItemFields)
add_reading(blueprint, assessments.items, Item)
add_writing(blueprint, assessments.items, ItemFields, Item)
