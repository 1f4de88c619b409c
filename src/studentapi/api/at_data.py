"""The contract of the question that this project answers: `POST /students/{student_id}/at-data`."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Literal

import orjson
from apiflask import APIBlueprint
from flask import request
from pydantic import BaseModel, ConfigDict, Field

from studentapi.api import problems
from studentapi.api.answers import answer, dumps
from studentapi.api.auth import requires
from studentapi.api.reports import AssessmentData
from studentapi.api.request import PublicId
from studentapi.api.state import database
from studentapi.gradebook import progress

if TYPE_CHECKING:
    from flask import Response

SUCCESS = 100
"""The question's own code for a success; a failure's is its HTTP status."""

blueprint = APIBlueprint("at_data", __name__, tag="Assessment data")


class AtDataRequest(BaseModel):
    """Which chapter; as JSON or as a form. A number is taken for the id that it writes."""

    model_config = ConfigDict(coerce_numbers_to_str=True)

    chapter_id: PublicId = Field(alias="chapterId", examples=["AAA-1"])


class AtData(BaseModel):
    """The answer's envelope."""

    resultCode: Literal[100]  # noqa: N815 - the contract's own names
    resultDescription: Literal["SUCCESS"]  # noqa: N815
    result: AssessmentData


@blueprint.post("/students/<public_id:student_id>/at-data")
@requires("read", student="student_id")
@blueprint.input(AtDataRequest, location="json_or_form", arg_name="body")
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
    if request.path.endswith("/at-data") and response.mimetype == problems.MEDIA_TYPE:
        status = HTTPStatus(response.status_code)
        problem = orjson.loads(response.get_data())
        problem |= {"resultCode": status.value, "resultDescription": status.name, "result": None}
        response.set_data(dumps(problem))
    return response
