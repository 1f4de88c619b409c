"""Scopes, tokens bound to a student, and how long a token is remembered."""

from __future__ import annotations

import re
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import TYPE_CHECKING

import pytest
from apiflask import APIFlask
from pydantic import SecretStr, ValidationError

from studentapi.api import auth, bearers
from studentapi.api.bearers import Tokens
from studentapi.api.state import EXTENSION
from studentapi.app import create_app
from studentapi.gradebook import tokens
from studentapi.mysql.database import Database
from studentapi.settings import Settings
from tests.api.scopes import documented, shown, table
from tests.clients import bearer, settings_for

if TYPE_CHECKING:
    from collections.abc import Iterator

    from werkzeug.routing import Rule

    from studentapi.gradebook.tokens import Scope
    from tests.servers import Server

STUDENT = "/api/v1/students/s1"
UNKNOWN = tokens.PREFIX + "A" * 43


def unlimited(url: str) -> Settings:
    """Settings without rate limits."""
    return settings_for(url).model_copy(
        update={"rate_limit_token": "", "rate_limit_address": "", "rate_limit_failures": ""}
    )


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
    app = create_app(unlimited(migrated_url))
    yield app
    app.extensions[EXTENSION].database.close()


@pytest.fixture
def known(database: Database) -> Tokens:
    """The memory of one process."""
    return Tokens(database)


def status(app: APIFlask, secret: str, path: str = STUDENT) -> int:
    code: int = bearer(app, secret).get(path).status_code
    return code


def path_of(rule: Rule, student: str) -> str:
    """A path of `rule`, with `student` wherever it takes an id."""
    return re.sub(r"<[^>]*>", student, re.sub(r"<int[^>]*>", "1", rule.rule))


def test_the_table_of_scopes_is_what_the_code_says(school: APIFlask) -> None:
    assert table(school).splitlines()[2:] == [line for line in table_lines() if line.startswith("| `")], (
        "python -m tests.api.scopes writes it anew"
    )


def table_lines() -> list[str]:
    from tests.api.scopes import PAGE  # noqa: PLC0415 - beside its only use

    return PAGE.read_text().split("<!-- scopes -->")[1].split("<!-- /scopes -->")[0].splitlines()


def test_every_route_answers_every_kind_of_token_as_the_documentation_says(
    school: APIFlask, database: Database
) -> None:
    now = datetime.now(UTC).replace(tzinfo=None)
    revoked = tokens.create(database, tokens.SCOPES)
    tokens.revoke(database, revoked.id)
    expired = tokens.create(database, tokens.SCOPES, expires_at=now - timedelta(seconds=1))
    nobody = {"none": None, "unknown": UNKNOWN, "revoked": revoked.secret, "expired": expired.secret}
    scoped: dict[Scope, str] = {scope: tokens.create(database, (scope,)).secret for scope in tokens.SCOPES}
    bound = {student: tokens.create(database, student_id=student).secret for student in ("s1", "s2")}
    said = documented()
    rules = {rule.endpoint: rule for rule in school.url_map.iter_rules()}
    for route in auth.declared(school):
        scope, own = said[shown(route)]
        path = path_of(rules[route.endpoint], "s1")

        def ask(secret: str | None, path: str = path, method: str = route.method) -> int:
            client = school.test_client() if secret is None else bearer(school, secret)
            with client.open(path, method=method) as answer:
                code: int = answer.status_code
            return code

        if not scope:
            assert {ask(secret) for secret in nobody.values()} & {401, 403} == set(), path
            continue
        for kind, secret in nobody.items():
            assert ask(secret) == 401, (route, kind)
        for name, secret in scoped.items():
            assert (ask(secret) in (401, 403)) == (name != scope), (route, name)
        assert (ask(bound["s1"]) == 403) == (own != "its own"), route
        assert ask(bound["s2"]) == 403, route
        assert "s1" in path or own != "its own"


