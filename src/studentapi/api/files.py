"""CSV files that come in, and CSV and NDJSON files that leave."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from apiflask import APIBlueprint
from flask import request
from pydantic import BaseModel, Field, create_model

from studentapi.api import streams
from studentapi.api.answers import answer
from studentapi.api.auth import requires
from studentapi.api.effects import Effect, carry_out
from studentapi.api.lists import Asked, list_query
from studentapi.api.problems import problem
from studentapi.api.request import Query
from studentapi.api.resource_routes import MODELS
from studentapi.api.state import database
from studentapi.api.types import QueryBoolean
from studentapi.gradebook import exporting, file_columns, importing
from studentapi.gradebook.exporting import MEDIA_TYPES
from studentapi.gradebook.importing import Undone
from studentapi.gradebook.people import students
from studentapi.gradebook.registry import RESOURCES
from studentapi.gradebook.resources import Column

if TYPE_CHECKING:
    from collections.abc import Callable

    from flask import Response
    from flask.typing import ResponseReturnValue

    from studentapi.gradebook.changes import Writer
    from studentapi.gradebook.exporting import Format
    from studentapi.gradebook.importing import Report
    from studentapi.gradebook.resources import Resource

TAG = "Bulk and files"
blueprint = APIBlueprint("files", __name__, tag=TAG)

CSV = "text/csv"
MOST_BODY_BYTES = 16_000_000
"""Below uwsgi.ini's limit-post, so that it is this one that explains."""
ROWS_MOST = 20_000
"""Some 5 seconds, of attempts: who waits for the same rows waits no longer than a statement may take by default,
and uWSGI kills no worker over it."""

EXAMPLES = {
    "students": "id,school_id,name\r\nada,green-hill,Ada Okoye\r\n",
    "enrollments": "id,class_id,user_id,role,enrolled_on,withdrawn_on\r\n"
    "ada-biology-2026,biology-2026,ada,student,2026-09-01,\r\n",
    "assessments": "id,class_id,chapter_id,title,category,weight,points_max,due_at,counted,attempts_allowed\r\n"
    "cells-essay,biology-2026,biology-cells,Essay on cells,essay,2,20,2036-10-15T16:00:00Z,best,\r\n",
    "attempts": "id,assessment_id,student_id,started_at,submitted_at,score\r\n"
    "ada-cells-essay,cells-essay,ada,,2026-09-30T10:00:00Z,17.5\r\n",
}
"""Files that go in one after the other, into the school of the examples."""


_EXPORTED: dict[int | str, dict[str, str | dict[str, dict[str, Any]]]] = {
    200: {
        "description": "The file",
        "content": {media_type: {"schema": {"type": "string"}} for media_type in (CSV, MEDIA_TYPES["ndjson"])},
    },
    505: {"description": "HTTP/1.0, in which the end cannot be told from a break"},
}


class ImportQuery(Query):
    """Whether it is meant."""

    dry_run: QueryBoolean = Field(default=False, description="do all the work, and undo it")


class Fault(BaseModel):
    """What is wrong with a line."""

    line: int = Field(description="of the file, from 1; where the row begins")
    column: str | None = Field(description="null: the line as a whole")
    reason: str


class ImportReport(BaseModel):
    """What became of a file, or would have."""

    rows: int = Field(description="without the header")
    created: int
    updated: int
    unchanged: int
    errors: list[Fault] = Field(
        description=f"with any, nothing is written; the first {importing.FAULTS_SHOWN} of them, by line"
    )
    more_errors: int = Field(description="how many there are besides")
    dry_run: bool


class ExportQuery(Query):
    """Which rows, and in what form; `_export_query` adds what a list of the resource takes."""

    limit: ClassVar[int] = 0
    cursor: ClassVar[str | None] = None
    format: Literal["csv", "ndjson"] = Field("csv", description="CSV, or a JSON object on each line")


