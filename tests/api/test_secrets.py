"""No secret in any log, answer, metric, error or repr: looked for."""

from __future__ import annotations

import base64
import http.client
import os
import subprocess
import sysconfig
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit, urlunsplit

import pytest
from pydantic import SecretStr, ValidationError

from studentapi.api import rate_limits
from studentapi.api.state import EXTENSION
from studentapi.app import create_app
from studentapi.gradebook import tokens
from studentapi.mysql.address import Address, InvalidAddress
from studentapi.mysql.connection import open_connection
from studentapi.settings import Settings
from tests.service import running

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from studentapi.mysql.database import Database
    from tests.servers import Server
    from tests.service import Service

PASSWORD = "Zq7-hunter2/of:this@test"
WRONG = "Xk9-no+such%password"
REDIS = "Vw3-redis-password"
KEY_FILE = "/nowhere/Lm5-private-key.pem"
COMMAND = str(Path(sysconfig.get_path("scripts"), "studentapi"))
JSON = {"Content-Type": "application/json"}


def forms(secret: str | bytes) -> list[bytes]:
    """A secret as it might be written."""
    raw = secret.encode() if isinstance(secret, str) else secret
    written = [raw, quote(raw, safe="").encode(), base64.b64encode(raw).rstrip(b"="), raw.hex().encode()]
    return [*written, repr(raw)[2:-1].encode(), base64.urlsafe_b64encode(raw).rstrip(b"=")]


def assert_without(text: str | bytes, *secrets: str | bytes) -> None:
    """Fail where one of `secrets` stands in `text`, in whatever form."""
    data = text.encode(errors="surrogateescape") if isinstance(text, str) else text
    assert data, "there was something to look through"
    for secret in secrets:
        for form in forms(secret):
            at = data.find(form)
            assert at < 0, f"{form!r} in …{data[max(at - 200, 0) : at + 100]!r}"


def with_password(url: str, password: str, user: str = "keeper") -> str:
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{user}:{quote(password, safe='')}@{host}"))


@pytest.fixture
def url(server: Server, migrated_url: str, database: Database) -> Iterator[str]:
    """A gradebook, for a user whose password is looked for."""
    server.execute(
        "DROP USER IF EXISTS keeper",
        f"CREATE USER keeper IDENTIFIED BY '{PASSWORD}'",
        "GRANT ALL ON studentapi_test.* TO keeper",
    )
    yield with_password(migrated_url, PASSWORD)
    server.execute("DROP USER keeper")


def ask(service: Service, method: str, path: str, body: bytes = b"", **headers: str) -> tuple[int, bytes]:
    """Status, and the whole answer with its headers."""
    connection = http.client.HTTPConnection("127.0.0.1", service.port, timeout=60)
    try:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, body or None, named)
        answer = connection.getresponse()
        return answer.status, f"{answer.headers}\n".encode() + answer.read()
    finally:
        connection.close()


def drive(service: Service, secrets: Mapping[str, str]) -> tuple[set[int], bytes]:
    """Successes and failures of all kinds with each of the tokens; the statuses, and all that was answered."""
    seen, said = set(), b""
    for secret in secrets.values():
        by = {"Authorization": f"Bearer {secret}"}
        json = {**by, "Content_Type": "application/json"}
        for method, path, body, headers in (
            ("GET", "/api/v1/students?limit=1", b"", by),
            ("GET", "/api/v1/students/none", b"", by),
            ("GET", f"/api/v1/students/{secret[:60]}", b"", {}),
            ("GET", f"/api/v1/students?limit=1&cursor={secret}", b"", by),
            ("GET", f"/api/v1/students?token={secret}", b"", by),
            ("GET", f"/{secret}", b"", by),
            ("GET", "/api/v1/connections", b"", by),
            ("GET", "/api/v1/students", b"", {"Authorization": f"Basic {secret}"}),
            ("GET", "/api/v1/students", b"", {"Authorization": f"Bearer  {secret} x"}),
            ("GET", "/raising", b"", by),
            ("DELETE", "/livez", b"", by),
            ("POST", "/students/s1/at-data", f'{{"chapterId": "{secret} x"}}'.encode(), json),
            ("POST", "/students/s1/at-data", f'{{"chapterId": ["{secret}"}}'.encode(), json),
            ("POST", "/students/s1/at-data", secret.encode(), {**by, "Content_Type": "text/plain"}),
            ("POST", "/students/s1/at-data", secret.encode() * 30_000, json),
            ("GET", "/readyz", b"", by),
            ("GET", "/metrics", b"", by),
            ("GET", "/openapi.json", b"", by),
        ):
            status, answer = ask(service, method, path, body, **headers)
            seen.add(status)
            # an id that a client wrote into a path may come back to it: there is nothing of that id
            if secret not in path:
                said += answer
    return seen, said


