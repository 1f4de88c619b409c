from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from apiflask import APIFlask
from pydantic import SecretStr, ValidationError

from studentapi.api import auth, bearers
from studentapi.api.state import EXTENSION
from studentapi.app import create_app
from studentapi.gradebook import tokens
from studentapi.mysql.database import Database
from studentapi.settings import Settings
from tests.clients import bearer, settings_for

STUDENT = "/api/v1/students/s1"


@pytest.fixture
def school(database: Database, migrated_url: str) -> Iterator[APIFlask]:
    """An app on a school of two students."""
    with database.transaction() as tx:
        tx.execute("INSERT INTO schools (public_id, name) VALUES ('x', 'X')")
        tx.execute(
            "INSERT INTO users (public_id, school_id, role, name) "
            "SELECT 's1', id, 'student', 'One' FROM schools UNION ALL "
            "SELECT 's2', id, 'student', 'Two' FROM schools UNION ALL "
            "SELECT 't1', id, 'teacher', 'Three' FROM schools"
        )
    app = create_app(settings_for(migrated_url))
    yield app
    app.extensions[EXTENSION].database.close()


def status(app: APIFlask, secret: str, path: str = STUDENT) -> int:
    code: int = bearer(app, secret).get(path).status_code
    return code


def test_without_a_token_everything_but_the_open_routes_is_401(school: APIFlask) -> None:
    client = school.test_client()
    for rule in school.url_map.iter_rules():
        if "GET" not in (rule.methods or ()) or rule.rule in ("/openapi.json", "/docs", "/docs/<path:name>"):
            continue
        path = rule.rule
        for name in rule.arguments:
            path = path.replace(f"<public_id:{name}>", "x")
        expected = 200 if path in ("/livez", "/readyz", "/metrics") else 401
        answer = client.get(path)
        assert answer.status_code == expected, path
        if expected == 401:
            assert answer.headers["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize(
    "header", ["Bearer", "Bearer ", "Basic dTpw", "Bearer wrong", "Bearer é\x00", "bearer  x y"]
)
def test_a_header_that_is_no_token_is_401(school: APIFlask, header: str) -> None:
    assert school.test_client().get(STUDENT, headers={"Authorization": header}).status_code == 401


def test_a_token_opens_and_its_revocation_closes(
    school: APIFlask, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bearers, "REMEMBERED", 0.0)
    token = tokens.create(database)
    assert status(school, token.secret) == 200
    tokens.revoke(database, token.id)
    assert status(school, token.secret) == 401


def test_a_remembered_token_is_not_asked_for_again(
    school: APIFlask, database: Database, statements: list[str]
) -> None:
    token = tokens.create(database)
    status(school, token.secret)
    statements.clear()
    status(school, token.secret)
    assert len(statements) == 1


def test_a_revocation_is_known_within_ten_seconds() -> None:
    assert bearers.REMEMBERED < 10


def test_an_expired_token_is_401_even_where_it_is_remembered(school: APIFlask, database: Database) -> None:
    now = datetime.now(UTC).replace(tzinfo=None)
    past = tokens.create(database, expires_at=now - timedelta(seconds=1))
    assert status(school, past.secret) == 401
    soon = tokens.create(database, expires_at=now + timedelta(seconds=1.5))
    assert status(school, soon.secret) == 200
    while datetime.now(UTC).replace(tzinfo=None) < now + timedelta(seconds=1.6):
        pass
    assert status(school, soon.secret) == 401


def test_a_token_without_the_scope_is_403(school: APIFlask, database: Database) -> None:
    assert status(school, tokens.create(database, ("write",)).secret) == 403


def test_a_student_reads_that_student_alone(school: APIFlask, database: Database) -> None:
    own = tokens.create(database, student_id="s1").secret
    assert status(school, own) == 200
    assert status(school, own, "/api/v1/students/s2") == 403
    assert status(school, own, "/api/v1/students/s1/chapters/c/assessment-data") == 404
    assert status(school, own, "/api/v1/students/s2/chapters/c/assessment-data") == 403
    client = bearer(school, own)
    assert client.post("/students/s1/at-data", json={"chapterId": "c"}).status_code == 404
    assert client.post("/students/s2/at-data", json={"chapterId": "c"}).status_code == 403
    for plural in ("students", "courses", "classes", "chapters", "enrollments", "assessments", "attempts"):
        assert status(school, own, f"/api/v1/{plural}") == 403


def test_only_a_students_id_names_a_student(school: APIFlask, database: Database) -> None:
    secret = tokens.create(database).secret
    assert status(school, secret, "/api/v1/students/t1") == 404, "a teacher is no student"
    assert status(school, secret, "/api/v1/students/S1") == 404, "ids are compared byte by byte"


def test_auth_off_is_for_loopback_alone(migrated_url: str, database: Database) -> None:
    del database
    for host in ("0.0.0.0", "192.0.2.1", "::", "example.org"):
        with pytest.raises(ValidationError, match="loopback"):
            Settings(database_url=SecretStr(migrated_url), host=host, auth="off", _env_file=None)  # type: ignore[call-arg]
    settings = Settings(database_url=SecretStr(migrated_url), host="::1", auth="off", _env_file=None)  # type: ignore[call-arg]
    app = create_app(settings)
    assert app.test_client().get("/api/v1/students").status_code == 200
    app.extensions[EXTENSION].database.close()


def test_a_route_that_declares_no_scope_keeps_the_app_from_starting() -> None:
    app = APIFlask("bare", docs_path=None, static_folder=None)  # type: ignore[arg-type]
    app.add_url_rule("/open", view_func=lambda: "")
    with pytest.raises(RuntimeError, match="/open"):
        auth.assert_all_declared(app)


def test_secrets_are_kept_as_digests_alone(database: Database) -> None:
    token = tokens.create(database)
    everything = repr(database.read("SELECT * FROM tokens")) + repr(tokens.all_tokens(database)) + repr(token)
    assert token.secret not in everything
