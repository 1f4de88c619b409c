"""For those who run it: is the process alive, is the database there, and the documentation page."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from apiflask import APIBlueprint
from flask import send_from_directory
from pydantic import BaseModel

from studentapi.api.answers import answer
from studentapi.api.auth import public
from studentapi.api.state import database

if TYPE_CHECKING:
    from flask import Response

blueprint = APIBlueprint("operations", __name__, tag="Operations")

_PAGE = Path(__file__).parent / "static"
# Swagger UI sets styles on its elements; all else comes from this server: the page works with no internet.
_POLICY = "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; frame-ancestors 'none'"


class Health(BaseModel):
    """A sign of life."""

    status: str


@blueprint.get("/livez")
@public
@blueprint.output(Health)
def livez() -> Response:
    """Tell that this process answers; the database is not asked."""
    return answer({"status": "ok"})


@blueprint.get("/readyz")
@public
@blueprint.output(Health)
@blueprint.doc(responses={503: "The database is away"})
def readyz() -> Response:
    """Tell that this process and its database answer."""
    database().check()
    return answer({"status": "ok"})


@blueprint.get("/docs")
@public
@blueprint.doc(hide=True)
def docs() -> Response:
    """Show the documentation page."""
    response = send_from_directory(_PAGE, "docs.html")
    response.headers["Content-Security-Policy"] = _POLICY
    return response


@blueprint.get("/docs/<path:name>")
@public
@blueprint.doc(hide=True)
def docs_file(name: str) -> Response:
    """Give a file of the documentation page."""
    response = send_from_directory(_PAGE, name, max_age=86_400)
    response.headers["Content-Security-Policy"] = _POLICY
    return response
