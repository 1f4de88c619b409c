"""Joins the blueprints, and what holds for all of them."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from flask import request

from studentapi.api import (
    assessments,
    at_data,
    attempt_steps,
    attempts,
    bulk,
    changes,
    courses,
    files,
    item_analysis,
    openapi,
    operations,
    people,
    problems,
    reports,
    statistics,
    student_progress,
)
from studentapi.api.answers import Orjson
from studentapi.api.auth import assert_all_declared
from studentapi.api.request import PublicIdConverter

if TYPE_CHECKING:
    from apiflask import APIFlask
    from flask import Response

NATIVE = "/api/v1"


def register(app: APIFlask) -> None:
    """Give `app` every route, its errors and its OpenAPI document."""
    app.json = Orjson(app)
    # an address with // in it is another one, not to be answered with where that leads
    app.url_map.merge_slashes = False
    app.url_map.converters["public_id"] = PublicIdConverter
    app.config.update(
        SECURITY_SCHEMES=openapi.SECURITY_SCHEMES,
        # stand-ins: openapi.finished gives every error the one schema there is
        HTTP_ERROR_SCHEMA={},
        VALIDATION_ERROR_SCHEMA={},
        AUTO_SERVERS=False,
        AUTO_OPERATION_ID=True,
    )
    problems.register(app)
    for module in (people, courses, assessments, attempts, attempt_steps, changes, reports):
        app.register_blueprint(module.blueprint, url_prefix=NATIVE)
    for module in (student_progress, statistics, item_analysis):
        app.register_blueprint(module.blueprint, url_prefix=NATIVE)
    for blueprint in (bulk.blueprint, files.blueprint, files.exports()):
        app.register_blueprint(blueprint, url_prefix=NATIVE)
    app.register_blueprint(at_data.blueprint)
    app.register_blueprint(operations.blueprint)
    app.before_request(_measured_body)
    app.spec_processor(partial(openapi.finished, app))
    assert_all_declared(app)


def _measured_body() -> Response | None:
    """Ask for a body's length: one that comes in chunks would not be read, and be taken for none."""
    if "HTTP_TRANSFER_ENCODING" in request.environ:
        return problems.problem(411, "A body needs a Content-Length here; chunks are not read.")
    return None
