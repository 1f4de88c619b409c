"""Attempts: listed and read, started or recorded, replaced, changed, deleted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from apiflask import APIBlueprint
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StrictBool, WithJsonSchema
from pydantic_core import PydanticCustomError

from studentapi.api.auth import requires
from studentapi.api.conditional import as_asked
from studentapi.api.effects import Effect, carry_out, tagged
from studentapi.api.request import Body, Query, without_defaults
from studentapi.api.resource_routes import GUARDED, add_reading
from studentapi.api.types import PublicId, Time, number
from studentapi.gradebook import attempt_writing
from studentapi.gradebook.attempt_writing import Told
from studentapi.gradebook.attempts import attempts
from studentapi.gradebook.responses import Answer
from studentapi.gradebook.values import POINTS_GIVEN_MOST

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue
    from pydantic.config import JsonDict

    from studentapi.gradebook.changes import Writer

blueprint = APIBlueprint("attempts", __name__, tag="Attempts")

State = Literal["in_progress", "submitted", "graded", "exempt"]
RESPONSES_MOST = 500
"""Responses of one request."""
NOT_ALLOWED = "The rules forbid it now, or there is one of this id; `type` says which"
SHOWN = {"application/json": {"schema": {"$ref": "#/components/schemas/Attempt"}}}


def _answer(value: object) -> object:
    if isinstance(value, dict) or (isinstance(value, list) and not all(isinstance(one, str) for one in value)):
        raise PydanticCustomError("answer", "This is no answer: a text, a number, true, false or a list of texts")
    return value


AnyAnswer = Annotated[
    Any,
    BeforeValidator(_answer),
    WithJsonSchema(
        {
            "description": "as the item's kind has it; null: none",
            "type": ["string", "number", "boolean", "array", "null"],
            "items": {"type": "string"},
        }
    ),
]
"""What may be an answer depends on the item, so the gradebook looks at it."""


EXAMPLE: JsonDict = {
    "id": "ada-cells-quiz",
    "assessment_id": "cells-quiz",
    "student_id": "ada",
    "number": 1,
    "state": "graded",
    "started_at": "2026-09-30T08:00:00Z",
    "submitted_at": "2026-09-30T08:10:00Z",
    "graded_at": "2026-09-30T08:10:00Z",
    "is_late": False,
    "score": 2,
    "percent": 100,
    "created_at": "2026-09-30T08:00:00Z",
    "updated_at": "2026-09-30T08:10:00Z",
}


class Attempt(BaseModel):
    """A student's attempt at an assessment."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})

    id: PublicId
    assessment_id: PublicId
    student_id: PublicId
    number: int
    state: State
    started_at: Time | None
    submitted_at: Time | None
    graded_at: Time | None
    is_late: bool
    score: float | None
    percent: float | None
    created_at: Time
    updated_at: Time


class AnswerFields(Body):
    """An answer to an item."""

    example: ClassVar = {"item_id": "cells-quiz-1", "answer": "b"}

    item_id: PublicId
    answer: AnyAnswer


class AttemptFields(Body):
    """An attempt that begins; or, with anything besides a start, one that happened elsewhere."""

    example: ClassVar = {"assessment_id": "cells-quiz", "student_id": "ada"}

    assessment_id: PublicId
    student_id: PublicId
    started_at: Time | None = Field(None, description="of an attempt that begins: now, unless told otherwise")
    submitted_at: Time | None = Field(None, description="with responses: now, unless told otherwise")
    score: number(0, POINTS_GIVEN_MOST) | None = Field(  # type: ignore[valid-type]
        None, description="in points; what the responses earn, unless told otherwise"
    )
    responses: list[AnswerFields] | None = Field(None, max_length=RESPONSES_MOST, description="all of them")
    exempt: StrictBool = False

    def told(self) -> Told:
        """As the gradebook takes it."""
        given = self.model_dump(include=set(Told._fields))
        return Told(**given | {"responses": answers(self.responses)})


