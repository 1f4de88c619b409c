"""The OpenAPI document, the page that shows it, and docs/api.md, which is made of it."""

from __future__ import annotations

import ast
import json
import re
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema_rs
import pytest

from studentapi.api.auth import declared
from studentapi.api.openapi import path_of
from studentapi.api.problem_types import TYPES
from studentapi.app import create_app
from studentapi.gradebook.answer_keys import KINDS, check_answer, check_key
from tests.api import reference
from tests.clients import settings_for

if TYPE_CHECKING:
    from collections.abc import Iterator

    from apiflask import APIFlask
    from flask.testing import FlaskClient

SOURCE = Path(__file__).parents[2] / "src" / "studentapi"
HIDDEN = {"/docs", "/docs/{name}", "/openapi.json"}
CODE = re.compile(r"[a-z]+(-[a-z]+)+")


@pytest.fixture
def app() -> APIFlask:
    return create_app(settings_for("mysql://u:p@127.0.0.1:1/d"))


@pytest.fixture
def client(app: APIFlask) -> FlaskClient:
    return app.test_client()


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return reference.document()


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, item in document["paths"].items():
        for method, operation in item.items():
            yield method, path, operation


def responses(document: dict[str, Any], operation: dict[str, Any]) -> Iterator[tuple[int, dict[str, Any]]]:
    """The answers of an operation by their status, without references."""
    for status, response in operation["responses"].items():
        name = response.get("$ref", "").rpartition("/")[2]
        yield int(status), document["components"]["responses"][name] if name else response


def test_the_page_asks_for_nothing_from_elsewhere(client: FlaskClient) -> None:
    with client.get("/docs") as page:
        named = re.findall(r'(?:src|href)="([^"]+)"', page.get_data(as_text=True))
    assert page.status_code == 200
    assert "default-src 'self'" in page.headers["Content-Security-Policy"]
    assert named
    for name in named:
        assert "//" not in name
        with client.get(f"/{name}") as answer:
            assert answer.status_code == 200, name
    for name in ("../app.py", "..%2f..%2fapp.py", "no-such.js"):
        assert client.get(f"/docs/{name}").status_code == 404


def test_the_document_names_every_operation_with_its_scope_and_nothing_else(
    document: dict[str, Any], app: APIFlask
) -> None:
    assert document["openapi"].startswith("3.1")
    there = {(one.method.lower(), path_of(one.rule)): one.scope for one in declared(app)}
    said = {
        (method, path): next((scopes[0] for scopes in operation.get("security", [{}])[0].values()), None)
        for method, path, operation in operations(document)
    }
    assert said == {key: scope for key, scope in there.items() if key[1] not in HIDDEN}


def test_every_reference_of_the_document_leads_somewhere(document: dict[str, Any]) -> None:
    for kind, name in set(re.findall(r'"#/components/(\w+)/([^"]+)"', json.dumps(document))):
        assert name in document["components"][kind]


def test_every_schema_of_the_document_is_one(document: dict[str, Any]) -> None:
    for name, schema in document["components"]["schemas"].items():
        assert jsonschema_rs.meta.is_valid(schema), name
        assert schema.get("description") or name.endswith(("Page", "Listed")), name


def test_each_operation_has_a_name_and_a_summary_of_its_own(document: dict[str, Any]) -> None:
    every = list(operations(document))
    names = Counter(operation["operationId"] for *_, operation in every)
    assert max(names.values()) == 1
    assert all(re.fullmatch(r"[a-z]+(_[a-z]+)*", name) for name in names)
    assert max(Counter(operation["summary"] for *_, operation in every).values()) == 1
    assert len({tag["name"] for tag in document["tags"]}) == len(document["tags"])


def test_every_failure_is_a_problem_and_what_has_no_body_says_so(document: dict[str, Any]) -> None:
    for method, path, operation in operations(document):
        for status, response in responses(document, operation):
            content = response.get("content", {})
            if status >= 400:
                assert list(content) == ["application/problem+json"], (method, path, status)
            else:
                assert bool(content) == (status not in (204, 304)), (method, path, status)
            assert "X-Request-ID" in response["headers"]


def test_what_is_guarded_limited_or_takes_a_body_names_its_failures(document: dict[str, Any]) -> None:
    for method, path, operation in operations(document):
        statuses = {status for status, _ in responses(document, operation)}
        guarded = {400, 401, 403, 422, 429, 503, 504} if "security" in operation else set()
        body = {411, 413, 415} if "requestBody" in operation else set()
        place = {404} if "{" in path else set()
        assert guarded | body | place <= statuses, (method, path)


def test_every_example_of_a_body_is_valid_and_every_body_has_one(document: dict[str, Any]) -> None:
    for method, path, operation in operations(document):
        for media_type, media in operation.get("requestBody", {}).get("content", {}).items():
            assert "example" in media, (method, path, media_type)
            schema = {**media.get("schema", {}), "components": document["components"]}
            jsonschema_rs.validator_for(schema, validate_formats=True).validate(media["example"])


def test_the_reference_is_what_the_document_says() -> None:
    text = reference.PAGE.read_text()
    assert text == reference.page(text), "python -m tests.api.reference makes it anew"


def test_the_keys_and_answers_that_the_reference_shows_are_ones() -> None:
    rows = re.findall(r"^\| `(\w+)` \| `(.+)` \| `(.+)` \|$", reference.PAGE.read_text(), re.MULTILINE)
    keys = {kind: (json.loads(key), json.loads(answer)) for kind, key, answer in rows if kind in KINDS}
    assert keys.keys() == set(KINDS)
    for kind, (key, answer) in keys.items():
        check_key(kind, key)
        check_answer(kind, key, answer)


def test_every_type_of_problem_stands_in_the_table_and_none_besides() -> None:
    known = {one.name for one in TYPES}
    assert len(known) == len(TYPES)
    used, said = set(), set()
    for file in [*(SOURCE / "api").glob("*.py"), *(SOURCE / "gradebook").glob("*.py")]:
        if file.name == "problem_types.py":
            continue
        tree = ast.parse(file.read_text())
        said |= {str(node.value) for node in ast.walk(tree) if isinstance(node, ast.Constant)}
        used |= set(_codes(tree))
    assert used <= known
    from_status = {"bad-request", "not-found", "method-not-allowed", "length-required", "content-too-large"}
    from_status |= {"precondition-failed", "precondition-required", "too-many-requests"}
    from_status |= {"internal-server-error", "unsupported-media-type", "http-version-not-supported"}
    kinds = {name for name in known if "KIND" in name}
    assert known - kinds - from_status <= said


def _codes(tree: ast.Module) -> Iterator[str]:
    """The types that a module names where it makes a problem or refuses; a name stands for its constant."""
    constants = {
        target.id: node.value.value
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
            continue
        arguments = {"problem": node.args[2:3], "NotAllowed": node.args[:1]}.get(node.func.id, [])
        for argument in arguments:
            if isinstance(argument, ast.Constant):
                yield str(argument.value)
            elif isinstance(argument, ast.Name) and argument.id in constants:
                yield str(constants[argument.id])