def test_a_service_tells_no_secret(url: str, database: Database, server: Server, tmp_path: Path) -> None:
    with database.transaction() as tx:
        tx.execute("INSERT INTO schools (public_id, name) VALUES ('x', 'X')")
        tx.execute(
            "INSERT INTO users (public_id, school_id, role, name)"
            " SELECT 's1', id, 'student', 'One' FROM schools UNION SELECT 's2', id, 'student', 'Two' FROM schools"
        )
    revoked = tokens.create(database)
    tokens.revoke(database, revoked.id)
    given = {
        "all": tokens.create(database, tokens.SCOPES).secret,
        "bound": tokens.create(database, student_id="s1").secret,
        "revoked": revoked.secret,
        "unknown": tokens.PREFIX + "Unknown" * 6 + "U",
    }
    hidden: list[str | bytes] = [PASSWORD, *given.values(), *(tokens.digest(secret) for secret in given.values())]
    with running(
        url,
        tmp_path,
        application="tests.api.raising:application",
        STUDENTAPI_AUTH="required",
        STUDENTAPI_LOG_LEVEL="debug",
        STUDENTAPI_RATE_LIMIT_FAILURES="15/hour",
        STUDENTAPI_DATABASE_PATIENCE="0.1",
    ) as service:
        seen, said = drive(service, given)
        command = Path(f"/proc/{service.process.pid}/cmdline").read_bytes()
        server.execute("DROP USER keeper")
        server.execute(*(
            f"KILL {number}" for (number,) in server.execute(
                "SELECT id FROM information_schema.processlist WHERE user = 'keeper'"
            )
        ))  # fmt: skip
        refused, also = drive(service, given)
        service.stop()
        log = service.log.read_bytes()
    server.execute("CREATE USER keeper")
    assert {200, 401, 403, 404, 405, 413, 415, 422, 429, 500} <= seen
    assert 503 in refused
    assert b"ZeroDivisionError" in log, "the failure is there"
    for table in database.read("SHOW TABLES LIKE 'service_keys'"):
        assert table
        keys: list[bytes] = [bytes(value) for (value,) in database.read("SELECT value FROM service_keys")]
        hidden += keys
    for text in (said + also, log, command):
        assert_without(text, *hidden)


def test_a_wrong_password_is_told_nowhere(url: str, tmp_path: Path) -> None:
    wrong = with_password(url, WRONG)
    with running(wrong, tmp_path, STUDENTAPI_AUTH="required", STUDENTAPI_DATABASE_PATIENCE="0.1") as service:
        unknown = tokens.PREFIX + "Unknown" * 6 + "U"
        seen, said = drive(service, {"unknown": unknown})
        service.stop()
        log = service.log.read_bytes()
    assert 503 in seen
    assert_without(said, WRONG, unknown)
    assert_without(log, WRONG, unknown)


@pytest.mark.parametrize(
    "wrong",
    [
        {"STUDENTAPI_DATABASE_URL": f"mysql://u:{PASSWORD}@h/d"},
        {"STUDENTAPI_DATABASE_URL": f"mysql://u:{quote(PASSWORD, safe='')}@h:none/d"},
        {"STUDENTAPI_DATABASE_URL": f"mysql://u:{quote(PASSWORD, safe='')}@127.0.0.1:1/d"},
        {"STUDENTAPI_DATABASE_URL": f"mysql://u:{quote(PASSWORD, safe='')}@h/d?ssl_key={KEY_FILE}"},
        {"STUDENTAPI_DATABASE_URL": f"mysql://u:{quote(PASSWORD, safe='')}@h/d?nothing={PASSWORD}"},
        {"STUDENTAPI_DATABASE_URL": f"postgres://u:{PASSWORD}@h/d", "STUDENTAPI_PORT": PASSWORD},
        {"STUDENTAPI_RATE_LIMIT_STORAGE": f"memcached://u:{PASSWORD}@h"},
        {"STUDENTAPI_RATE_LIMIT_TOKEN": PASSWORD},
        {"STUDENTAPI_CORS_ORIGINS": PASSWORD},
        {"STUDENTAPI_LOG_LEVEL": PASSWORD},
        {"STUDENTAPI_PASSWORD": PASSWORD},
    ],
)  # fmt: skip
@pytest.mark.parametrize("command", [("token", "list"), ("doctor", "--json")])
def test_a_command_that_is_set_up_wrongly_tells_no_secret(
    wrong: dict[str, str], command: tuple[str, ...], tmp_path: Path
) -> None:
    given = {"STUDENTAPI_DATABASE_URL": f"mysql://u:{quote(PASSWORD, safe='')}@127.0.0.1:1/d", **wrong}
    run = subprocess.run(
        [COMMAND, *command],
        env={**os.environ, **given},
        cwd=tmp_path,
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert run.returncode != 0
    assert_without(run.stdout + run.stderr, PASSWORD)


def test_no_object_shows_a_secret_that_it_holds(url: str, tmp_path: Path) -> None:
    settings = Settings(
        database_url=SecretStr(url),
        rate_limit_storage=SecretStr(f"redis://:{REDIS}@127.0.0.1:1/0"),
        _env_file=None,  # type: ignore[call-arg]  # pydantic-settings, not a field
    )
    app = create_app(settings)
    state = app.extensions[EXTENSION]
    token = tokens.create(state.database)
    assert state.tokens.find(tokens.digest(token.secret)) is not None
    limits = app.extensions[rate_limits.EXTENSION]
    limits.take("token", token.id)
    connection = open_connection(Address.parse(url))
    address = Address.parse(url)
    shown = [
        settings, settings.model_dump(), settings.model_dump_json(), app, app.config, app.extensions, state,
        state.database, vars(state.database), state.tokens, vars(state.tokens), limits, address, connection,
        token,
        tokens.all_tokens(state.database),
    ]  # fmt: skip
    for one in shown:
        assert_without(f"{one!r} {one}", PASSWORD, REDIS, token.secret)
    connection.close()
    state.database.close()


@pytest.mark.parametrize("field", [name for name in Settings.model_fields if name != "cors_origins"])
def test_no_error_of_a_setting_repeats_its_value(field: str) -> None:
    wrong = {"database_url": SecretStr("mysql://u:p@h/d"), field: [PASSWORD]}
    with pytest.raises((ValidationError, InvalidAddress)) as raised:
        Settings(**wrong, _env_file=None)  # type: ignore[arg-type, call-arg]
    assert_without(f"{raised.value!r} {raised.value}", PASSWORD)
