import subprocess
import sys
from collections.abc import Iterator

import pytest

from studentapi import schema
from studentapi.mysql.database import Database
from tests.servers import Server

NAME = "studentapi_migrations"
TABLES = {
    "alembic_version", "assessments", "attempts", "change_feed", "changes", "chapters", "classes",
    "commit_markers", "courses", "enrollments", "idempotency_keys", "items", "responses", "results", "schools",
    "service_keys", "tokens", "users",
}  # fmt: skip


@pytest.fixture
def url(server: Server) -> Iterator[str]:
    """An empty database."""
    server.execute(f"DROP DATABASE IF EXISTS {NAME}", f"CREATE DATABASE {NAME}")
    yield server.url(NAME)
    server.execute(f"DROP DATABASE {NAME}")


def tables(server: Server) -> set[str]:
    return {str(name) for (name,) in server.execute(f"SHOW TABLES FROM {NAME}")}


def test_up_and_down_and_up_again(server: Server, url: str) -> None:
    schema.upgrade(url)
    assert tables(server) == TABLES
    schema.upgrade(url)
    schema.downgrade(url, "base")
    assert tables(server) == {"alembic_version"}
    schema.upgrade(url)
    assert tables(server) == TABLES


def test_several_processes_may_upgrade_at_once(server: Server, url: str) -> None:
    script = "import sys; from studentapi import schema; schema.upgrade(sys.argv[1])"
    processes = [subprocess.Popen([sys.executable, "-c", script, url], stderr=subprocess.PIPE) for _ in range(4)]
    results = [(process.communicate()[1], process.returncode) for process in processes]
    assert results == [(b"", 0)] * 4
    assert tables(server) == TABLES
    assert server.execute(f"SELECT COUNT(*) FROM {NAME}.alembic_version") == ((1,),)


def test_an_upgrade_that_died_half_way_is_completed(server: Server, url: str) -> None:
    schema.upgrade(url)
    server.execute(
        "SET foreign_key_checks = 0", f"DELETE FROM {NAME}.alembic_version", f"DROP TABLE {NAME}.attempts"
    )
    schema.upgrade(url)
    assert tables(server) == TABLES


def test_every_foreign_key_and_public_id_has_its_index(server: Server, url: str) -> None:
    schema.upgrade(url)
    without = server.execute(
        f"""
        SELECT k.table_name, k.column_name FROM information_schema.key_column_usage k
        LEFT JOIN information_schema.statistics s ON s.table_schema = k.table_schema
            AND s.table_name = k.table_name AND s.column_name = k.column_name AND s.seq_in_index = 1
        WHERE k.table_schema = '{NAME}' AND k.referenced_table_name IS NOT NULL AND s.column_name IS NULL"""
    )
    assert without == ()


def test_times_are_kept_by_the_tables(server: Server, url: str) -> None:
    schema.upgrade(url)
    database = Database(url)
    with database.transaction() as tx:
        tx.execute("INSERT INTO schools (public_id, name) VALUES ('a', 'A')")
    ((made, changed),) = database.read("SELECT created_at, updated_at FROM schools")
    with database.transaction() as tx:
        tx.execute("UPDATE schools SET name = 'B'")
    ((made_then, changed_then),) = database.read("SELECT created_at, updated_at FROM schools")
    assert (made, made_then) == (changed, made)
    assert changed_then > changed
    database.close()
