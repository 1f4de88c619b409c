"""Everyone is started with the same means."""

from __future__ import annotations

import pytest

from lab.answers.configuration import CONNECTIONS
from lab.peers import PEERS, REMEMBERED, Peer, serving
from studentapi.api import bearers

URL = "mysql://somebody:secret@127.0.0.1:3306/lab"


def started(one: Peer, processes: int, threads: int) -> tuple[list[str], dict[str, str]]:
    return serving.command(one, url=URL, port=4321, processes=processes, threads=threads)


@pytest.mark.parametrize("one", PEERS, ids=lambda one: one.name)
def test_everyone_may_have_as_many_connections(one: Peer) -> None:
    command, environment = started(one, 2, 8)
    if one.server == "uwsgi":
        processes, threads = (int(environment[f"STUDENTAPI_{name}"]) for name in ("PROCESSES", "THREADS"))
        assert processes * threads == 16
        assert environment[CONNECTIONS] == str(threads)
    elif one.server == "uvicorn":
        assert command[command.index("--workers") + 1] == "2"
        assert environment[CONNECTIONS] == "8"
    else:
        assert (environment["GOMAXPROCS"], environment[CONNECTIONS]) == ("2", "16")


def test_threads_share_no_connection() -> None:
    sharing = [one for one in PEERS if one.shares_connection]
    assert {one.name for one in sharing} == {"retry_in_cursor", "timer"}
    assert {started(one, 2, 8)[1]["STUDENTAPI_THREADS"] for one in sharing} == {"1"}


def test_one_alone_connects_by_tls() -> None:
    without = [one.name for one in PEERS if "ssl_mode" not in started(one, 1, 1)[1]["STUDENTAPI_DATABASE_URL"]]
    assert without == ["per_request_tls"]


def test_the_service_is_measured_with_its_authentication_and_its_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STUDENTAPI_AUTH", "off")
    monkeypatch.setenv("STUDENTAPI_RATE_LIMIT_TOKEN", "")
    (service,) = [one for one in PEERS if one.name == "service"]
    environment = started(service, 1, 1)[1]
    assert environment["STUDENTAPI_AUTH"] == "required"
    assert environment["STUDENTAPI_RATE_LIMIT_TOKEN"].endswith("/minute")


def test_one_rival_alone_remembers_tokens_and_as_long_as_studentapi_does() -> None:
    told = {one.name: started(one, 1, 1)[1].get(REMEMBERED, "0.0") for one in PEERS}
    assert {name: seconds for name, seconds in told.items() if seconds != "0.0"} == {
        "mysqlclient_remembers": str(bearers.RENEWED)
    }