@blueprint.before_request
def _larger_body() -> None:
    request.max_content_length = MOST_BODY_BYTES


def _add_import(resource: Resource) -> None:
    plural = resource.plural

    @blueprint.post(f"/import/{plural}", endpoint=f"import_{plural}")
    @requires("write")
    @_takes_csv(EXAMPLES[plural])
    @blueprint.input(ImportQuery, location="query", arg_name="query")
    @blueprint.output(ImportReport, description="Written, or a dry run")
    @blueprint.doc(
        summary=f"Import {plural} from a CSV file",
        description="Each row is made, or brought in line by its id; all of them or none. A file with faults is "
        f"a problem `invalid-file`, whose `report` names each. Up to {ROWS_MOST:,} rows.",
        responses={409: "Somebody else makes one of these at this moment"},
    )
    def imported(query: ImportQuery) -> ResponseReturnValue:
        file = BytesIO(request.get_data())
        rows = importing.rows_of(file)
        if rows > ROWS_MOST:
            return problem(
                413,
                f"The file has {rows} rows; {ROWS_MOST} are taken here. Send it in parts, or have it imported by "
                "the command `studentapi import`.",
                "too-many-rows",
            )

        def work(writer: Writer) -> Effect:
            return Effect(_shown(importing.import_rows(writer, resource, file, dry_run=query.dry_run)))

        try:
            return carry_out(work)
        except Undone as undone:
            return _undone(undone.report)


def _undone(report: Report) -> Response:
    if report.dry_run:
        return answer(_shown(report))
    faults = len(report.errors) + report.more_errors
    return problem(
        422,
        f"Nothing was imported: {faults} {'fault' if faults == 1 else 'faults'}.",
        "invalid-file",
        report=_shown(report),
    )


def _shown(report: Report) -> dict[str, Any]:
    return {**report._asdict(), "errors": [one._asdict() for one in report.errors]}


def _takes_csv(example: str) -> Callable[[Any], Any]:
    """Declare a body that is a CSV file, where APIFlask has no decorator for it."""

    def decorate(view: Any) -> Any:
        described = {"type": "string", "description": "a CSV file in UTF-8, with a header"}
        view._spec |= {"body": described, "body_example": example, "content_type": CSV}  # noqa: SLF001
        return view

    return decorate


def exports() -> APIBlueprint:
    """The routes of the exports, of every resource whose module has been imported."""
    made = APIBlueprint("exports", __name__, tag=TAG)
    for resource in (*RESOURCES, students):
        _add_export(made, resource)
    return made


def _add_export(blueprint: APIBlueprint, resource: Resource) -> None:
    plural = resource.plural

    @blueprint.get(f"/export/{plural}", endpoint=f"export_{plural}")
    @requires("read")
    @blueprint.input(_export_query(resource), location="query", arg_name="query")
    @blueprint.doc(
        summary=f"Export {plural} as a file",
        description="The answer comes in chunks; one that lacks the last chunk has broken off.",
        responses=_EXPORTED,
    )
    def exported(query: Any) -> Response:
        form: Format = query.format
        pieces = exporting.export(database(), resource, Asked(resource, query).listing, form)
        return streams.refusal() or streams.streamed(pieces, MEDIA_TYPES[form], f"{plural}.{form}")


def _export_query(resource: Resource) -> type[ExportQuery]:
    """The query of the resource's list, without what makes pages of it."""
    model = MODELS[resource.plural]
    choices = {
        one.name: model.model_fields[one.name].annotation
        for one in resource.fields
        if isinstance(one, Column) and one.kind == "choice"
    }
    fields: dict[str, Any] = {
        name: (field.annotation, field)
        for name, field in list_query(resource, choices).model_fields.items()
        if name not in ("limit", "cursor")
    }
    return create_model(f"{resource.plural.title()}Export", __base__=ExportQuery, **fields)


for _resource in file_columns.RESOURCES.values():
    _add_import(_resource)