@pytest.mark.parametrize(
    "header",
    ["Bearer", "Bearer ", "Basic dTpw", "Bearer wrong", "Bearer é\x00", "bearer  x y", f"Token {UNKNOWN}"],
)
def test_a_header_that_is_no_token_is_401(school: APIFlask, header: str, statements: list[str]) -> None:
    assert school.test_client().get(STUDENT, headers={"Authorization": header}).status_code == 401
    assert statements == [], "it asks nothing of the database"


def test_unknown_expired_and_revoked_tokens_are_answered_alike(school: APIFlask, database: Database) -> None:
    expired = tokens.create(database, expires_at=datetime.now(UTC).replace(tzinfo=None) - timedelta(seconds=1))
    revoked = tokens.create(database)
    tokens.revoke(database, revoked.id)
    answers = [bearer(school, secret).get(STUDENT) for secret in (UNKNOWN, expired.secret, revoked.secret, "x")]
    assert len({(a.status_code, a.data, a.headers["WWW-Authenticate"]) for a in answers}) == 1


def test_a_token_in_the_query_is_none(school: APIFlask, database: Database) -> None:
    secret = tokens.create(database).secret
    assert school.test_client().get(f"{STUDENT}?access_token={secret}").status_code == 401


def test_a_revoked_token_is_refused_once_it_is_asked_for_again(
    school: APIFlask, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bearers, "RENEWED", 0.0)
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
    assert bearers.RENEWED < bearers.FORGOTTEN <= 10


def test_an_unknown_token_is_asked_for_once(known: Tokens, statements: list[str]) -> None:
    keys = [tokens.digest(f"{tokens.PREFIX}{number:043}") for number in range(3)]
    assert [known.find(key) for key in keys * 5] == [None] * 15
    assert sum("FROM tokens" in statement for statement in statements) == 3


def test_memories_have_a_bound(
    known: Tokens, database: Database, monkeypatch: pytest.MonkeyPatch, statements: list[str]
) -> None:
    monkeypatch.setattr(bearers, "MOST", 2)
    good = [tokens.digest(tokens.create(database).secret) for _ in range(3)]
    bad = [bytes([number]) * 32 for number in range(3)]
    for key in (*good, *bad):
        known.find(key)
    assert [known.recognised(key) is not None for key in good] == [False, True, True]
    statements.clear()
    assert [known.find(key) for key in (bad[2], bad[1])] == [None, None]
    assert statements == [], "unknown ones do not push out each other's latest"
    known.find(bad[0])
    assert len(statements) == 1


def test_one_thread_renews_and_the_others_go_by_what_they_have(
    known: Tokens, database: Database, server: Server, monkeypatch: pytest.MonkeyPatch, statements: list[str]
) -> None:
    key = tokens.digest(tokens.create(database).secret)
    assert known.find(key) is not None
    monkeypatch.setattr(bearers, "RENEWED", 0.0)
    asked, go_on = threading.Event(), threading.Event()
    real = tokens.find

    def slow(database: Database, key: bytes) -> tokens.Token | None:
        asked.set()
        go_on.wait(30)
        return real(database, key)

    monkeypatch.setattr(tokens, "find", slow)
    statements.clear()
    with ThreadPoolExecutor(1) as pool:
        renewing = pool.submit(known.recognised, key)
        assert asked.wait(30)
        assert all(known.recognised(key) is not None for _ in range(50))
        assert statements == []
        go_on.set()
        assert renewing.result() is not None
    assert len([statement for statement in statements if "FROM tokens" in statement]) == 1


