"""For those who run it: is the process alive, is the database there, and the documentation page."""

from __future__ import annotations

from pathlib import Path
from time import monotonic
from typing import Any

from apiflask import APIBlueprint
from flask import Response, current_app, send_from_directory
from pydantic import BaseModel, Field

from studentapi.api import latency, rate_limits
from studentapi.api import metrics as metrics_of
from studentapi.api.answers import answer
from studentapi.api.auth import public, requires
from studentapi.api.state import database

blueprint = APIBlueprint("operations", __name__, tag="Operations")

_PAGE = Path(__file__).parent / "static"
_EXPOSITION: dict[int | str, dict[str, str | dict[str, dict[str, Any]]]] = {
    200: {"description": "Prometheus' text format", "content": {"text/plain": {}}}
}
# Swagger UI sets styles on its elements; all else comes from this server: the page works with no internet.
_POLICY = "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; frame-ancestors 'none'"


class Health(BaseModel):
    """A sign of life."""

    status: str


class Connection(BaseModel):
    """One connection of one thread."""

    process: int = Field(description="process id of the worker")
    thread: str
    server: str = Field(description="`host:port`", examples=["127.0.0.1:3306"])
    version: str = Field(description="what the server said it was", examples=["9.7.0"])
    writable: bool = Field(description="whether the server took writes when the connection was opened")
    connection_id: int = Field(description="the server's own number of it")
    age_seconds: float
    idle_seconds: float
    uses: int = Field(description="commands sent over it")
    reconnects: int = Field(description="how often the thread's connection was replaced")
    last_error: str | None = Field(description="why the thread's last connection was replaced")


class Connections(BaseModel):
    """Every connection of every worker process."""

    items: list[Connection]


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


@blueprint.get("/metrics")
@public
@blueprint.doc(responses=_EXPOSITION)
def metrics() -> Response:
    """Give figures of requests and of database connections, over all workers; the database is not asked."""
    measured = current_app.extensions[latency.EXTENSION]
    body = metrics_of.exposition(database().observation, measured, rate_limits.current())
    return Response(body, content_type=metrics_of.CONTENT_TYPE)


@blueprint.get("/api/v1/connections")
@requires("admin")
@blueprint.output(Connections)
def connections() -> Response:
    """List the database connections of every worker process; the database is not asked."""
    now = monotonic()
    items = [
        {
            "process": shown.process,
            "thread": shown.thread,
            "server": shown.server,
            "version": shown.version,
            "writable": shown.writable,
            "connection_id": shown.connection_id,
            "age_seconds": round(now - shown.opened, 3),
            "idle_seconds": round(now - shown.last_used, 3),
            "uses": shown.uses,
            "reconnects": shown.reconnects,
            "last_error": shown.last_error or None,
        }
        for shown in database().observation.connections()
    ]
    return answer({"items": items})


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
