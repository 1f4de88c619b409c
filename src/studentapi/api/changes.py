"""`GET /api/v1/changes`: the feed of changes, for copies and for audits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal
from urllib.parse import urlencode

import orjson
from apiflask import APIBlueprint
from flask import request
from pydantic import BaseModel, Field, field_validator
from pydantic_core import PydanticCustomError

from studentapi.api.answers import answer
from studentapi.api.auth import requires
from studentapi.api.cursors import InvalidCursor
from studentapi.api.lists import LIMIT_DEFAULT, Cursor, Limit
from studentapi.api.problems import problem
from studentapi.api.request import Query
from studentapi.api.state import database, state
from studentapi.api.types import PublicId, Time
from studentapi.api.validation import COMBINATION
from studentapi.gradebook import feed
from studentapi.gradebook.documents import dumps
from studentapi.gradebook.refusals import Invalid

if TYPE_CHECKING:
    from flask import Response
    from pydantic import ValidationInfo

    from studentapi.gradebook.resources import Row

blueprint = APIBlueprint("changes", __name__, tag="Changes")

Kind: Any = Literal[tuple(feed.KINDS)]
_GONE = "The changes after this cursor are not kept any more: make the copy anew"


class ChangesQuery(Query):
    """Which part of the feed."""

    limit: Limit = Field(LIMIT_DEFAULT, description="how many at most")
    cursor: Cursor | None = None
    from_: Literal["now"] | None = Field(
        None, alias="from", description="`now`: no changes, but the cursor to those that are to come"
    )
    resource: Kind | None = Field(None, description="of this kind alone")
    resource_id: PublicId | None = Field(None, description="of this one alone; together with `resource`")

    @field_validator("from_")
    @classmethod
    def _without_cursor(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value is not None and info.data.get("cursor") is not None:
            raise PydanticCustomError(COMBINATION, "It goes with no cursor")
        return value

    @field_validator("resource_id")
    @classmethod
    def _with_resource(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value is not None and info.data.get("resource") is None:
            raise PydanticCustomError(COMBINATION, "It goes with `resource`")
        return value


class Change(BaseModel):
    """One change of one resource."""

    position: Annotated[int, Field(ge=1)] = Field(description="1, 2, 3 … in the feed of everything")
    occurred_at: Time
    token_id: str | None = Field(description="the token by which it was made; null: a command of the service")
    request_id: str | None = Field(description="the `X-Request-ID` of its request")
    resource: str = Field(description="plural; students are `users`")
    resource_id: PublicId
    action: Literal["create", "update", "delete", "restore"]
    before: dict[str, Any] | None = Field(description="null where there was none, or a deleted one")
    after: dict[str, Any] | None = Field(description="null after a deletion")


class ChangesPage(BaseModel):
    """Some changes in their order."""

    items: list[Change] = Field(description="fewer than `limit`: there are no more, for now")
    next_cursor: str = Field(description="where to go on, now or later; the feed has no end")


@blueprint.get("/changes")
@requires("admin")
@blueprint.input(ChangesQuery, location="query", arg_name="query")
@blueprint.output(ChangesPage, description="Some changes; the Link header leads on")
@blueprint.doc(summary="Follow the changes", operation_id="list_changes", responses={410: _GONE})
def changes(query: ChangesQuery) -> Response:
    """Give who changed what, from what, to what: every change once, in an order that stays."""
    scope = feed.Scope(query.resource, query.resource_id)
    of = dumps(["changes", *scope]).decode()
    after = None if query.cursor is None else _opened(of, query.cursor)
    try:
        if query.from_ is None:
            page = feed.page(database(), query.limit, after, scope)
        else:
            page = feed.Page([], feed.end(database()))
    except feed.Gone:
        return problem(410, f"{_GONE}.", "changes-gone")
    except feed.Behind:
        detail = "The feed is catching up with what was written; ask again in a moment."
        return problem(503, detail, "changes-behind", headers={"Retry-After": "1"})
    cursor = state().cursors.seal(of, page.position)
    items = [_shown(change) for change in page.changes]
    return answer({"items": items, "next_cursor": cursor}, headers=_link(cursor))


def _opened(of: str, cursor: str) -> int:
    try:
        return int(state().cursors.open(of, cursor))
    except InvalidCursor:
        raise Invalid("cursor", "This is not a cursor of these changes") from None


def _shown(change: Row) -> Row:
    """A change whose documents go as the database has them, without being parsed."""
    documents = {name: change[name] and orjson.Fragment(change[name]) for name in ("before", "after")}
    return {**change, **documents}


def _link(cursor: str) -> dict[str, str]:
    query = {name: value for name, value in request.args.items() if name != "from"}
    return {"Link": f'<{request.base_url}?{urlencode({**query, "cursor": cursor})}>; rel="next"'}
