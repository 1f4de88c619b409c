"""What a request brings, against the model that a view names: JSON read strictly, faults said in plain words."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from apiflask import HTTPError
from apiflask.schema_adapters.pydantic import PydanticAdapter
from pydantic import BaseModel, ValidationError
from werkzeug.exceptions import BadRequest

from studentapi.gradebook import documents
from studentapi.gradebook.refusals import Invalid

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from flask import Request
    from pydantic_core import ErrorDetails

UNPROCESSABLE = 422
TWICE = "Given more than once"
COMBINATION = "combination"
"""The type of a validator's error where each value is right by itself, and they do not go together."""
_NAME_MOST = 100
"""Characters of a client's own name that are repeated to it."""

_WORDS = {
    "missing": "It is required",
    "string_type": "This is no text",
    "string_too_short": "It has {min_length} characters or more",
    "string_too_long": "It has {max_length} characters or less",
    "string_pattern_mismatch": "It does not match {pattern}",
    "int_type": "This is no whole number",
    "int_parsing": "This is no whole number",
    "int_from_float": "This is no whole number",
    "int_parsing_size": "This is too large a number",
    "float_type": "This is no number",
    "float_parsing": "This is no number",
    "decimal_type": "This is no number",
    "decimal_parsing": "This is no number",
    "finite_number": "This is no finite number",
    "bool_type": "It is true or false",
    "bool_parsing": "It is true or false",
    "greater_than": "It is more than {gt}",
    "greater_than_equal": "It is {ge} or more",
    "less_than": "It is less than {lt}",
    "less_than_equal": "It is {le} or less",
    "literal_error": "It is one of {expected}",
    "enum": "It is one of {expected}",
    "none_required": "It is null",
    "list_type": "This is no list",
    "set_type": "This is no list",
    "too_short": "It has {min_length} entries or more",
    "too_long": "It has {max_length} entries or less",
    "dict_type": "This is no object",
    "model_type": "This is no object",
    "model_attributes_type": "This is no object",
}
"""By pydantic's name of a fault; those of our own validators speak for themselves."""


_BOUND = re.compile(r"^Decimal\('(.*)'\)$|\.0$")
"""How pydantic writes numbers that are none of Python's own."""
MEMBERS_MOST = 100_000
"""Members of all objects of a body: twice what the largest bulk takes. Each may be a fault to be told."""
FAULTS_SHOWN = 100


class Adapter(PydanticAdapter):
    """APIFlask's adapter to pydantic, with our reading of bodies and our words."""

    def validate_input(self, request: Request, location: str, **more: Any) -> BaseModel:
        """Make the model of what the request has at `location`; raises what APIFlask answers with 400 or 422."""
        read = _READ.get(location)
        if read is None:
            made: BaseModel = super().validate_input(request, location, **more)
            return made
        data = read(request)
        try:
            return self.model_class.model_validate(data)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            if first["type"] == COMBINATION:
                raise Invalid(_name(first["loc"]), first["msg"]) from None
            raise _invalid(location, _worded(error, location)) from None


def worded(fault: ErrorDetails, location: str = "body") -> str:
    """What is wrong, in a sentence for the client."""
    kind = fault["type"]
    if kind == "extra_forbidden":
        return "There is no such parameter" if location == "query" else "There is no such field"
    words = _WORDS.get(kind)
    if words is None:
        return fault["msg"]
    bounds = fault.get("ctx", {})
    return words.format(**{name: _BOUND.sub(r"\1", str(bound)) for name, bound in bounds.items()})


def load_json(body: bytes) -> Any:
    """Parse a body. Raises `BadRequest`, and what APIFlask answers with 422 where an object has a name twice."""
    try:
        parsed = documents.loads(body)
    except ValueError:
        raise BadRequest("The body is not JSON in UTF-8.") from None
    try:
        kept = documents.dumps(parsed)
    except TypeError:
        raise BadRequest("The body is nested too deeply.") from None
    # each member has a colon, and where a name came twice, some are gone; texts have as many as they came with,
    # unless one was written \u003a
    colons = body.count(b":")
    if colons > MEMBERS_MOST or colons != kept.count(b":") or b"\\u" in body:
        _refuse_repeated(body)
    return parsed


def _refuse_repeated(body: bytes) -> None:
    """Of two values under one name, each reader takes the one that it likes."""
    repeated: dict[str, list[str]] = {}
    members = 0

    def look(pairs: list[tuple[str, Any]]) -> None:
        nonlocal members
        members += len(pairs)
        if members > MEMBERS_MOST:
            raise BadRequest(f"The body has more than {MEMBERS_MOST} members.")
        seen: set[str] = set()
        for name, _ in pairs:
            if name in seen:
                repeated[name[:_NAME_MOST]] = [TWICE]
            seen.add(name)

    json.loads(body, object_pairs_hook=look, parse_int=len, parse_float=len)
    if repeated:
        raise _invalid("json", repeated)


def _worded(error: ValidationError, location: str) -> dict[str, list[str]]:
    said: dict[str, list[str]] = {}
    for fault in error.errors(include_url=False, include_input=False)[:FAULTS_SHOWN]:
        said.setdefault(_name(fault["loc"]), []).append(worded(fault, location))
    return said


def _name(place: Iterable[int | str]) -> str:
    """Where in the body; the body as a whole is `body`."""
    return ".".join(str(part)[:_NAME_MOST] for part in place) or "body"


def _invalid(location: str, said: dict[str, list[str]]) -> HTTPError:
    return HTTPError(UNPROCESSABLE, "The request is not valid.", {location: said})


def _json_or_form(request: Request) -> Any:
    return load_json(request.get_data()) if request.is_json else request.form.to_dict()


_READ: dict[str, Callable[[Request], Any]] = {
    "json": lambda request: load_json(request.get_data()),
    "json_or_form": _json_or_form,
    "query": lambda request: request.args.to_dict() if request.query_string else {},
}
