"""The routes that every resource has: list, read, make, replace, change, delete."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, get_args

from pydantic import BaseModel, ConfigDict, Field, create_model

from studentapi.api.answers import answer
from studentapi.api.auth import requires
from studentapi.api.conditional import answer_if_new, as_asked
from studentapi.api.effects import Effect, carry_out, tagged
from studentapi.api.lists import Asked, link, list_query, page_model
from studentapi.api.openapi_parts import FAILURES
from studentapi.api.problems import a
from studentapi.api.request import Body, Query, without_defaults
from studentapi.api.state import database
from studentapi.api.types import PublicId, QueryBoolean, Time
from studentapi.gradebook import writing
from studentapi.gradebook.resources import Resource

if TYPE_CHECKING:
    from apiflask import APIBlueprint
    from flask import Response
    from flask.typing import ResponseReturnValue
    from pydantic.fields import FieldInfo

    from studentapi.api.lists import ListQuery
    from studentapi.gradebook.changes import Writer

_ID: Any = (PublicId | None, Field(None, description="made here unless given"))
CONDITIONAL: dict[int | str, Any] = {304: "It is as If-None-Match says: the client has it", 412: FAILURES[412]}
"""What else a read of something with an entity tag may be answered with."""
GUARDED: dict[int | str, Any] = {412: FAILURES[412], 428: FAILURES[428]}
"""What a write over something may be answered with."""
_FORBIDDEN = "The rules of the gradebook forbid it now; `type` names the rule"
_TAKEN = "There is one already, of this id or for the same; deleted ones count. PUT makes a deleted one again"
MODELS: dict[str, type[BaseModel]] = {}
"""What resources look like, by plural: those that can be read."""


class DeleteQuery(Query):
    """How far a deletion goes."""

    cascade: QueryBoolean = Field(default=False, description="delete what refers to it, too")


def resource_model(resource: Resource, given: type[Body], **further: Any) -> type[BaseModel]:
    """What a resource looks like: its id, what was `given`, `further` fields, and its times."""
    times = dict.fromkeys(("created_at", "updated_at"), "2026-09-01T08:00:00Z")
    return create_model(
        resource.kind.title(),
        __doc__=given.__doc__,
        __config__=ConfigDict(json_schema_extra={"examples": [{**given.example, **times}]}),
        id=(PublicId, ...),
        **_required(given),
        **further,
        created_at=(Time, ...),
        updated_at=(Time, ...),
    )


def add_reading(
    blueprint: APIBlueprint, resource: Resource, model: type[BaseModel], *, own: bool = False
) -> None:
    """Add `GET /plural` and `GET /plural/{id}` for `resource`, whose rows are as `model` says.

    `own`: its id is a student's, so that a student's own token may read that one.
    """
    plural, kind = resource.plural, resource.kind
    MODELS[plural] = model
    choices = {name: _single(field.annotation) for name, field in model.model_fields.items()}
    query_model = list_query(resource, choices)

    @blueprint.get(f"/{plural}", endpoint=f"list_{plural}")
    @requires("read")
    @blueprint.input(query_model, location="query", arg_name="query")
    @blueprint.output(page_model(model), description=f"Some {plural}; the Link header leads on")
    @blueprint.doc(summary=f"List {plural}", operation_id=f"list_{plural}")
    def several(query: ListQuery) -> Response:
        asked = Asked(resource, query)
        page = asked.listing.page(resource, database(), limit=asked.limit, after=asked.after)
        cursor = asked.cursor(page.after)
        return answer({"items": page.rows, "next_cursor": cursor}, headers=link(cursor))

    @blueprint.get(f"/{plural}/<public_id:public_id>", endpoint=f"get_{plural}")
    @requires("read", student="public_id" if own else None)
    @blueprint.input(Query, location="query", arg_name="query")
    @blueprint.output(model)
    @blueprint.doc(summary=f"Read {a(kind)}", operation_id=f"get_{kind}", responses=CONDITIONAL)
    def one(public_id: str, query: Query) -> Response:
        del query
        return answer_if_new(resource.one(database(), public_id))


def add_writing(blueprint: APIBlueprint, resource: Resource, given: type[Body], model: type[BaseModel]) -> None:
    """Add POST, PUT, PATCH and DELETE for `resource`, which clients write as `given` says."""
    plural, kind = resource.plural, resource.kind
    made = create_model(f"New{kind.title()}", __doc__=given.__doc__, __base__=given, id=_ID)
    part = _partial(given, f"{kind.title()}Change")
    # what follows from a change may forbid it
    ruled: dict[int | str, Any] = {} if resource.follow is Resource.follow else {409: _FORBIDDEN}
    without_id = {name: value for name, value in given.example.items() if name != "id"}
    shown = {"application/json": {"schema": {"$ref": f"#/components/schemas/{model.__name__}"}}}

    @blueprint.post(f"/{plural}", endpoint=f"create_{plural}")
    @requires("write")
    @blueprint.input(Query, location="query", arg_name="query")
    @blueprint.input(made, arg_name="body", example=given.example)
    @blueprint.output(model, status_code=201, description="Made")
    @blueprint.doc(summary=f"Make {a(kind)}", operation_id=f"create_{kind}", responses={409: _TAKEN})
    def create(query: Query, body: BaseModel) -> ResponseReturnValue:
        del query
        values = body.model_dump()
        public_id = values.pop("id")

        def work(writer: Writer) -> Effect:
            row = writing.create(writer, resource, values, public_id)
            return tagged(row, 201, f"/api/v1/{plural}/{row['id']}")

        return carry_out(work)

    @blueprint.put(f"/{plural}/<public_id:public_id>", endpoint=f"replace_{plural}")
    @requires("write")
    @blueprint.input(Query, location="query", arg_name="query")
    @blueprint.input(given, arg_name="body", example=without_id)
    @blueprint.output(model, description="Replaced, or as it was already")
    @blueprint.doc(
        summary=f"Make or replace {a(kind)}",
        operation_id=f"replace_{kind}",
        responses={201: {"description": "Made", "content": shown}, 409: _TAKEN, **GUARDED},
    )
    def replace(public_id: str, query: Query, body: BaseModel) -> ResponseReturnValue:
        del query
        values = body.model_dump()

        def work(writer: Writer) -> Effect:
            row, is_new = writing.replace(writer, resource, public_id, values, as_asked())
            return tagged(row, 201 if is_new else 200)

        return carry_out(work)

    @blueprint.patch(f"/{plural}/<public_id:public_id>", endpoint=f"change_{plural}")
    @requires("write")
    @blueprint.input(Query, location="query", arg_name="query")
    @blueprint.input(part, arg_name="body", example=dict(list(without_id.items())[-1:]))
    @blueprint.output(model, description="Changed, or as it was already")
    @blueprint.doc(
        summary=f"Change some fields of {a(kind)}", operation_id=f"change_{kind}", responses=ruled | GUARDED
    )
    def change(public_id: str, query: Query, body: BaseModel) -> ResponseReturnValue:
        del query
        values = body.model_dump(exclude_unset=True)
        return carry_out(lambda writer: tagged(writing.change(writer, resource, public_id, values, as_asked())))

    add_deleting(blueprint, resource)


def add_deleting(blueprint: APIBlueprint, resource: Resource) -> None:
    """Add DELETE for `resource`."""
    plural, kind = resource.plural, resource.kind

    @blueprint.delete(f"/{plural}/<public_id:public_id>", endpoint=f"delete_{plural}")
    @requires("write")
    @blueprint.input(DeleteQuery, location="query", arg_name="query")
    @blueprint.output({}, status_code=204, description="Deleted")
    @blueprint.doc(
        summary=f"Delete {a(kind)}",
        operation_id=f"delete_{kind}",
        responses={409: "Others refer to it, and `cascade` is not true", **GUARDED},
    )
    def delete(public_id: str, query: DeleteQuery) -> ResponseReturnValue:
        def work(writer: Writer) -> Effect:
            writing.delete(writer, resource, public_id, as_asked(), cascade=query.cascade)
            return Effect(None, 204)

        return carry_out(work)


def _required(model: type[BaseModel]) -> dict[str, Any]:
    """The fields of `model`, each of which an answer has."""
    return {
        name: (_type(field), Field(description=field.description)) for name, field in model.model_fields.items()
    }


def _type(field: FieldInfo) -> Any:
    """A field's type with all that restricts it."""
    return Annotated[field.annotation, *field.metadata] if field.metadata else field.annotation


def _partial(model: type[BaseModel], title: str) -> type[BaseModel]:
    """`model` with every field left out as one likes; null only where the field may be null."""
    fields: dict[str, Any] = {
        name: (_type(field), Field(None, description=field.description))
        for name, field in model.model_fields.items()
    }
    made = create_model(title, __doc__=model.__doc__, __base__=_Part, **fields)
    made.model_config["json_schema_extra"] = without_defaults
    return made


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid")


def _single(annotation: Any) -> Any:
    """A type without its None."""
    kinds = [kind for kind in get_args(annotation) if kind is not type(None)]
    return kinds[0] if len(kinds) == 1 and len(get_args(annotation)) > 1 else annotation
