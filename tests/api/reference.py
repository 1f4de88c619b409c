"""The generated parts of docs/api.md: made of the OpenAPI document by `python -m tests.api.reference`."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from studentapi.api.problem_types import TYPES
from studentapi.app import create_app
from studentapi.gradebook import people
from studentapi.gradebook.registry import RESOURCES
from tests.clients import settings_for

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE = Path(__file__).parents[2] / "docs" / "api.md"
KINDS = sorted({resource.kind for resource in RESOURCES} | {people.students.kind} | {"token"})
COMMON = ("RequestId", "TraceParent")
"""Headers that the page's beginning speaks of."""
OF_ALL = {"400", "401", "403", "404", "411", "413", "415", "422", "429", "503", "504"}
"""Failures that the page's beginning speaks of."""


def document() -> dict[str, Any]:
    """The OpenAPI document."""
    app = create_app(settings_for("mysql://u:p@127.0.0.1:1/d"))
    found: dict[str, Any] = json.loads(app.test_client().get("/openapi.json").data)
    return found


def problems() -> str:
    """The table of the types of problems."""
    rows = [f"| `{one.name}` | {one.status} | {one.meaning} | {one.again} |" for one in TYPES]
    return "\n".join(["| type | status | what it says | send it again? |", "| --- | --- | --- | --- |", *rows])


def operations(found: dict[str, Any]) -> str:
    """Every operation, by tag."""
    return "\n\n".join(_operations(found)).rstrip()


def schemas(found: dict[str, Any]) -> str:
    """Every shape of a body or an answer, by name."""
    parts = []
    for name, schema in found["components"]["schemas"].items():
        parts.append(f"### {name}")
        whole = name.removesuffix("Listed")
        if whole != name:
            parts.append(
                f"The fields of [{whole}](#{whole.lower()}), or those that were asked for; and `deleted_at`."
            )
            continue
        if "description" in schema:
            parts.append(_line(schema["description"]))
        parts.append(_fields(schema))
        if schema.get("examples"):
            parts.append(_code(_pretty(schema["examples"][0]), "json"))
    return "\n\n".join(part for part in parts if part)


def page(text: str) -> str:
    """The page's text, with what is generated anew."""
    found = document()
    made = {"problems": problems(), "operations": operations(found), "schemas": schemas(found)}
    for name, part in made.items():
        before, rest = text.split(f"<!-- {name} -->\n")
        text = f"{before}<!-- {name} -->\n\n{part}\n\n<!-- /{name} -->{rest.split(f'<!-- /{name} -->')[1]}"
    return text


def _operations(found: dict[str, Any]) -> Iterator[str]:
    for tag in found["tags"]:
        yield f"## {tag['name']}"
        for path, item in found["paths"].items():
            for method, operation in item.items():
                if tag["name"] in operation["tags"]:
                    yield from _operation(found, method, path, operation)


def _operation(found: dict[str, Any], method: str, path: str, operation: dict[str, Any]) -> Iterator[str]:
    yield f"### {operation['summary']}"
    scope = next(iter(operation.get("security", [{"": []}])[0].values()))
    who = f"scope `{scope[0]}`" if scope else "open to everyone"
    yield f"`{method.upper()} {path}`, {who}, operation `{operation['operationId']}`."
    if operation.get("description"):
        yield _line(operation["description"])
    parameters = [_resolved(found, one) for one in operation["parameters"] if _name(one) not in COMMON]
    if parameters:
        yield _parameters(parameters)
    body = _media(operation.get("requestBody", {}))
    for media_type, media in body.items():
        yield f"Body, `{media_type}`: {_type(media.get('schema', {}))}"
    yield _code(_curl(found, method, path, operation), "sh")
    yield _answers(operation)


def _parameters(parameters: list[dict[str, Any]]) -> str:
    rows = ["| parameter | in | type | meaning |", "| --- | --- | --- | --- |"]
    filters: dict[str, list[str]] = {}
    for one in parameters:
        field, _, operator = one["name"].partition(".")
        if operator:
            filters.setdefault(field, []).append(operator)
    for one in parameters:
        name, meaning = one["name"], _line(one.get("description", ""))
        if "." in name:
            continue
        if name in filters:
            also = ", ".join(f"`{name}.{operator}`" for operator in filters[name])
            meaning = f"equal to; also {also}"
        needed = " (required)" if one.get("required") and one["in"] != "path" else ""
        rows.append(f"| `{name}` | {one['in']} | {_type(one['schema'])}{needed} | {meaning} |")
    return "\n".join(rows)


