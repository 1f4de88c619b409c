"""The document's examples, sent one after the other, make a small school."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from studentapi.api.state import EXTENSION
from studentapi.app import create_app
from studentapi.gradebook import tokens
from tests.api import reference
from tests.api.test_docs import operations
from tests.clients import bearer, settings_for

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flask.testing import FlaskClient
    from werkzeug.test import TestResponse

    from studentapi.mysql.database import Database


@pytest.fixture
def everything(database: Database, migrated_url: str) -> Iterator[FlaskClient]:
    """A client that may do everything, on an empty gradebook."""
    app = create_app(settings_for(migrated_url))
    yield bearer(app, tokens.create(database, ("read", "write", "admin"), label="all").secret)
    app.extensions[EXTENSION].database.close()


def send(
    client: FlaskClient, document: dict[str, Any], method: str, path: str, operation: dict[str, Any]
) -> TestResponse:
    """Send the example of an operation."""
    headers, query = {}, ""
    for one in operation["parameters"]:
        parameter = reference._resolved(document, one)
        if parameter["in"] == "path":
            path = path.replace(f"{{{parameter['name']}}}", parameter["example"])
        elif parameter["name"] == "cascade":
            query = "?cascade=true"
        elif parameter["name"] == "If-Match":
            headers["If-Match"] = "*"
        elif parameter["name"] == "Idempotency-Key":
            headers["Idempotency-Key"] = operation["operationId"]
    content = operation.get("requestBody", {}).get("content", {})
    for media_type, example in ((name, media["example"]) for name, media in content.items()):
        if media_type != "application/x-www-form-urlencoded":
            data = example if isinstance(example, str) else json.dumps(example)
            return client.open(
                path, method=method, data=data, content_type=media_type, headers=headers, buffered=True
            )
    return client.open(path + query, method=method, headers=headers, buffered=True)


def test_all_examples_run_in_the_order_of_the_document(everything: FlaskClient) -> None:
    document = reference.document()
    every = list(operations(document))
    last = [one for one in reversed(every) if one[0] == "delete"]
    for method, path, operation in [*(one for one in every if one[0] != "delete"), *last]:
        answer = send(everything, document, method.upper(), path, operation)
        assert answer.status_code < 300, (method, path, answer.status_code, answer.text)
        assert str(answer.status_code) in operation["responses"]


def test_every_post_that_writes_is_carried_out_once_under_its_key(everything: FlaskClient) -> None:
    document = reference.document()
    for method, path, operation in operations(document):
        if method in ("get", "delete"):
            continue
        first = send(everything, document, method.upper(), path, operation)
        assert first.status_code < 300, (method, path, first.text)
        if {"$ref": "#/components/parameters/IdempotencyKey"} in operation["parameters"]:
            again = send(everything, document, method.upper(), path, operation)
            assert (again.status_code, again.data) == (first.status_code, first.data), path
            assert again.headers["Idempotent-Replayed"] == "true"
