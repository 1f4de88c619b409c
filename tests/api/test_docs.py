import json
import re

import pytest
from apiflask import APIFlask
from flask.testing import FlaskClient

from studentapi.app import create_app
from tests.clients import settings_for


@pytest.fixture
def app() -> APIFlask:
    return create_app(settings_for("mysql://u:p@127.0.0.1:1/d"))


@pytest.fixture
def client(app: APIFlask) -> FlaskClient:
    return app.test_client()


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


def test_the_document_names_every_route_and_nothing_else(client: FlaskClient, app: APIFlask) -> None:
    document = json.loads(client.get("/openapi.json").data)
    assert document["openapi"].startswith("3.1")
    routes = {re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule) for rule in app.url_map.iter_rules()}
    assert set(document["paths"]) == routes - {"/docs", "/docs/{name}", "/openapi.json"}


def test_every_reference_of_the_document_leads_somewhere(client: FlaskClient) -> None:
    text = client.get("/openapi.json").text
    schemas = json.loads(text)["components"]["schemas"]
    for reference in set(re.findall(r'"\$ref":"#/components/schemas/([^"]+)"', text)):
        assert reference in schemas


def test_the_document_gives_every_error_the_shape_of_a_problem(client: FlaskClient) -> None:
    document = json.loads(client.get("/openapi.json").data)
    for route, path in document["paths"].items():
        for operation in path.values():
            for status, response in operation["responses"].items():
                fine = "text/plain" if route == "/metrics" else "application/json"
                kind = "application/problem+json" if int(status) >= 400 else fine
                assert list(response["content"]) == [kind]


def test_each_operation_has_a_summary_of_its_own_and_what_is_guarded_says_so(client: FlaskClient) -> None:
    document = json.loads(client.get("/openapi.json").data)
    operations = {route: next(iter(path.values())) for route, path in document["paths"].items()}
    summaries = [operation["summary"] for operation in operations.values()]
    assert len(set(summaries)) == len(summaries)
    for route, operation in operations.items():
        guarded = route not in ("/livez", "/readyz", "/metrics")
        assert ("security" in operation) == ("401" in operation["responses"]) == guarded, route
    names = [tag["name"] for tag in document["tags"]]
    assert len(set(names)) == len(names)
