"""What APIFlask cannot know of the OpenAPI document: who may call, what may go wrong, which headers travel along.

A view declares the statuses that are its own (`blueprint.doc(responses=…)`): with 304 or 412 come the entity
tags, with a parameter `cursor` the link to the next page. All else follows from its path, scope and inputs.
"""

from __future__ import annotations

import itertools
import json
import re
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, NamedTuple

from studentapi.api import problems, rate_limits
from studentapi.api.openapi_parts import (
    FAILURES,
    HEADERS,
    OF_ALL,
    OF_THE_LIMITED,
    PARAMETERS,
    failure,
    failures,
    headers,
)
from studentapi.api.types import PUBLIC_ID

if TYPE_CHECKING:
    from collections.abc import Iterable

    from apiflask import APIFlask

SCHEME = "BearerAuth"
SECURITY_SCHEMES = {
    SCHEME: {
        "type": "http",
        "scheme": "bearer",
        "description": "A token of the service. Each operation names the scope that it has to have.",
    }
}
_EMPTY = ("204", "304")
_ABOUT = (
    "Students' assessment data. Errors are problems (RFC 9457). What was not answered, or with 503 or 504, may "
    "be sent again: a POST under the same Idempotency-Key, all else as it is. What is not declared is refused. "
    "docs/api.md of the project has it all in one page."
)
_METHODS = ("get", "post", "put", "patch", "delete")


class _Facts(NamedTuple):
    """What is known of an operation beyond the document."""

    method: str
    path: str
    endpoint: str
    scope: str | None

    @property
    def writes_once(self) -> bool:
        """Whether an Idempotency-Key counts."""
        return self.method == "post" and self.scope in ("write", "admin")


def path_of(rule: str) -> str:
    """A route's path as the document has it."""
    return re.sub(r"<(?:[^<>]*:)?(\w+)>", r"{\1}", rule)


def finished(app: APIFlask, spec: Any) -> Any:
    """Complete `spec`, the document that APIFlask has made of `app`."""
    facts = {(one.path, one.method): one for one in _facts(app)}
    spec["paths"] = {
        path: spec["paths"][path] for path in dict.fromkeys(path for path, _ in facts) if path in spec["paths"]
    }
    for path, item in spec["paths"].items():
        for method, operation in item.items():
            _complete(operation, facts[path, method])
    _exemplify_ids(spec["paths"])
    _link(spec["paths"])
    components = spec["components"]
    for stand_in in ("HTTPError", "ValidationError"):
        components["schemas"].pop(stand_in, None)
    components["schemas"].update(problems.schemas())
    components |= {"parameters": PARAMETERS, "headers": HEADERS, "responses": failures()}
    spec["info"]["description"] = _ABOUT
    spec["tags"] = list({tag["name"]: tag for tag in spec["tags"]}.values())
    return _with_plain_names(spec)


def _facts(app: APIFlask) -> Iterable[_Facts]:
    for rule in app.url_map.iter_rules():
        scope = getattr(app.view_functions[rule.endpoint], "required_scope", None)
        for method in _METHODS:
            if method.upper() in (rule.methods or ()):
                yield _Facts(method, path_of(rule.rule), rule.endpoint, scope)


def _complete(operation: dict[str, Any], facts: _Facts) -> None:
    if operation["operationId"] == f"{facts.method}_{facts.endpoint.replace('.', '_')}":
        operation["operationId"] = facts.endpoint.rpartition(".")[2]
    if facts.scope is not None:
        operation["security"] = [{SCHEME: [facts.scope]}]
    if "requestBody" in operation:
        operation["requestBody"]["required"] = True
    for parameter in operation["parameters"]:
        _tidy(parameter)
    responses = operation["responses"]
    for status in _failing(operation, facts):
        responses.setdefault(str(status), {"description": FAILURES[status]})
    operation["parameters"] += _header_parameters(responses, facts)
    limited = facts.path not in rate_limits.UNLIMITED
    for status, response in sorted(responses.items()):
        if int(status) >= HTTPStatus.BAD_REQUEST:
            responses[status] = _failure(int(status), response["description"])
            continue
        if status in _EMPTY:
            response.pop("content", None)
        response["headers"] = {
            **response.get("headers", {}),
            **headers(*OF_ALL, *(OF_THE_LIMITED if limited else ()), *_answer_headers(status, operation, facts)),
        }
    operation["responses"] = dict(sorted(responses.items()))


def _failing(operation: dict[str, Any], facts: _Facts) -> Iterable[int]:
    """Statuses of failures that follow from what an operation is."""
    if facts.path not in rate_limits.UNLIMITED:
        yield 429
    if facts.scope is not None:
        yield from (400, 401, 403, 422, 503, 504)
    if "{" in facts.path:
        yield 404
    if "requestBody" in operation:
        yield from (411, 413, 415)
    if facts.writes_once:
        yield 409


