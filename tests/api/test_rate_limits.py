"""Rate limits: exact over processes and threads, and of use to those who keep to them."""

from __future__ import annotations

import http.client
import os
import signal
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from time import monotonic
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import SecretStr
from werkzeug.test import EnvironBuilder

from studentapi.api import rate_limits, shared_counters
from studentapi.api.rate_limits import RateLimits
from studentapi.api.shared_counters import SharedCounters
from studentapi.api.state import EXTENSION
from studentapi.app import create_app
from studentapi.gradebook import tokens
from studentapi.settings import Settings
from tests.clients import bearer, settings_for
from tests.service import running

if TYPE_CHECKING:
    from pathlib import Path
    from wsgiref.types import WSGIEnvironment

    from apiflask import APIFlask
    from flask.testing import FlaskClient
    from werkzeug.test import TestResponse

    from studentapi.mysql.database import Database
    from tests.api.conftest import Made
    from tests.service import Service

UNKNOWN = tokens.PREFIX + "A" * 43
PATH = "/api/v1/connections"  # asks nothing of the database itself
CLIENTS = 16


def asked(client: FlaskClient, times: int, path: str = PATH) -> list[TestResponse]:
    return [client.get(path) for _ in range(times)]


def statuses(answers: list[TestResponse]) -> list[int]:
    return [answer.status_code for answer in answers]


def ask(service: Service, secret: str | None, address: str = "127.0.0.1") -> int:
    """The status of one request to a service, from one of this machine's addresses."""
    connection = http.client.HTTPConnection("127.0.0.1", service.port, timeout=60, source_address=(address, 0))
    headers = {} if secret is None else {"Authorization": f"Bearer {secret}"}
    try:
        connection.request("GET", PATH, headers=headers)
        return connection.getresponse().status
    finally:
        connection.close()


def test_of_n_allowed_requests_n_pass_over_all_processes_and_threads(
    database: Database, migrated_url: str, tmp_path: Path
) -> None:
    one, other = (tokens.create(database, ("admin",)).secret for _ in range(2))
    with running(
        migrated_url,
        tmp_path,
        STUDENTAPI_AUTH="required",
        STUDENTAPI_RATE_LIMIT_TOKEN="200/hour",
        STUDENTAPI_RATE_LIMIT_ADDRESS="500/hour",
        STUDENTAPI_RATE_LIMIT_FAILURES="50/hour",
    ) as service:
        with ThreadPoolExecutor(CLIENTS) as pool:
            ours = Counter(pool.map(lambda _: ask(service, one), range(300)))
            strangers = Counter(pool.map(lambda _: ask(service, UNKNOWN, "127.0.0.2"), range(150)))
            address = Counter(pool.map(lambda _: ask(service, other), range(300)))
        assert ours == {200: 200, 429: 100}
        assert strangers == {401: 50, 429: 100}
        # 500 from this address: 300 of the first token, and so 200 of the other, which are as many as it may have
        assert address == {200: 200, 429: 100}
        assert service.get("/livez")[0] == 200
        service.stop()


