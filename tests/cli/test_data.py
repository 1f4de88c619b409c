"""The commands, as a shell calls them."""

from __future__ import annotations

import gzip
import os
import subprocess
import sysconfig
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from studentapi.gradebook import tokens

if TYPE_CHECKING:
    from studentapi.mysql.database import Database

COMMAND = Path(sysconfig.get_path("scripts"), "studentapi")


@pytest.fixture
def studentapi(database: Database, migrated_url: str, tmp_path: Path) -> Run:
    """Run a command on the empty gradebook."""
    del database
    return Run(migrated_url, tmp_path)


class Run:
    def __init__(self, url: str, directory: Path) -> None:
        self.url = url
        self.directory = directory

    def __call__(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [COMMAND, *arguments],
            env={**os.environ, "STUDENTAPI_DATABASE_URL": self.url, **environment},
            cwd=self.directory, capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip


def test_a_token_is_made_listed_and_revoked(studentapi: Run, database: Database) -> None:
    made = studentapi(
        "token", "create", "--scope", "read", "--scope", "write", "--label", "portal", "--days", "3"
    )
    assert made.returncode == 0, made.stderr
    secret = made.stdout.strip()
    token = tokens.verify(database, secret)
    assert token is not None
    assert (token.label, sorted(token.scopes)) == ("portal", ["read", "write"])
    listed = studentapi("token", "list").stdout
    assert token.id in listed
    assert secret not in listed
    assert studentapi("token", "revoke", token.id).returncode == 0
    assert tokens.verify(database, secret) is None
    assert "revoked" in studentapi("token", "list").stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("token", "create", "--student", "nobody"), "no student 'nobody'"),
        (("token", "create", "--scope", "all"), "'all' is not one of"),
        (("token", "create", "--days", "0"), "0 is not in the range"),
        (("token", "revoke", "nothing"), "no token 'nothing'"),
        (("load", "oulad", "/no/such/folder"), "does not exist"),
    ],
)
def test_a_mistake_is_one_clear_line(studentapi: Run, arguments: tuple[str, ...], message: str) -> None:
    run = studentapi(*arguments)
    assert run.returncode != 0
    assert message in run.stderr
    assert "Traceback" not in run.stderr


def test_a_malformed_file_is_named_and_nothing_is_loaded(
    studentapi: Run, database: Database, tmp_path: Path
) -> None:
    folder = tmp_path / "release"
    folder.mkdir()
    for file in (resources.files("studentapi") / "sample" / "oulad").iterdir():
        if file.name.endswith(".csv.gz"):
            text = gzip.decompress(file.read_bytes())
            if file.name.startswith("studentAssessment"):
                text = text.replace(b"\n1752,28400,22,0,70\n", b"\n1752,28400,22,0,seventy\n")
            (folder / file.name.removesuffix(".gz")).write_bytes(text)
    run = studentapi("load", "oulad", str(folder))
    assert run.returncode != 0
    assert "studentAssessment.csv, line 3" in run.stderr
    assert "seventy" in run.stderr
    assert "Traceback" not in run.stderr
    assert database.read("SELECT COUNT(*) FROM schools") == ((0,),)


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"STUDENTAPI_DATABASE_URL": "postgres://u:geheim@h/d"}, "has to begin with mysql://"),
        ({"STUDENTAPI_DATABASE_URL": "mysql://u:geheim@127.0.0.1:1/d"}, "2003"),
        ({"STUDENTAPI_THREADS": "none"}, "STUDENTAPI_THREADS"),
        ({"STUDENTAPI_STATEMENT_TIMEOUT": "nan"}, "STUDENTAPI_STATEMENT_TIMEOUT"),
        ({"STUDENTAPI_AUTH": "off", "STUDENTAPI_HOST": "0.0.0.0"}, "loopback"),
    ],
)
def test_a_setting_that_does_not_hold_is_named_and_no_secret(
    studentapi: Run, setting: dict[str, str], message: str
) -> None:
    run = studentapi("token", "list", **setting)
    assert run.returncode != 0
    assert message in run.stderr
    assert "geheim" not in run.stderr
    assert "Traceback" not in run.stderr


def test_a_database_without_tables_is_told_what_to_do(studentapi: Run) -> None:
    run = studentapi("token", "list", STUDENTAPI_DATABASE_URL=studentapi.url.replace("studentapi_test", "mysql"))
    assert "studentapi db upgrade" in run.stderr
    assert "Traceback" not in run.stderr


def test_upgrade_waits_for_a_database_that_is_not_up_yet(studentapi: Run) -> None:
    run = studentapi("db", "upgrade", "--wait", "1", STUDENTAPI_DATABASE_URL="mysql://u:geheim@127.0.0.1:1/d")
    assert "waiting for the database, up to 1 s" in run.stderr
    assert run.returncode != 0
    assert "Traceback" not in run.stderr
    assert studentapi("db", "upgrade", "--wait", "5").returncode == 0
