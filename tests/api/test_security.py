"""What holds for every answer, and what is refused before a view sees it."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest
from pydantic import SecretStr, ValidationError

from studentapi.api import security
from studentapi.api.problems import MEDIA_TYPE
from studentapi.gradebook import tokens
from studentapi.settings import Settings
from tests.clients import bearer
from tests.service import running

if TYPE_CHECKING:
    from pathlib import Path

    from studentapi.mysql.database import Database
    from tests.api.conftest import Made
    from tests.service import Service

AT_DATA = "/students/s1/at-data"
LIST = "/api/v1/students"
PORTAL = "https://portal.school.example"
PREFLIGHT = {
    "Origin": PORTAL,
    "Access-Control-Request-Method": "GET",
    "Access-Control-Request-Headers": "authorization",
}


@pytest.fixture
def reader(database: Database) -> str:
    return tokens.create(database).secret


def raw(service: Service, data: bytes) -> bytes:
    """All that a service answers to these bytes; nothing where it ends the connection."""
    with socket.create_connection(("127.0.0.1", service.port), timeout=30) as connection:
        answer = b""
        try:
            connection.sendall(data)
            while received := connection.recv(65_536):
                answer += received
        except ConnectionError:
            pass  # what came before it counts
        return answer


def test_every_answer_has_its_headers(made: Made, reader: str) -> None:
    app = made()
    client = bearer(app, reader)
    answers = [
        client.get(LIST),
        client.get("/livez"),
        client.get("/metrics"),
        client.get("/openapi.json"),
        client.options(LIST),
        app.test_client().get(LIST),  # 401
        client.get("/api/v1/connections"),  # 403
        client.get("/nowhere"),  # 404
        client.delete("/livez"),  # 405
        client.post(AT_DATA, data=b"x" * 2_000_000, content_type="application/json"),  # 413
        client.post(AT_DATA, data=b"x", content_type="text/plain"),  # 415
        client.get(f"{LIST}?limit=x"),  # 422
    ]
    for answer in answers:
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["Content-Security-Policy"] == security.POLICY
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin"
        assert "Strict-Transport-Security" not in answer.headers
        assert "Access-Control-Allow-Origin" not in answer.headers
        assert "Server" not in answer.headers
    with client.get("/docs") as page:
        assert "default-src 'self'" in page.headers["Content-Security-Policy"]


def test_only_who_came_by_https_is_told_to_stay_there(made: Made) -> None:
    https = {"X-Forwarded-Proto": "https"}
    assert "Strict-Transport-Security" not in made().test_client().get("/livez", headers=https).headers
    proxied = made(trusted_proxies=1).test_client()
    assert proxied.get("/livez", headers=https).headers["Strict-Transport-Security"] == security.HSTS
    assert "Strict-Transport-Security" not in proxied.get("/livez").headers


def test_other_sites_scripts_read_nothing_unless_their_origin_is_named(made: Made, reader: str) -> None:
    closed, opened = made(), made(cors_origins=f"{PORTAL}, http://localhost:3000")
    for app, origin, allowed in (
        (closed, PORTAL, None),
        (opened, PORTAL, PORTAL),
        (opened, "http://localhost:3000", "http://localhost:3000"),
        (opened, f"{PORTAL}.evil.example", None),
        (opened, "http://portal.school.example", None),
        (opened, "null", None),
        (opened, f"{PORTAL}/", None),
    ):
        for answer in (
            bearer(app, reader).get(LIST, headers={"Origin": origin}),
            app.test_client().get(LIST, headers={"Origin": origin}),  # 401
            app.test_client().options(LIST, headers={**PREFLIGHT, "Origin": origin}),
        ):
            assert answer.headers.get("Access-Control-Allow-Origin") == allowed, origin
            assert "Access-Control-Allow-Credentials" not in answer.headers
            assert ("Origin" in answer.headers.get("Vary", "")) == (app is opened)


def test_a_preflight_needs_no_token_and_tells_what_may_be_sent(made: Made) -> None:
    answer = made(cors_origins=PORTAL).test_client().options(LIST, headers=PREFLIGHT)
    assert answer.status_code in (200, 204)
    assert "GET" in answer.headers["Access-Control-Allow-Methods"]
    allowed = answer.headers["Access-Control-Allow-Headers"].lower()
    assert all(name in allowed for name in ("authorization", "content-type", "if-match", "idempotency-key"))
    assert int(answer.headers["Access-Control-Max-Age"]) > 0


@pytest.mark.parametrize(
    "origins", ["*", "https://*.school.example", "https://a.example/path", "a.example", "null"]
)
def test_an_origin_that_is_none_is_refused_at_start(origins: str) -> None:
    with pytest.raises(ValidationError, match="origin"):
        Settings(database_url=SecretStr("mysql://u:p@h/d"), cors_origins=origins, _env_file=None)  # type: ignore[call-arg]


@pytest.mark.parametrize(
    ("body", "media_type", "status"),
    [
        (b'{"chapterId": "c"}', "application/json", 404),
        (b'{"chapterId": "c"}', "application/json; charset=utf-8", 404),
        (b"chapterId=c", "application/x-www-form-urlencoded", 404),
        (b'{"chapterId": "c"}', "text/plain", 415),
        (b"chapterId=c", "multipart/form-data; boundary=x", 415),
        (b"<chapterId/>", "application/xml", 415),
        (b'{"chapterId": "c"}', None, 415),
        (b"", None, 422),
    ],
)
def test_a_body_of_another_media_type_is_refused(
    made: Made, reader: str, body: bytes, media_type: str | None, status: int
) -> None:
    answer = bearer(made(), reader).post(AT_DATA, data=body, content_type=media_type)
    assert answer.status_code == status
    assert answer.mimetype == MEDIA_TYPE
    if status == 415:
        assert "application/json" in answer.headers["Accept"]


def test_a_compressed_body_is_refused(made: Made, reader: str) -> None:
    answer = bearer(made(), reader).post(AT_DATA, json={"chapterId": "c"}, headers={"Content-Encoding": "gzip"})
    assert answer.status_code == 415


def test_a_body_that_nobody_would_read_is_refused(made: Made, database: Database) -> None:
    writer = bearer(made(), tokens.create(database, ("write",)).secret)
    for body, media_type in ((b'{"x": 1}', "application/json"), (b"garbage", "text/plain"), (b"x", None)):
        answer = writer.post("/api/v1/attempts/x/submit", data=body, content_type=media_type)
        assert (answer.status_code, answer.mimetype) == (415, MEDIA_TYPE)
    assert writer.post("/api/v1/attempts/x/submit").status_code == 404


@pytest.mark.parametrize("query", ["name=%ff", "name=a%C3", "%ff=a", "name=%ED%A0%80"])
def test_a_query_of_bytes_that_are_not_utf_8_is_refused(made: Made, reader: str, query: str) -> None:
    answer = bearer(made(), reader).get(f"{LIST}?{query}")
    assert (answer.status_code, answer.mimetype) == (400, MEDIA_TYPE)


@pytest.mark.parametrize("query", ["limit=1&limit=2", "limit=1&limit=1", "cursor=&limit=3&cursor="])
def test_a_parameter_given_twice_is_refused_by_its_name(made: Made, reader: str, query: str) -> None:
    answer = bearer(made(), reader).get(f"{LIST}?{query}")
    assert answer.status_code == 422
    assert answer.json is not None
    assert [(error["location"], error["name"]) for error in answer.json["errors"]] == [
        ("query", query.partition("=")[0])
    ]
    form = bearer(made(), reader).post(AT_DATA, data="chapterId=a&chapterId=b", content_type=security.FORM)
    assert form.status_code == 422
    assert form.json is not None
    assert [(error["location"], error["name"]) for error in form.json["errors"]] == [("body", "chapterId")]


def test_nothing_of_a_body_is_looked_at_before_its_sender(made: Made) -> None:
    client = made().test_client()
    for body, media_type in (
        (b"{", "application/json"),
        (b"x", "text/plain"),
        (b"x" * 2_000_000, "application/json"),
    ):
        assert client.post(AT_DATA, data=body, content_type=media_type).status_code == 401


def test_what_is_no_request_is_answered_and_headers_that_do_not_fit_are_not_logged(
    migrated_url: str, tmp_path: Path
) -> None:
    secret = b"studentapi_ItStandsInNoLog"
    head = b"Host: x\r\nAuthorization: Bearer " + secret + b"\r\n"
    with running(migrated_url, tmp_path, STUDENTAPI_AUTH="required") as service:
        assert b" 400 " in raw(service, b"\x00\xff\r\n\r\n").splitlines()[0]
        assert b" 400 " in raw(service, b"GARBAGE\r\n\r\n").splitlines()[0]
        many = b"".join(b"X-%d: y\r\n" % number for number in range(200))
        assert b" 200 " in raw(service, b"GET /livez HTTP/1.1\r\n" + head + many + b"\r\n").splitlines()[0]
        # a long URL stands in uWSGI's buffer twice: headers that fitted when they were read do not any more
        for length in (*range(15_000, 17_000, 200), *range(32_000, 33_000, 50), 100_000):
            raw(service, b"GET /livez?" + b"u" * length + b" HTTP/1.1\r\n" + head + b"\r\n")
            raw(service, b"GET /livez HTTP/1.1\r\nX: " + b"u" * length + b"\r\n" + head + b"\r\n")
            raw(
                service,
                b"GET /livez HTTP/1.1\r\nX: " + b"u" * length + b"\r\n " + secret + b"\r\n" + head + b"\r\n",
            )
        assert service.get("/livez")[0] == 200
        service.stop()
        log = service.log.read_bytes()
    assert b"do not fit" in log, "the case is there"
    assert secret not in log
    assert b"Traceback" not in log


def test_an_unknown_setting_ends_the_start_with_the_nearest_name(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("STUDENTAPI_DATABASE_URL", "mysql://u:geheim@h/d")
    for name in ("APPLICATION", "PYTHON_HOME", "HARAKIRI", "MYSQLD", "MYSQL_PASSWORD", "TEST_DATABASE_URL"):
        monkeypatch.setenv(f"STUDENTAPI_{name}", "x")
    Settings(_env_file=None)  # type: ignore[call-arg]
    with monkeypatch.context() as wrong:
        wrong.setenv("STUDENTAPI_RATELIMIT_TOKEN", "geheim")
        with pytest.raises(
            ValidationError, match=r"RATELIMIT_TOKEN.*STUDENTAPI_RATE_LIMIT_TOKEN was meant"
        ) as raised:
            Settings(_env_file=None)  # type: ignore[call-arg]
        assert "geheim" not in str(raised.value)
    file = tmp_path / ".env"
    file.write_text("STUDENTAPI_THREDS=3\n")
    with pytest.raises(ValidationError, match=r"THREDS.*STUDENTAPI_THREADS was meant"):
        Settings(_env_file=file)  # type: ignore[call-arg]


@pytest.mark.parametrize("rate", ["0/minute", "many", "5", "5/fortnight", "5/minute;"])
def test_a_rate_that_is_none_is_refused_at_start(rate: str) -> None:
    with pytest.raises(ValidationError, match="a rate limit is as in"):
        Settings(database_url=SecretStr("mysql://u:p@h/d"), rate_limit_token=rate, _env_file=None)  # type: ignore[call-arg]
