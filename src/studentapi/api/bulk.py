"""Many attempts in one request."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from apiflask import APIBlueprint
from flask import request
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, WithJsonSchema

from studentapi.api.auth import requires
from studentapi.api.effects import Effect, carry_out
from studentapi.api.problems import problem
from studentapi.api.request import Body, Query
from studentapi.api.types import PublicId, Time, number
from studentapi.api.validation import TWICE, worded
from studentapi.gradebook import bulk_attempts
from studentapi.gradebook.attempt_writing import Told
from studentapi.gradebook.bulk import BadRows, Fault
from studentapi.gradebook.bulk_attempts_known import Given
from studentapi.gradebook.values import POINTS_GIVEN_MOST

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

    from studentapi.gradebook.bulk import Outcome
    from studentapi.gradebook.changes import Writer

blueprint = APIBlueprint("bulk", __name__, tag="Bulk and files")

ROWS_MOST = 5000
MOST_BODY_BYTES = 4 * 1024 * 1024
"""Some 800 bytes for a row."""
_NAME_MOST = 100


class BulkAttempt(BaseModel):
    """An attempt that happened elsewhere; or one that begins, where nothing is told but whose it is."""

    model_config = ConfigDict(extra="forbid")

    id: PublicId | None = Field(None, description="replaces the one that is there; made here unless given")
    assessment_id: PublicId
    student_id: PublicId
    started_at: Time | None = None
    submitted_at: Time | None = None
    score: number(0, POINTS_GIVEN_MOST) | None = None  # type: ignore[valid-type]
    exempt: bool = Field(default=False, strict=True)


_ROWS: TypeAdapter[list[BulkAttempt]] = TypeAdapter(list[BulkAttempt])
_ROW_SCHEMA = BulkAttempt.model_json_schema()


class BulkAttempts(Body):
    """Attempts, of which each is looked at by itself."""

    example: ClassVar = {
        "attempts": [
            {
                "id": "ada-cells-quiz-on-paper",
                "assessment_id": "cells-quiz",
                "student_id": "ada",
                "submitted_at": "2026-09-30T08:20:00Z",
                "score": 1.5,
            }
        ]
    }

    attempts: Annotated[
        list[Any],
        Field(min_length=1, max_length=ROWS_MOST),
        WithJsonSchema({"type": "array", "minItems": 1, "maxItems": ROWS_MOST, "items": _ROW_SCHEMA}),
    ]


class BulkQuery(Query):
    """What becomes of the good rows where there are bad ones."""

    mode: Literal["all", "each"] = Field(
        "all", description="`all`: one bad row, and nothing is written. `each`: the good ones are"
    )


class RowFault(BaseModel):
    """What is wrong with a row."""

    name: str = Field(description="the field; empty for the row as a whole")
    detail: str


class BulkResult(BaseModel):
    """What became of a row."""

    index: int = Field(description="its place in the request, from 0")
    status: Literal["created", "updated", "unchanged", "invalid"]
    id: str | None = Field(description="of the attempt; null where there is none")
    errors: list[RowFault] = Field(default=[], description="there where it is invalid")


class BulkResults(BaseModel):
    """One result for each row, in order."""

    results: list[BulkResult]


@blueprint.before_request
def _larger_body() -> None:
    request.max_content_length = MOST_BODY_BYTES


@blueprint.post("/bulk/attempts")
@requires("write")
@blueprint.input(BulkQuery, location="query", arg_name="query")
@blueprint.input(BulkAttempts, arg_name="body", example=BulkAttempts.example)
@blueprint.output(BulkResults, description="What became of each row")
@blueprint.doc(responses={409: "Somebody else makes one of these at this moment"})
def write_attempts(query: BulkQuery, body: BulkAttempts) -> ResponseReturnValue:
    """Record, start or replace many attempts in one transaction; each as POST and PUT of one do."""
    rows, faults = _read(body.attempts)

    def work(writer: Writer) -> Effect:
        written = bulk_attempts.write(writer, rows)
        bad = sorted([*faults, *written.faults])
        if bad and query.mode == "all":
            raise BadRows(bad)
        return Effect({"results": _results(body.attempts, written.outcomes, bad)})

    try:
        return carry_out(work)
    except BadRows as error:
        errors = [
            {"location": "body", "name": _path(one), "detail": one.detail or "Invalid"} for one in error.faults
        ]
        bad_rows = len({one.row for one in error.faults})
        detail = f"Nothing was written: {bad_rows} of {len(body.attempts)} rows cannot be."
        return problem(422, detail, "invalid-rows", errors=errors)


def _read(given: list[Any]) -> tuple[list[Given], list[Fault]]:
    """Those rows that have the form of one, and what is wrong with the others."""
    faults: list[Fault] = []
    try:
        read = dict(enumerate(_ROWS.validate_python(given)))
    except ValidationError as error:
        for fault in error.errors(include_url=False, include_input=False):
            row, *rest = fault["loc"]
            faults.append(Fault(int(row), ".".join(str(part)[:_NAME_MOST] for part in rest), worded(fault)))
        bad = {fault.row for fault in faults}
        good = [place for place in range(len(given)) if place not in bad]
        read = dict(zip(good, _ROWS.validate_python([given[place] for place in good]), strict=True))
    seen: set[str] = set()
    rows = []
    for place, one in read.items():
        if one.id in seen:
            faults.append(Fault(place, "id", TWICE))
            continue
        if one.id is not None:
            seen.add(one.id)
        told = Told(**one.model_dump(exclude={"id"}))
        rows.append(Given(place, one.id, told))
    return rows, faults


def _results(given: list[Any], outcomes: list[Outcome], faults: list[Fault]) -> list[dict[str, Any]]:
    results: list[dict[str, Any]] = [{} for _ in given]
    for one in outcomes:
        results[one.row] = {"index": one.row, "status": one.status, "id": one.public_id}
    for fault in faults:
        row = given[fault.row]
        named = row.get("id") if isinstance(row, dict) else None
        result = results[fault.row] or {
            "index": fault.row,
            "status": "invalid",
            "id": named if isinstance(named, str) else None,
            "errors": [],
        }
        result["errors"].append({"name": fault.name, "detail": fault.detail})
        results[fault.row] = result
    return results


def _path(fault: Fault) -> str:
    return f"attempts.{fault.row}.{fault.name}" if fault.name else f"attempts.{fault.row}"