def test_while_the_database_is_away_a_token_is_good_for_ten_seconds_and_no_longer(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = tokens.create(database).secret
    key = tokens.digest(secret)
    away = Database("mysql://u:p@127.0.0.1:1/d", patience=0)
    known = Tokens(database)
    assert known.find(key) is not None
    asked = monotonic()
    monkeypatch.setattr(known, "_database", away)
    monkeypatch.setattr(bearers, "monotonic", lambda: asked + 9.9)
    assert known.recognised(key) is not None, "the one that finds out"
    assert known.recognised(key) is not None, "those that know"
    monkeypatch.setattr(bearers, "monotonic", lambda: asked + 10.1)
    assert known.recognised(key) is None
    away.close()


def test_an_expired_token_is_401_even_where_it_is_remembered(school: APIFlask, database: Database) -> None:
    now = datetime.now(UTC).replace(tzinfo=None)
    soon = tokens.create(database, expires_at=now + timedelta(seconds=1.5))
    assert status(school, soon.secret) == 200
    while datetime.now(UTC).replace(tzinfo=None) < now + timedelta(seconds=1.6):
        pass
    assert status(school, soon.secret) == 401


@pytest.mark.parametrize(("has", "wants"), [("write", "read"), ("admin", "read"), ("read", "admin")])
def test_scopes_do_not_include_each_other(school: APIFlask, database: Database, has: Scope, wants: Scope) -> None:
    path = {"read": STUDENT, "admin": "/api/v1/connections"}[wants]
    answer = bearer(school, tokens.create(database, (has,)).secret).get(path)
    assert answer.status_code == 403
    assert f'scope="{wants}"' in answer.headers["WWW-Authenticate"]


def test_a_student_reads_that_student_alone(school: APIFlask, database: Database) -> None:
    own = tokens.create(database, student_id="s1").secret
    assert status(school, own) == 200
    for other in ("s2", "S1", "s1%20", "s1/../s2", "t1"):
        assert status(school, own, f"/api/v1/students/{other}") in (403, 404), other
    assert status(school, own, "/api/v1/students/s1/chapters/c/assessment-data") == 404
    assert status(school, own, "/api/v1/students/s2/chapters/c/assessment-data") == 403
    client = bearer(school, own)
    assert client.post("/students/s1/at-data", json={"chapterId": "c"}).status_code == 404
    assert client.post("/students/s2/at-data", json={"chapterId": "c"}).status_code == 403


@pytest.mark.parametrize("scopes", [("write",), ("read", "write"), ("admin",)])
def test_a_students_token_only_reads(database: Database, scopes: tuple[Scope, ...]) -> None:
    with pytest.raises(tokens.BoundTooWide, match="'read' alone"):
        tokens.create(database, scopes, student_id="s1")
    assert tokens.all_tokens(database) == []


def test_a_students_token_only_reads_even_where_the_database_says_more(
    school: APIFlask, database: Database
) -> None:
    token = tokens.create(database, student_id="s1")
    with database.transaction() as tx:
        tx.execute("UPDATE tokens SET scopes = 'read,write,admin' WHERE public_id = %s", (token.id,))
    assert status(school, token.secret) == 200
    assert status(school, token.secret, "/api/v1/connections") == 403


def test_a_students_token_ends_with_the_student(school: APIFlask, database: Database) -> None:
    token = tokens.create(database, student_id="s1")
    with database.transaction() as tx:
        tx.execute("UPDATE users SET deleted_at = UTC_TIMESTAMP(6) WHERE public_id = 's1'")
    assert status(school, token.secret) == 401


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


def test_a_route_that_names_no_student_cannot_be_a_students(school: APIFlask) -> None:
    app = APIFlask("bare", docs_path=None, static_folder=None)  # type: ignore[arg-type]
    app.add_url_rule("/own/<id>", view_func=auth.requires("read", student="student_id")(lambda: ""))
    with pytest.raises(RuntimeError, match="student_id"):
        auth.assert_all_declared(app)


def test_secrets_are_kept_as_digests_alone(database: Database) -> None:
    token = tokens.create(database)
    everything = repr(database.read("SELECT * FROM tokens")) + repr(tokens.all_tokens(database)) + repr(token)
    assert token.secret not in everything
