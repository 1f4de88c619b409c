"""The query of a list: `limit`, `cursor`, `sort`, `fields`, `updated_since`, `include_deleted`, and filters.

A filter is a field's name, alone for equality or with an operator: `name.prefix=An`, `state.in=graded,submitted`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal
from urllib.parse import quote, urlencode

from flask import request
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
    WithJsonSchema,
    create_model,
)
from pydantic_core import PydanticCustomError

from studentapi.api import cursors
from studentapi.api.cursors import InvalidCursor
from studentapi.api.request import Query, without_defaults
from studentapi.api.state import state
from studentapi.api.types import Date, PublicId, QueryBoolean, Time, query_integer, query_number
from studentapi.api.validation import worded
from studentapi.gradebook.documents import dumps
from studentapi.gradebook.listing import Filter, Listing, Place
from studentapi.gradebook.refusals import Invalid
from studentapi.gradebook.resources import Reference

if TYPE_CHECKING:
    from studentapi.gradebook.listing import Operator
    from studentapi.gradebook.resources import Field as ResourceField
    from studentapi.gradebook.resources import Resource

LIMIT_DEFAULT = 100
LIMIT_MOST = 500
IN_MOST = 100
"""Values of one `in`."""
_PLAIN = "/!$&'()*+,:;=@"
"""What stands for itself in a URL's path, besides letters, digits and `-._~` (RFC 3986, section 3.3)."""

Cursor = Annotated[
    str,
    Field(
        max_length=cursors.LONGEST,
        pattern=r"^[A-Za-z0-9_\-]+$",
        description="where the page begins: from the answer before, or its Link header",
    ),
]
Limit = query_integer(1, LIMIT_MOST)

_TYPES: dict[str, Any] = {
    "text": Annotated[str, Field(max_length=200)],
    "number": query_number(-1e9, 1e9),
    "integer": query_integer(0, 2**32 - 1),
    "boolean": QueryBoolean,
    "date": Date,
    "time": Time,
}
_OPERATORS: dict[str, tuple[Operator, ...]] = {
    "text": ("eq", "ne", "lt", "gt", "in", "prefix"),
    "choice": ("eq", "ne", "in"),
    "number": ("eq", "ne", "lt", "gt", "in"),
    "integer": ("eq", "ne", "lt", "gt", "in"),
    "boolean": ("eq",),
    "date": ("eq", "ne", "lt", "gt", "in"),
    "time": ("eq", "ne", "lt", "gt", "in"),
    "json": (),
    "reference": ("eq", "ne", "in"),
}
_MEANINGS: dict[Operator, str] = {
    "eq": "equal to",
    "ne": "not equal to",
    "lt": "less than",
    "gt": "greater than",
    "in": f"is one of these, up to {IN_MOST}, with commas between",
    "prefix": "begins with",
}


class ListQuery(Query):
    """Which page of a list; `list_query` adds what depends on the resource."""

    limit: Limit = Field(LIMIT_DEFAULT, description="how many at most")  # type: ignore[valid-type]
    cursor: Cursor | None = None
    updated_since: Time | None = Field(
        None, description="written at or after; sorted by that unless told otherwise"
    )
    include_deleted: QueryBoolean = Field(default=False, description="deleted ones, too")


def list_query(resource: Resource, choices: dict[str, Any]) -> type[ListQuery]:
    """The query of a resource's list. `choices`: the types of its fields that have few values, by name."""
    names = ["id", *resource.names, "created_at", "updated_at"]
    sorts = [*sorting(resource), *(f"-{name}" for name in sorting(resource))]
    parameters: dict[str, Any] = {
        "sort": (
            Literal[tuple(sorts)] | None,
            Field(None, description="with `-` before it: descending. By `id` unless told otherwise"),
        ),
        "fields": (
            _several(Literal[tuple(names)]) | None,
            Field(None, description="only these, with commas between"),
        ),
    }
    for one in resource.fields:
        kind = "reference" if isinstance(one, Reference) else one.kind
        for operator in _OPERATORS[kind]:
            alias = one.name if operator == "eq" else f"{one.name}.{operator}"
            described = Field(None, alias=alias, description=f"{one.name} {_MEANINGS[operator]}")
            parameters[f"{one.name}__{operator}"] = (_filter_type(one, operator, choices), described)
    return create_model(f"{resource.plural.title()}Query", __base__=ListQuery, **parameters)