def _answers(operation: dict[str, Any]) -> str:
    lines = []
    for status, response in operation["responses"].items():
        if status in OF_ALL and "$ref" in response:
            continue
        shapes = [f"`{name}` {_type(media.get('schema', {}))}" for name, media in _media(response).items()]
        shown = f": {', '.join(shapes)}" if shapes and int(status) < 400 else ""
        text = response.get("description") or "see [Errors](#errors)"
        lines.append(f"- **{status}** {_line(text)}{shown}")
    common = [status for status, one in operation["responses"].items() if status in OF_ALL and "$ref" in one]
    if common:
        lines.append(f"- {', '.join(common)}: see [Errors](#errors)")
    return "\n".join(lines)


def _curl(found: dict[str, Any], method: str, path: str, operation: dict[str, Any]) -> str:
    words = ["curl"]
    for one in operation["parameters"]:
        parameter = _resolved(found, one)
        if parameter["in"] == "path":
            path = path.replace(f"{{{parameter['name']}}}", str(parameter.get("example", "ID")))
    if operation.get("security"):
        words.append('-H "Authorization: Bearer $TOKEN"')
    if method != "get":
        words.append(f"-X {method.upper()}")
    names = {_name(one) for one in operation["parameters"]}
    if "IdempotencyKey" in names:
        words.append('-H "Idempotency-Key: $(uuidgen)"')
    if "IfMatch" in names and method not in ("get", "post"):
        words.append("-H 'If-Match: *'")
    for media_type, media in _media(operation.get("requestBody", {})).items():
        if "example" in media and media_type != "application/x-www-form-urlencoded":
            example = media["example"]
            text = example if isinstance(example, str) else json.dumps(example, ensure_ascii=False)
            text = text.replace("\r\n", "\n")
            quoted = text.replace("'", "'\\''")
            words += [f"-H 'Content-Type: {media_type}'", f"\\\n  --data-binary '{quoted}'"]
            break
    return " ".join([*words, f'"$API{path}"'])


def _fields(schema: dict[str, Any]) -> str:
    properties = schema.get("properties")
    if not properties:
        return ""
    required = schema.get("required", [])
    rows = ["| field | type | | meaning |", "| --- | --- | --- | --- |"]
    for name, one in properties.items():
        default = f"default `{json.dumps(one['default'])}`" if one.get("default") is not None else ""
        needed = "required" if name in required else default
        rows.append(f"| `{name}` | {_type(one)} | {needed} | {_line(one.get('description', ''))} |")
    return "\n".join(rows)


def _type(schema: dict[str, Any]) -> str:  # noqa: PLR0911 - one for each form of a schema
    """A schema in a few words."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    if "const" in schema:
        return f"`{json.dumps(schema['const'])}`"
    if "enum" in schema:
        return " ".join(f"`{one}`" for one in schema["enum"])
    if "anyOf" in schema:
        return " or ".join(_type(one) for one in schema["anyOf"])
    kind = schema.get("type", "any")
    if isinstance(kind, list):
        return " or ".join(_type({**schema, "type": one}) for one in kind)
    if kind == "array":
        return f"list of {_type(schema.get('items', {}))}"
    if kind in ("integer", "number"):
        least, most = schema.get("minimum"), schema.get("maximum")
        above = "" if least is None else f" from {least}"
        return (
            ("whole number" if kind == "integer" else "number") + above + ("" if most is None else f" to {most}")
        )
    if kind == "string":
        return _text(schema)
    return "true or false" if kind == "boolean" else str(kind)


def _text(schema: dict[str, Any]) -> str:
    if "format" in schema:
        return "time" if schema["format"] == "date-time" else str(schema["format"])
    if "not" in schema:
        return "id"
    least, most = schema.get("minLength", 0), schema.get("maxLength")
    return f"text of {least} to {most}" if most is not None else "text"


def _resolved(found: dict[str, Any], parameter: dict[str, Any]) -> dict[str, Any]:
    if "$ref" not in parameter:
        return parameter
    resolved: dict[str, Any] = found["components"]["parameters"][_name(parameter)]
    return resolved


def _name(parameter: dict[str, Any]) -> str:
    return str(parameter.get("$ref", "")).rpartition("/")[2]


def _media(of: dict[str, Any]) -> dict[str, Any]:
    content: dict[str, Any] = of.get("content", {})
    return content


def _line(text: str) -> str:
    return re.sub(r"\s+", " ", text).replace("|", "\\|")


def _pretty(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)


def _code(text: str, language: str) -> str:
    return f"```{language}\n{text}\n```"


def main() -> None:
    PAGE.write_text(page(PAGE.read_text()))


if __name__ == "__main__":
    main()
