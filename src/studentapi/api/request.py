"""What every view shares: ids in the path, pages by query, and the two routes that read a resource."""

from __future__ import annotations

import base64
import binascii
import re
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlencode

from flask import request
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, create_model
from pydantic_core import PydanticCustomError
from werkzeug.routing import BaseConverter

from studentapi.api.answers import answer
from studentapi.api.auth import requires
from studentapi.api.state import database

if TYPE_CHECKING:
    from apiflask import APIBlueprint
    from flask import Response

    from studentapi.gradebook.resources import Resource

ID_PATTERN = r"[A-Za-z0-9._:\-]{1,64}"

PublicId = Annotated[str, Field(pattern=f"^{ID_PATTERN}$")]

LIMIT_DEFAULT = 100
LIMIT_MOST = 500


class PublicIdConverter(BaseConverter):
    """`<public_id:…>` in a route. A path with anything else leads nowhere: 404."""

    regex = ID_PATTERN


class Query(BaseModel):
    """Query parameters; one that is not declared is refused by its name."""

    model_config = ConfigDict(extra="forbid")


def _decoded(cursor: str | None) -> str | None:
    if cursor is None:
        return None
    try:
        after = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True).decode("ascii")
    except (binascii.Error, ValueError):
        after = ""
    if not re.fullmatch(ID_PATTERN, after):
        raise PydanticCustomError("cursor", "This is not a cursor of ours")
    return after


class PageQuery(Query):
    """Which page of a list."""

    limit: Annotated[int, Field(ge=1, le=LIMIT_MOST)] = LIMIT_DEFAULT
    cursor: Annotated[
        str | None,
        Field(max_length=100, description="where the page begins: from the answer before, or its Link header"),
        AfterValidator(_decoded),
    ] = None


def resource_routes(
    blueprint: APIBlueprint, resource: Resource, model: type[BaseModel], plural: str, *, own: bool = False
) -> None:
    """Add `GET /plural` and `GET /plural/{id}` for `resource`, whose rows are as `model` says.

    `own`: its id is a student's, so that a student's own token may read that one.
    """
    page_model = create_model(
        f"{model.__name__}Page",
        items=(list[model], ...),  # type: ignore[valid-type]
        next_cursor=(str | None, Field(description="null on the last page")),
    )

    @blueprint.get(f"/{plural}", endpoint=f"list_{plural}")
    @requires("read")
    @blueprint.input(PageQuery, location="query", arg_name="query")
    @blueprint.output(page_model, description=f"Some {plural}, by their ids; the Link header leads on")
    @blueprint.doc(summary=f"List {plural}")
    def several(query: PageQuery) -> Response:
        page = resource.page(database(), limit=query.limit, after=query.cursor or "")
        cursor = None if page.after is None else _encoded(page.after)
        return answer({"items": page.rows, "next_cursor": cursor}, headers=_link(cursor, query.limit))

    @blueprint.get(f"/{plural}/<public_id:public_id>", endpoint=f"get_{plural}")
    @requires("read", student="public_id" if own else None)
    @blueprint.input(Query, location="query", arg_name="query")
    @blueprint.output(model)
    @blueprint.doc(summary=f"Read one of the {plural}")
    def one(public_id: str, query: Query) -> Response:
        del query
        return answer(resource.one(database(), public_id))


def _encoded(after: str) -> str:
    return base64.urlsafe_b64encode(after.encode()).decode().rstrip("=")


def _link(cursor: str | None, limit: int) -> dict[str, str]:
    if cursor is None:
        return {}
    query = urlencode({"limit": limit, "cursor": cursor})
    # A proxy that ends TLS says so: a client that follows the link must not send its token in clear.
    secure = request.headers.get("X-Forwarded-Proto", "").lower() == "https"
    base = request.base_url.replace("http://", "https://", 1) if secure else request.base_url
    return {"Link": f'<{base}?{query}>; rel="next"'}