def _failure(status: int, description: str) -> dict[str, Any]:
    """A reference where nothing is said that is not said of all operations; APIFlask's own words are not."""
    said = FAILURES.get(status)
    if said is not None and description in (said, "Not found", "Validation error"):
        return {"$ref": f"#/components/responses/Problem{status}"}
    return failure(status, description)


def _header_parameters(responses: dict[str, Any], facts: _Facts) -> list[dict[str, str]]:
    names = ["RequestId", "TraceParent"]
    if facts.writes_once:
        names.append("IdempotencyKey")
    if "304" in responses or "412" in responses:
        names.append("IfNoneMatch")
    if "412" in responses:
        names.append("IfMatch")
    return [{"$ref": f"#/components/parameters/{name}"} for name in names]


def _answer_headers(status: str, operation: dict[str, Any], facts: _Facts) -> Iterable[str]:
    responses = operation["responses"]
    if status in ("200", "201", "304") and ("304" in responses or "412" in responses):
        yield "ETag"
    if facts.method == "post" and status == "201":
        yield "Location"
    if any(parameter.get("name") == "cursor" for parameter in operation["parameters"]):
        yield "Link"
    if facts.writes_once:
        yield "Idempotent-Replayed"


def _tidy(parameter: dict[str, Any]) -> None:
    """Say of a parameter what can be sent: there is no null in a query, and a list is written with commas."""
    schema = parameter["schema"]
    kinds = [kind for kind in schema.get("anyOf", ()) if kind != {"type": "null"}]
    if len(kinds) == 1:
        rest = {name: value for name, value in schema.items() if name != "anyOf" and value is not None}
        schema = parameter["schema"] = {**kinds[0], **rest}
    schema.pop("title", None)
    if "description" in schema:
        parameter["description"] = schema.pop("description")
    if parameter["in"] == "path":
        schema |= PUBLIC_ID
    if schema.get("type") == "array":
        parameter |= {"style": "form", "explode": False}


def _exemplify_ids(paths: dict[str, Any]) -> None:
    """Give each id in a path the id that the examples give to what it names."""
    known: dict[str, str] = {}
    for path, item in paths.items():
        example = _body_example(item.get("post", {}))
        if isinstance(example, dict) and "id" in example:
            known[path.rpartition("/")[2]] = example["id"]
    for path, item in paths.items():
        parts = path.split("/")
        named = {part[1:-1]: known.get(before) for before, part in itertools.pairwise(parts) if "{" in part}
        for operation in item.values():
            for parameter in operation["parameters"]:
                if parameter.get("in") == "path" and named.get(parameter["name"]):
                    parameter["example"] = named[parameter["name"]]


def _body_example(operation: dict[str, Any]) -> Any:
    content = operation.get("requestBody", {}).get("content", {})
    return next((media["example"] for media in content.values() if "example" in media), None)


def _link(paths: dict[str, Any]) -> None:
    """Say of each POST that makes something which operations lead on from it."""
    for path, item in paths.items():
        made = item.get("post", {}).get("responses", {}).get("201")
        if made is None:
            continue
        links = {}
        for further, operations in paths.items():
            found = re.fullmatch(re.escape(path) + r"/\{(\w+)\}(/[\w\-]+)*", further)
            for operation in operations.values() if found else ():
                parameters = {found[1]: "$response.body#/id"} if found else {}
                if "412" in operation["responses"] and "304" not in operation["responses"]:
                    parameters["header.If-Match"] = "$response.header.ETag"
                links[operation["operationId"]] = {
                    "operationId": operation["operationId"],
                    "parameters": parameters,
                }
        if links:
            made["links"] = links


def _with_plain_names(spec: Any) -> Any:
    """Call a nested model by its own name; pydantic's stand-in calls it by its parent's, once for each."""
    schemas = spec["components"]["schemas"]
    text = json.dumps(spec)
    for name in schemas:
        plain = name.rpartition(".")[2]
        if plain != name:
            text = text.replace(f'"#/components/schemas/{name}"', f'"#/components/schemas/{plain}"')
    spec = json.loads(text)
    plainly: dict[str, Any] = {}
    for name, schema in spec["components"]["schemas"].items():
        plain = name.rpartition(".")[2]
        if plainly.setdefault(plain, schema) != schema:
            raise RuntimeError(f"two models are called {plain}, and are not the same")
    spec["components"]["schemas"] = dict(sorted(plainly.items()))
    return spec
