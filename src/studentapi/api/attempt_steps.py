"""What becomes of an attempt: its responses, and submitting, grading, exempting and reinstating it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from apiflask import APIBlueprint
from pydantic import BaseModel, Field

from studentapi.api.attempts import RESPONSES_MOST, AnswerFields, AnyAnswer, Attempt, answers
from studentapi.api.auth import requires
from studentapi.api.conditional import answer_if_new, as_asked
from studentapi.api.effects import carry_out, tagged
from studentapi.api.openapi_parts import FAILURES
from studentapi.api.request import Body, Query
from studentapi.api.resource_routes import CONDITIONAL, GUARDED
from studentapi.api.state import database
from studentapi.api.types import PublicId, number
from studentapi.gradebook import attempt_steps, responses
from studentapi.gradebook.attempt_steps import Points
from studentapi.gradebook.refusals import Invalid
from studentapi.gradebook.values import POINTS_GIVEN_MOST

if TYPE_CHECKING:
    from flask import Response
    from flask.typing import ResponseReturnValue

    from studentapi.gradebook.resources import Row

blueprint = APIBlueprint("attempt_steps", __name__, tag="Attempts")


def _refused(when: str) -> dict[int | str, Any]:
    """What a step may be answered with; If-Match is heeded, and not asked for."""
    return {409: when, 412: FAILURES[412]}


class ResponsesFields(Body):
    """Answers to be kept, beside those to other items."""

    example: ClassVar = {"responses": [AnswerFields.example]}

    responses: list[AnswerFields] = Field(max_length=RESPONSES_MOST)


class GradedResponse(BaseModel):
    """An answer, and what it earned; null where it is not graded."""

    item_id: PublicId
    answer: AnyAnswer
    points: float | None
    is_correct: bool | None = Field(description="null where a person grades")
    points_max: float = Field(description="what the item is worth")


class Responses(BaseModel):
    """The responses of an attempt, in the order of the items."""

    attempt_id: PublicId
    responses: list[GradedResponse]


class PointsFields(Body):
    """The points of an item that a person grades."""

    example: ClassVar = {"item_id": "cells-quiz-1", "points": 2}

    item_id: PublicId
    points: number(0, POINTS_GIVEN_MOST)  # type: ignore[valid-type]


class GradeFields(Body):
    """A score for all of it, or points for items; with neither, the items' keys alone grade."""

    example: ClassVar = {"score": 2}

    score: number(0, POINTS_GIVEN_MOST) | None = None  # type: ignore[valid-type]
    points: list[PointsFields] | None = Field(None, max_length=RESPONSES_MOST)


@blueprint.get("/attempts/<public_id:public_id>/responses")
@requires("read")
@blueprint.input(Query, location="query", arg_name="query")
@blueprint.output(Responses)
@blueprint.doc(summary="Read the responses of an attempt", responses=CONDITIONAL)
def get_responses(public_id: str, query: Query) -> Response:
    """Give what was answered and what it earned."""
    del query
    return answer_if_new(responses.shown(database(), public_id))


@blueprint.put("/attempts/<public_id:public_id>/responses")
@requires("write")
@blueprint.input(Query, location="query", arg_name="query")
@blueprint.input(ResponsesFields, arg_name="body", example=ResponsesFields.example)
@blueprint.output(Responses)
@blueprint.doc(
    summary="Save responses of an attempt in progress", responses={409: "It is not in progress", **GUARDED}
)
def save_responses(public_id: str, query: Query, body: ResponsesFields) -> ResponseReturnValue:
    """Keep them in place of those to the same items."""
    del query
    given = answers(body.responses) or []

    def guard(there: Row | None) -> None:
        as_asked(required=bool(there and there["responses"]))(there)

    return carry_out(lambda writer: tagged(attempt_steps.save(writer, public_id, given, guard)))


@blueprint.post("/attempts/<public_id:public_id>/submit")
@requires("write")
@blueprint.input(Query, location="query", arg_name="query")
@blueprint.output(Attempt)
@blueprint.doc(summary="Submit an attempt", responses=_refused("It is not in progress"))
def submit_attempt(public_id: str, query: Query) -> ResponseReturnValue:
    """Hand it in as it is, late or not, and grade what a machine can."""
    del query
    return carry_out(lambda writer: tagged(attempt_steps.submit(writer, public_id, as_asked(required=False))))


@blueprint.post("/attempts/<public_id:public_id>/grade")
@requires("write")
@blueprint.input(Query, location="query", arg_name="query")
@blueprint.input(GradeFields, arg_name="body", example=GradeFields.example)
@blueprint.output(Attempt)
@blueprint.doc(
    summary="Grade a submitted attempt, or grade it anew", responses=_refused("It is in progress, or exempt")
)
def grade_attempt(public_id: str, query: Query, body: GradeFields) -> ResponseReturnValue:
    """Give a score, or points for what a person grades; it is graded once each item is."""
    del query
    if body.score is None:
        points = [Points(one.item_id, one.points) for one in body.points or ()]
        return carry_out(
            lambda writer: tagged(attempt_steps.grade_items(writer, public_id, points, as_asked(required=False)))
        )
    if body.points is not None:
        raise Invalid("points", "Either this or a score")
    score = body.score
    return carry_out(
        lambda writer: tagged(attempt_steps.grade(writer, public_id, score, as_asked(required=False)))
    )


@blueprint.post("/attempts/<public_id:public_id>/exempt")
@requires("write")
@blueprint.input(Query, location="query", arg_name="query")
@blueprint.output(Attempt)
@blueprint.doc(summary="Exempt an attempt", responses=_refused("It is exempt already"))
def exempt_attempt(public_id: str, query: Query) -> ResponseReturnValue:
    """Let it not count."""
    del query
    return carry_out(lambda writer: tagged(attempt_steps.exempt(writer, public_id, as_asked(required=False))))


@blueprint.post("/attempts/<public_id:public_id>/reinstate")
@requires("write")
@blueprint.input(Query, location="query", arg_name="query")
@blueprint.output(Attempt)
@blueprint.doc(summary="Reinstate an exempt attempt", responses=_refused("It is not exempt"))
def reinstate_attempt(public_id: str, query: Query) -> ResponseReturnValue:
    """Let it be again what it was."""
    del query
    return carry_out(lambda writer: tagged(attempt_steps.reinstate(writer, public_id, as_asked(required=False))))
