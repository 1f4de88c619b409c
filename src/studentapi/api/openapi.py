"""What APIFlask cannot know of the OpenAPI document: who may call, the form of an id, the shape of errors."""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from studentapi.api import problems
from studentapi.api.request import ID_PATTERN

if TYPE_CHECKING:
    from apiflask import APIFlask

SECURITY_SCHEMES = {"BearerAuth": {"type": "http", "scheme": "bearer"}}

_WITH_A_BODY = {
    "400": "A body that cannot be read",
    "411": "A body without its length",
    "413": "A body that is too large",
}
_GUARDED = {
    "400": "Bytes that are not UTF-8",
    "401": "No valid token",
    "403": "Not with this token",
    "503": "The database is away: ask again after Retry-After seconds",
    "504": "The database took too long",
}


def finished(app: APIFlask, spec: Any) -> Any:
    """Complete `spec`, the document that APIFlask has made of `app`."""
    components = spec["components"]["schemas"]
    for stand_in in ("HTTPError", "ValidationError"):
        components.pop(stand_in, None)
    components.update(problems.schemas())
    spec["tags"] = list({tag["name"]: tag for tag in spec["tags"]}.values())
    guarded = {
        re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule)
        for rule in app.url_map.iter_rules()
        if getattr(app.view_functions[rule.endpoint], "required_scope", None)
    }
    for route, path in spec["paths"].items():
        for operation in path.values():
            _complete(operation, guarded=route in guarded)
    return spec


def _complete(operation: dict[str, Any], *, guarded: bool) -> None:
    for parameter in operation.get("parameters", []):
        if parameter["in"] == "path":
            parameter["schema"]["pattern"] = f"^{ID_PATTERN}$"
    responses = operation["responses"]
    if guarded:
        operation["security"] = [{name: []} for name in SECURITY_SCHEMES]
        responses.update({status: {"description": text} for status, text in _GUARDED.items()})
    if "requestBody" in operation:
        responses.update({status: {"description": text} for status, text in _WITH_A_BODY.items()})
    a_problem = {problems.MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    for status, response in responses.items():
        if int(status) >= HTTPStatus.BAD_REQUEST:
            response["content"] = a_problem