def test_a_window_ends(made: Made, database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    client = bearer(made(rate_limit_token="2/minute"), tokens.create(database, ("admin",)).secret)
    assert statuses(asked(client, 3)) == [200, 200, 429]
    monkeypatch.setattr(shared_counters, "monotonic", lambda: monotonic() + 59)
    assert statuses(asked(client, 1)) == [429]
    monkeypatch.setattr(shared_counters, "monotonic", lambda: monotonic() + 61)
    assert statuses(asked(client, 3)) == [200, 200, 429]


def test_an_answer_tells_what_is_left_and_a_refusal_when_to_come_again(made: Made, database: Database) -> None:
    app = made(rate_limit_token="2/minute;100/hour", rate_limit_address="50/minute")
    first, _, third = asked(bearer(app, tokens.create(database, ("admin",)).secret), 3)
    policy = '"address";q=50;w=60, "token-60";q=2;w=60, "token-3600";q=100;w=3600'
    assert first.headers["RateLimit-Policy"] == policy
    assert first.headers["RateLimit"] == '"address";r=49;t=60, "token-60";r=1;t=60, "token-3600";r=99;t=3600'
    assert third.status_code == 429
    assert third.mimetype == "application/problem+json"
    assert third.json is not None
    assert third.json["violated-policies"] == ["token-60"]
    assert third.headers["Retry-After"] == "60"
    assert '"token-60";r=0;t=60' in third.headers["RateLimit"]


def test_health_and_metrics_are_not_limited(made: Made) -> None:
    client = made(rate_limit_address="1/hour", rate_limit_failures="1/hour").test_client()
    for path in rate_limits.UNLIMITED:
        assert statuses(asked(client, 5, path)) == [200] * 5
    assert statuses(asked(client, 2, "/nowhere")) == [404, 429], "what is not there is"


def test_an_address_that_failed_too_often_is_not_looked_at(
    made: Made, database: Database, statements: list[str]
) -> None:
    app = made(rate_limit_failures="3/hour")
    secrets = [f"{tokens.PREFIX}{number:043}" for number in range(6)]
    assert [bearer(app, secret).get(PATH).status_code for secret in secrets] == [401] * 3 + [429] * 3
    assert sum("FROM tokens" in statement for statement in statements) == 3


def test_who_shares_an_address_with_one_who_fails_is_not_kept_out(made: Made, database: Database) -> None:
    app = made(rate_limit_failures="3/hour")
    before, after = (bearer(app, tokens.create(database, ("admin",)).secret) for _ in range(2))
    assert statuses(asked(before, 5)) == [200] * 5, "a valid token is no failure"
    assert statuses(asked(bearer(app, UNKNOWN), 4)) == [401, 401, 401, 429]
    assert statuses(asked(before, 5)) == [200] * 5
    app.extensions[EXTENSION].tokens._known.clear()  # as in another process, or ten seconds later
    assert statuses(asked(before, 5)) == [200] * 5
    assert statuses(asked(after, 1)) == [429], "one that nobody has seen yet may be a guess"


def test_a_database_that_is_away_makes_no_failure(made: Made) -> None:
    gone = made(database_url=settings_for("mysql://u:p@127.0.0.1:1/d").database_url, database_patience=0.0,
                rate_limit_failures="2/hour")  # fmt: skip
    assert statuses(asked(bearer(gone, UNKNOWN), 4)) == [503] * 4


def test_addresses_of_one_ipv6_network_are_one_and_a_mapped_one_is_itself(made: Made) -> None:
    client = made(rate_limit_address="2/hour").test_client()

    def ask(address: str) -> int:
        return client.get("/nowhere", environ_base={"REMOTE_ADDR": address}).status_code

    assert [ask(f"2001:db8:1:2::{number}") for number in range(3)] == [404, 404, 429]
    assert ask("2001:db8:1:3::1") == 404
    assert [ask(one) for one in ("192.0.2.1", "::ffff:192.0.2.1", "192.0.2.1")] == [404, 404, 429]
    assert [ask(one) for one in ("", "junk", "fe80::1%eth0")] == [404] * 3


def test_a_forwarded_address_is_believed_of_as_many_proxies_as_there_are(made: Made) -> None:
    def of(app: APIFlask, forwarded: str) -> int:
        return app.test_client().get("/nowhere", headers={"X-Forwarded-For": forwarded}).status_code

    none = made(rate_limit_address="1/hour")
    assert [of(none, "192.0.2.1"), of(none, "192.0.2.2")] == [404, 429]
    one = made(rate_limit_address="1/hour", trusted_proxies=1)
    assert [of(one, "192.0.2.1"), of(one, "192.0.2.2")] == [404, 404]
    assert of(one, "203.0.113.9, 192.0.2.1") == 429, "what a client writes before it does not count"


def test_a_request_that_waits_for_the_database_and_is_begun_anew_counts_once(
    made: Made, database: Database
) -> None:
    app = made(rate_limit_token="5/hour", rate_limit_address="5/hour")
    secret = tokens.create(database, ("admin",)).secret
    base = {"REMOTE_ADDR": "127.0.0.1"}
    headers = [("Authorization", f"Bearer {secret}")]
    environ = EnvironBuilder(PATH, headers=headers, environ_base=base).get_environ()

    def left(environ: WSGIEnvironment) -> str:
        told: dict[str, str] = {}
        close = app(environ, lambda status, headers, *more: told.update(headers) or (lambda data: None))
        close.close()  # type: ignore[attr-defined]
        return told["RateLimit"]

    assert left(environ) == '"address";r=4;t=3600, "token";r=4;t=3600'
    kept = {name: value for name, value in environ.items() if isinstance(value, str)}  # as the waiting room does
    assert left(EnvironBuilder(PATH).get_environ() | kept) == '"address";r=4;t=3600, "token";r=4;t=3600'
    assert bearer(app, secret).get(PATH).headers["RateLimit"] == '"address";r=3;t=3600, "token";r=3;t=3600'


def test_no_limits_where_the_settings_are_empty(made: Made, database: Database) -> None:
    app = made(rate_limit_token="", rate_limit_address="", rate_limit_failures="")
    answers = asked(app.test_client(), 100)
    assert set(statuses(answers)) == {401}
    assert not any(name.startswith("RateLimit") for answer in answers for name in dict(answer.headers))


def test_with_auth_off_an_address_is_limited_where_that_is_asked_for(
    migrated_url: str, database: Database
) -> None:
    cases: list[tuple[dict[str, Any], list[int]]] = [
        ({}, [200, 200]),
        ({"rate_limit_address": "1/hour"}, [200, 429]),
    ]
    for given, expected in cases:
        settings = Settings(database_url=SecretStr(migrated_url), auth="off", _env_file=None, **given)  # type: ignore[call-arg]
        app = create_app(settings)
        assert statuses(asked(app.test_client(), 2)) == expected
        app.extensions[EXTENSION].database.close()


@pytest.mark.parametrize("storage", ["redis://127.0.0.1:1/0"])
def test_a_storage_that_is_away_lets_everything_through(storage: str) -> None:
    limits = RateLimits(token="1/hour", address="", failures="", storage=storage)
    assert [quota.left for _ in range(3) for quota in limits.take("token", "t")] == [0, 0, 0]
    assert limits.uncounted > 0
    assert limits.is_vouched("t") is False


def test_counters_are_exact_over_forked_processes_and_their_threads() -> None:
    counters = SharedCounters()
    children = []
    for _ in range(4):
        if (child := os.fork()) == 0:
            threads = [
                threading.Thread(target=lambda: [counters.incr("k", 60) for _ in range(500)]) for _ in range(4)
            ]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            os._exit(0)
        children.append(child)
    for child in children:
        os.waitpid(child, 0)
    assert counters.get("k") == 4 * 4 * 500
    assert counters.uncounted == 0


def test_a_process_that_dies_with_the_lock_leaves_it_to_the_others() -> None:
    counters = SharedCounters()
    reading, writing = os.pipe()
    if (child := os.fork()) == 0:
        with counters._mutex.held():
            os.write(writing, b"x")
            signal.pause()
    os.read(reading, 1)
    assert counters.incr("k", 60) == 1, "let through"
    assert (counters.uncounted, counters.get("k")) == (1, 0)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    assert [counters.incr("k", 60), counters.incr("k", 60)] == [1, 2]
    assert counters.uncounted == 1
    os.close(reading)
    os.close(writing)


def test_a_full_table_lets_new_keys_through_and_keeps_the_old(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared_counters, "BUCKETS", 1)
    counters = SharedCounters()
    for number in range(shared_counters.SLOTS):
        assert counters.incr(f"k{number}", 60) == 1
    assert [counters.incr("new", 60), counters.incr("new", 60)] == [1, 1]
    assert counters.incr("k0", 60) == 2
    assert counters.uncounted == 2
    counters.clear("k1")
    assert [counters.incr("new", 60), counters.incr("new", 60)] == [1, 2]
