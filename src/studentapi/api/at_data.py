"""The contract of the question that this project answers: `POST /students/{student_id}/at-data`."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated, Literal

import orjson
from apiflask import APIBlueprint
from flask import request
from pydantic import BaseModel, BeforeValidator, Field, WithJsonSchema

from studentapi.api import problems
from studentapi.api.answers import answer
from studentapi.api.auth import requires
from studentapi.api.reports import AssessmentData
from studentapi.api.state import database
from studentapi.api.types import PUBLIC_ID, PublicId
from studentapi.gradebook import progress
from studentapi.gradebook.documents import dumps

if TYPE_CHECKING:
    from flask import Response

SUCCESS = 100
"""The question's own code for a success; a failure's is its HTTP status."""

blueprint = APIBlueprint("at_data", __name__, tag="Assessment data")


_MOST = 2**53
"""The largest number that every client writes as it is."""


def _id(value: object) -> object:
    whole = isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= _MOST
    return str(int(value)) if whole and value == int(value) else value  # type: ignore[call-overload]


class AtDataRequest(BaseModel):
    """Which chapter; as JSON or as a form. A whole number is taken for the id that it writes."""

    chapter_id: Annotated[
        PublicId,
        BeforeValidator(_id),
        WithJsonSchema(
            {"anyOf": [PUBLIC_ID, {"type": "integer", "minimum": 0, "maximum": _MOST}], "description": "its id"}
        ),
    ] = Field(alias="chapterId")


class AtData(BaseModel):
    """The answer's envelope."""

    resultCode: Literal[100]  # noqa: N815 - the contract's own names
    resultDescription: Literal["SUCCESS"]  # noqa: N815
    result: AssessmentData


@blueprint.post("/students/<public_id:student_id>/at-data")
@requires("read", student="student_id")
@blueprint.input(AtDataRequest, location="json_or_form", arg_name="body", example={"chapterId": "biology-cells"})
@blueprint.output(AtData)
def at_data(student_id: str, body: AtDataRequest) -> Response:
    """Read a student's assessment data in a chapter, as the question had it.

    A failure is a problem like any other, with `resultCode`, its status, and `resultDescription` besides.
    """
    data = progress.assessment_data(database(), student_id, body.chapter_id)
    return answer({"resultCode": SUCCESS, "resultDescription": "SUCCESS", "result": data})


@blueprint.after_app_request
def add_result_code(response: Response) -> Response:
    """Give a problem the members that this contract's clients look for; also where no route was found."""
    wrong = response.status_code >= HTTPStatus.BAD_REQUEST
    if wrong and request.path.endswith("/at-data") and response.mimetype == problems.MEDIA_TYPE:
        problem = orjson.loads(response.get_data())
        name = problem["title"].upper().replace(" ", "_")
        problem |= {"resultCode": response.status_code, "resultDescription": name, "result": None}
        response.set_data(dumps(problem))
    return response
