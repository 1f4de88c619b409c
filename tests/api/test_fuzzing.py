"""schemathesis, all checks, finds nothing: with the database there, and with its connections cut under way."""

from __future__ import annotations

import itertools
import threading
from typing import TYPE_CHECKING, Any

from lab.injection.proxy import Proxy
from studentapi.gradebook import tokens
from tests.api.fuzzing import PHASES, fuzz
from tests.faults.helpers import moved
from tests.service import running

if TYPE_CHECKING:
    from pathlib import Path

    from studentapi.mysql.database import Database
    from tests.servers import Server

SETTINGS: dict[str, Any] = {
    "STUDENTAPI_AUTH": "required",
    # all requests come from one address with one token
    "STUDENTAPI_RATE_LIMIT_TOKEN": "",
    "STUDENTAPI_RATE_LIMIT_ADDRESS": "",
    "STUDENTAPI_RATE_LIMIT_FAILURES": "",
}
IMPATIENT: dict[str, Any] = {
    "STUDENTAPI_DATABASE_PATIENCE": "0.1",
    "STUDENTAPI_CONNECT_TIMEOUT": "1",
    "STUDENTAPI_STATEMENT_TIMEOUT": "1",
}
ALIKE = (
    r"^/api/v1/((export|import)/(?!students$)\w+"
    r"|(users|courses|chapters|classes|enrollments|items)(/\{public_id\})?)$"
)
"""What is made by the same few lines as schools and students; `python -m tests.api.fuzzing` asks these, too."""


def secret(database: Database) -> str:
    return tokens.create(database, ("read", "write", "admin"), label="fuzzing").secret


def test_the_document_is_true(database: Database, migrated_url: str, tmp_path: Path) -> None:
    with running(migrated_url, tmp_path, **SETTINGS) as service:
        address = f"http://127.0.0.1:{service.port}"
        report = fuzz(address, secret(database), examples=4, seed=1, without=ALIKE)
        service.stop()
    assert not report.failures, str(report)
    assert len(report.cases) == len(PHASES)
    assert {200, 201, 204, 304, 404, 409, 412, 422, 428} <= set(report.statuses)


def test_the_document_is_true_while_the_database_comes_and_goes(
    server: Server, database: Database, migrated_url: str, tmp_path: Path
) -> None:
    token = secret(database)
    over = threading.Event()
    with Proxy(*server.address) as proxy:
        url = moved(migrated_url, ("127.0.0.1", proxy.port))

        def break_off() -> None:
            """Cut what is open; let nobody in; hold everything back for longer than a statement may take."""
            for kind in itertools.cycle(("cut", "away", "stall")):
                if over.wait(1):
                    break
                if kind == "stall":
                    proxy.stall()
                else:
                    proxy.cut()
                if kind == "away":
                    proxy.close()
                over.wait(1.5)
                proxy.resume()
                proxy.open()

        with running(url, tmp_path, **SETTINGS, **IMPATIENT) as service:
            breaking = threading.Thread(target=break_off)
            breaking.start()
            try:
                report = fuzz(
                    f"http://127.0.0.1:{service.port}", token, examples=2, seed=1,
                    phases=("examples", "fuzzing", "stateful"), expected=("503", "504"),
                )  # fmt: skip
            finally:
                over.set()
                breaking.join()
            service.stop()
    assert not report.failures, str(report)
    assert {200, 503} <= set(report.statuses)