def sorting(resource: Resource) -> list[str]:
    """What a list of the resource may be sorted by."""
    return ["id", "updated_at", *(one.name for one in resource.fields if one.sorts)]


def _filter_type(one: ResourceField, operator: Operator, choices: dict[str, Any]) -> Any:
    if isinstance(one, Reference):
        single: Any = PublicId
    else:
        single = choices[one.name] if one.kind == "choice" else _TYPES[one.kind]
    if operator == "in":
        # a comma parts a text that has one, so nothing is said of the length of its parts
        return _several(str if single == _TYPES["text"] else single) | None
    return single | None


def _several(single: Any) -> Any:
    """A list of values of a type, with commas between."""
    adapter: TypeAdapter[Any] = TypeAdapter(single)

    def split(text: str) -> list[Any]:
        parts = text.split(",")
        if len(parts) > IN_MOST:
            raise PydanticCustomError("several", f"No more than {IN_MOST} at once")
        try:
            return [adapter.validate_python(part) for part in parts]
        except ValidationError as error:
            said = worded(error.errors(include_url=False)[0], "query").replace("{", "{{").replace("}", "}}")
            raise PydanticCustomError("several", said) from None

    array = {"type": "array", "items": adapter.json_schema(), "minItems": 1, "maxItems": IN_MOST}
    return Annotated[str, AfterValidator(split), WithJsonSchema(array)]


class Asked:
    """A list as a request asks for it."""

    def __init__(self, resource: Resource, query: ListQuery) -> None:
        self.limit: int = query.limit
        given = {name: getattr(query, name) for name in query.model_fields_set}
        filters = [
            Filter(one.name, operator, given[f"{one.name}__{operator}"])
            for one in resource.fields
            for operator in _OPERATORS["reference" if isinstance(one, Reference) else one.kind]
            if given.get(f"{one.name}__{operator}") is not None
        ]
        sort: str = given.get("sort") or ("id" if query.updated_since is None else "updated_at")
        fields = given.get("fields")
        self.listing = Listing(
            sort=sort.removeprefix("-"),
            descending=sort.startswith("-"),
            filters=tuple(filters),
            fields=None if fields is None else tuple(fields),
            updated_since=query.updated_since,
            include_deleted=query.include_deleted,
        )
        self._of = dumps(
            [resource.plural, sort, [[*one] for one in filters], query.updated_since, query.include_deleted]
        ).decode()
        self.after = None if query.cursor is None else self._opened(query.cursor)

    def cursor(self, after: Place | None) -> str | None:
        """The cursor to what follows `after`."""
        if after is None:
            return None
        value = after.value if isinstance(after.value, str | int | None) else str(after.value)
        return state().cursors.seal(self._of, [value, after.public_id])

    def _opened(self, cursor: str) -> Place:
        try:
            return Place(*state().cursors.open(self._of, cursor))
        except InvalidCursor:
            raise Invalid("cursor", "This is not a cursor of this list") from None


def link(cursor: str | None) -> dict[str, str]:
    """The Link header to the next page, which repeats the request's other parameters."""
    if cursor is None:
        return {}
    query = urlencode({**request.args.to_dict(), "cursor": cursor})
    # not werkzeug's base_url: it is for people to read, unquotes what a header cannot hold, and takes a tenth of
    # a page's time
    path = quote(request.root_path + request.path, safe=_PLAIN)
    return {"Link": f'<{request.scheme}://{request.host}{path}?{query}>; rel="next"'}


class Listed(BaseModel):
    """One of a list. A field that was not asked for is not there, so nothing has a default."""

    model_config = ConfigDict(json_schema_extra=without_defaults)


def page_model(model: type[BaseModel]) -> type[BaseModel]:
    """What a page of `model` looks like: of each, all fields or those asked for."""
    fields: dict[str, Any] = {
        name: (field.rebuild_annotation(), Field(None, description=field.description))
        for name, field in model.model_fields.items()
    }
    deleted_at: Any = (Time | None, Field(None, description="with `include_deleted`: when it was deleted"))
    listed = create_model(
        f"{model.__name__}Listed", __doc__=model.__doc__, __base__=Listed, **fields, deleted_at=deleted_at
    )
    return create_model(
        f"{model.__name__}Page",
        items=(list[listed], ...),  # type: ignore[valid-type]
        next_cursor=(str | None, Field(description="null on the last page")),
    )