class NewAttempt(AttemptFields):
    """An attempt that begins; or, with anything besides a start, one that happened elsewhere."""

    example: ClassVar = {"id": "ada-cells-quiz", **AttemptFields.example}

    id: PublicId | None = Field(None, description="made here unless given")


class AttemptChange(Body):
    """What is to be different of an attempt's record; its state follows."""

    model_config = ConfigDict(extra="forbid", json_schema_extra=without_defaults)
    example: ClassVar = {"started_at": "2026-09-30T08:00:00Z"}

    started_at: Time | None = None
    submitted_at: Time | None = None
    score: number(0, POINTS_GIVEN_MOST) | None = None  # type: ignore[valid-type]


def answers(given: list[AnswerFields] | None) -> list[Answer] | None:
    """As the gradebook takes them."""
    return None if given is None else [Answer(one.item_id, one.answer) for one in given]


add_reading(blueprint, attempts, Attempt)


@blueprint.post("/attempts")
@requires("write")
@blueprint.input(Query, location="query", arg_name="query")
@blueprint.input(NewAttempt, arg_name="body", example=NewAttempt.example)
@blueprint.output(Attempt, status_code=201, description="Made")
@blueprint.doc(summary="Start an attempt, or record one", responses={409: NOT_ALLOWED})
def create_attempt(query: Query, body: NewAttempt) -> ResponseReturnValue:
    """Give it the number after the student's last one, and grade what a machine can."""
    del query

    def work(writer: Writer) -> Effect:
        row = attempt_writing.create(writer, body.told(), body.id)
        return tagged(row, 201, f"/api/v1/attempts/{row['id']}")

    return carry_out(work)


@blueprint.put("/attempts/<public_id:public_id>")
@requires("write")
@blueprint.input(Query, location="query", arg_name="query")
@blueprint.input(AttemptFields, arg_name="body", example=AttemptFields.example)
@blueprint.output(Attempt, description="Replaced, or as it was already")
@blueprint.doc(
    summary="Make or replace an attempt",
    responses={201: {"description": "Made", "content": SHOWN}, 409: NOT_ALLOWED, **GUARDED},
)
def replace_attempt(public_id: str, query: Query, body: AttemptFields) -> ResponseReturnValue:
    """Write its whole record, from which its state follows; responses that are not told stay."""
    del query

    def work(writer: Writer) -> Effect:
        row, is_new = attempt_writing.replace(writer, public_id, body.told(), as_asked())
        return tagged(row, 201 if is_new else 200)

    return carry_out(work)


@blueprint.patch("/attempts/<public_id:public_id>")
@requires("write")
@blueprint.input(Query, location="query", arg_name="query")
@blueprint.input(AttemptChange, arg_name="body", example=AttemptChange.example)
@blueprint.output(Attempt, description="Changed, or as it was already")
@blueprint.doc(summary="Change an attempt's times or its score", responses={409: NOT_ALLOWED, **GUARDED})
def change_attempt(public_id: str, query: Query, body: AttemptChange) -> ResponseReturnValue:
    """Mend its record, from which its state follows."""
    del query
    values = body.model_dump(exclude_unset=True)
    return carry_out(lambda writer: tagged(attempt_writing.change(writer, public_id, values, as_asked())))


@blueprint.delete("/attempts/<public_id:public_id>")
@requires("write")
@blueprint.input(Query, location="query", arg_name="query")
@blueprint.output({}, status_code=204, description="Deleted")
@blueprint.doc(summary="Delete an attempt", responses=GUARDED)
def delete_attempt(public_id: str, query: Query) -> ResponseReturnValue:
    """Hide it; it counts no more, neither for the result nor for the number that is allowed."""
    del query

    def work(writer: Writer) -> Effect:
        attempt_writing.delete(writer, public_id, as_asked())
        return Effect(None, 204)

    return carry_out(work)
