"""Rate limits that several instances share, by a Redis of the test's own."""

from __future__ import annotations

import shutil
import socket
import subprocess
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any

import pytest

from studentapi.api import rate_limits
from studentapi.api.rate_limits import RateLimits
from studentapi.gradebook import tokens
from tests.api.test_rate_limits import CLIENTS, ask
from tests.servers import free_port
from tests.service import running

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from studentapi.mysql.database import Database

PASSWORD = "only-for-this-test"
START_TIMEOUT = 10.0


class Redis:
    """A Redis server on a port of the loopback address, which can be stopped and started."""

    def __init__(self, program: str, directory: Path) -> None:
        self.port = free_port()
        self._program, self._directory = program, directory
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://:{PASSWORD}@127.0.0.1:{self.port}/0"

    def start(self) -> None:
        # Debian's redis-tools has the program by another name, and it goes by the one that it is called by
        self._process = subprocess.Popen(
            ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--save", "",
             "--requirepass", PASSWORD, "--dir", str(self._directory)],
            executable=self._program, stdout=subprocess.DEVNULL,
        )  # fmt: skip
        deadline = monotonic() + START_TIMEOUT
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
            except OSError:
                assert self._process.poll() is None, "Redis does not start"
                assert monotonic() < deadline, "Redis does not answer"
                sleep(0.02)
            else:
                return

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait()
            self._process = None


@contextmanager
def redis_server(directory: Path) -> Iterator[Redis]:
    program = shutil.which("redis-server") or shutil.which("redis-check-rdb")
    if program is None:
        pytest.skip("there is no Redis on this machine; scripts/redis installs it")
    redis = Redis(program, directory)
    redis.start()
    try:
        yield redis
    finally:
        redis.stop()


def limits(storage: str) -> RateLimits:
    """As a process of an instance has them."""
    return RateLimits(token="3/minute;100/hour", address="", failures="2/minute", storage=storage)


def test_of_n_allowed_requests_n_pass_over_two_instances(
    database: Database, migrated_url: str, tmp_path: Path
) -> None:
    secret = tokens.create(database, ("admin",)).secret
    directories = [tmp_path / name for name in ("redis", "one", "other")]
    for directory in directories:
        directory.mkdir()
    with redis_server(directories[0]) as redis:
        settings: dict[str, Any] = {
            "STUDENTAPI_AUTH": "required",
            "STUDENTAPI_RATE_LIMIT_TOKEN": "100/hour",
            "STUDENTAPI_RATE_LIMIT_STORAGE": redis.url,
        }
        with (
            running(migrated_url, directories[1], **settings) as one,
            running(migrated_url, directories[2], **settings) as other,
        ):
            with ThreadPoolExecutor(CLIENTS) as pool:
                answered = Counter(pool.map(lambda number: ask((one, other)[number % 2], secret), range(180)))
            assert answered == {200: 100, 429: 80}
            for service in (one, other):
                service.stop()
                assert PASSWORD not in service.log.read_text()


def test_two_processes_count_into_the_same_windows_and_tell_what_is_left(tmp_path: Path) -> None:
    with redis_server(tmp_path) as redis:
        here, there = limits(redis.url), limits(redis.url)
        left = [[quota.left for quota in each.take("token", "t")] for each in (here, there, here, there)]
        assert left == [[2, 99], [1, 98], [0, 97], [-1, 96]]
        (minute, hour) = here.take("token", "other")
        assert (minute.left, 0 < minute.seconds <= 60, 60 < hour.seconds <= 3600) == (2, True, True)
        here.take("failures", "1.2.3.4")
        assert not there.is_used_up("failures", "1.2.3.4")
        there.take("failures", "1.2.3.4")
        assert here.is_used_up("failures", "1.2.3.4")
        there.vouch("key")
        assert (here.is_vouched("key"), here.is_vouched("another")) == (True, False)
        assert here.uncounted == there.uncounted == 0


def test_without_its_redis_everything_passes_and_with_it_again_it_is_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rate_limits, "STORAGE_PAUSE", 0.0)
    with redis_server(tmp_path) as redis:
        here = limits(redis.url)
        assert here.take("token", "t")[0].left == 2
        redis.stop()
        assert [here.take("token", "t")[0].left for _ in range(5)] == [2] * 5
        assert here.uncounted == 10  # of two limits each
        redis.start()
        assert [here.take("token", "t")[0].left for _ in range(4)] == [2, 1, 0, -1]
        assert here.uncounted == 10


def test_a_wrong_password_lets_everything_through_and_is_counted(tmp_path: Path) -> None:
    with redis_server(tmp_path) as redis:
        wrong = limits(redis.url.replace(PASSWORD, "another"))
        assert wrong.take("token", "t")[0].left == 2
        assert wrong.uncounted > 0
