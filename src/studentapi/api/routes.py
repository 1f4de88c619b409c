"""Joins the blueprints, and what holds for all of them."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from studentapi.api import assessments, at_data, attempts, courses, operations, people, problems, reports
from studentapi.api.answers import Orjson
from studentapi.api.auth import SECURITY_SCHEMES, assert_all_declared
from studentapi.api.request import ID_PATTERN, PublicIdConverter

if TYPE_CHECKING:
    from apiflask import APIFlask
    from flask import Response

NATIVE = "/api/v1"


def register(app: APIFlask) -> None:
    """Give `app` every route, its errors and its OpenAPI document."""
    app.json = Orjson(app)
    app.url_map.converters["public_id"] = PublicIdConverter
    app.config.update(
        SECURITY_SCHEMES=SECURITY_SCHEMES,
        # stand-ins: _finished gives every error the one schema there is
        HTTP_ERROR_SCHEMA={},
        VALIDATION_ERROR_SCHEMA={},
        AUTO_SERVERS=False,
        AUTO_OPERATION_ID=True,
    )
    problems.register(app)
    for module in (people, courses, assessments, attempts, reports):
        app.register_blueprint(module.blueprint, url_prefix=NATIVE)
    app.register_blueprint(at_data.blueprint)
    app.register_blueprint(operations.blueprint)
    app.after_request(_private)
    app.spec_processor(_finished)
    assert_all_declared(app)


def _private(response: Response) -> Response:
    """Students' data is for its reader alone, and is what its type says."""
    response.headers.setdefault("Cache-Control", "no-store")
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response


def _finished(spec: Any) -> Any:
    """What APIFlask cannot know: the form of an id in a path, and that every error is a problem."""
    components = spec["components"]["schemas"]
    for stand_in in ("HTTPError", "ValidationError"):
        components.pop(stand_in, None)
    components.update(problems.schemas())
    a_problem = {problems.MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    for path in spec["paths"].values():
        for operation in path.values():
            for parameter in operation.get("parameters", []):
                if parameter["in"] == "path":
                    parameter["schema"]["pattern"] = f"^{ID_PATTERN}$"
            responses = operation["responses"]
            if "requestBody" in operation:
                responses["400"] = {"description": "A body that cannot be read"}
                responses["413"] = {"description": "A body that is too large"}
            if operation.get("security"):
                responses["503"] = {"description": "The database is away: ask again after Retry-After seconds"}
                responses["504"] = {"description": "The database took too long"}
            for status, response in responses.items():
                if int(status) >= HTTPStatus.BAD_REQUEST:
                    response["content"] = a_problem
    return spec
