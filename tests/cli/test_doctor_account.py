"""What `studentapi doctor` says of the account's rights: they are really given and taken away."""

from __future__ import annotations

import os
import re
import subprocess
from typing import TYPE_CHECKING

from studentapi.cli.diagnosis import privileges
from tests.cli.doctors import COMMAND, NAME

if TYPE_CHECKING:
    from tests.cli.doctors import Doctor
    from tests.servers import Server


def test_what_serving_lacks_is_told_as_the_grant(doctor: Doctor, server: Server, account: str) -> None:
    server.execute(f"REVOKE DELETE, UPDATE ON {NAME}.* FROM doctor@'%'")
    found = doctor(account)
    assert found["privileges"]["verdict"] == "problem"
    assert found["privileges"]["change"] == f"GRANT DELETE, UPDATE ON `{NAME}`.* TO 'doctor'@'%'"
    server.execute(found["privileges"]["change"])
    assert doctor(account).not_ok() == []


def test_rights_to_serve_are_enough_for_a_service_that_another_upgrades(
    doctor: Doctor, server: Server, account: str
) -> None:
    server.execute(
        "REVOKE ALL PRIVILEGES, GRANT OPTION FROM doctor@'%'",
        f"GRANT {', '.join(sorted(privileges.TO_SERVE))} ON {NAME}.* TO doctor@'%'",
    )
    found = doctor(account)
    assert found.verdict == "advice"
    assert found.not_ok() == ["privileges to upgrade"]


def test_the_rights_that_are_named_are_enough_to_make_the_tables_and_to_use_them(
    doctor: Doctor, server: Server, account: str
) -> None:
    empty = "studentapi_doctor_empty"
    named = ", ".join(sorted(privileges.TO_SERVE | privileges.TO_UPGRADE))
    server.execute(f"DROP DATABASE IF EXISTS {empty}", f"CREATE DATABASE {empty}")
    try:
        server.execute(
            "REVOKE ALL PRIVILEGES, GRANT OPTION FROM doctor@'%'", f"GRANT {named} ON {empty}.* TO doctor@'%'"
        )
        url = account.replace(f"/{NAME}", f"/{empty}")
        found = doctor(url)
        assert found.not_ok() == ["migrations"]
        assert found["migrations"]["change"] == "Run 'studentapi db upgrade'"
        for command in (("db", "upgrade"), ("token", "create")):
            subprocess.run(
                [COMMAND, *command], env={**os.environ, "STUDENTAPI_DATABASE_URL": url}, cwd=doctor.directory,
                capture_output=True, timeout=120, check=True,
            )  # fmt: skip
        assert doctor(url).not_ok() == []
    finally:
        server.execute(f"DROP DATABASE {empty}")


def test_rights_given_by_a_role_and_by_a_pattern_count(doctor: Doctor, server: Server, account: str) -> None:
    default = (
        "SET DEFAULT ROLE clerk FOR doctor@'%'" if server.is_mariadb else "SET DEFAULT ROLE clerk TO doctor@'%'"
    )
    server.execute(
        "REVOKE ALL PRIVILEGES, GRANT OPTION FROM doctor@'%'", "CREATE ROLE clerk",
        f"GRANT SELECT, INSERT ON {NAME}.* TO clerk", "GRANT clerk TO doctor@'%'", default,
        "GRANT UPDATE, DELETE ON `studentapi\\_%`.* TO doctor@'%'",
    )  # fmt: skip
    try:
        assert doctor(account)["privileges"]["verdict"] == "ok"
        server.execute(
            "REVOKE UPDATE, DELETE ON `studentapi\\_%`.* FROM doctor@'%'",
            "GRANT UPDATE, DELETE ON `studentapi\\_d`.* TO doctor@'%'",
        )
        assert doctor(account)["privileges"]["figures"]["missing"] == ["DELETE", "UPDATE"]
    finally:
        server.execute("DROP ROLE clerk")


def test_rights_given_table_by_table_count_when_no_table_is_left_out(
    doctor: Doctor, server: Server, account: str
) -> None:
    tables = [str(table) for (table,) in server.execute(f"SHOW TABLES FROM {NAME}")]
    server.execute(
        "REVOKE ALL PRIVILEGES, GRANT OPTION FROM doctor@'%'",
        *(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {NAME}.{table} TO doctor@'%'" for table in tables),
    )
    assert doctor(account)["privileges"]["verdict"] == "ok"
    server.execute(f"REVOKE UPDATE ON {NAME}.attempts FROM doctor@'%'")
    assert doctor(account)["privileges"]["verdict"] == "problem"


def test_an_account_that_may_do_anything_anywhere_is_remarked_upon(
    doctor: Doctor, server: Server, gradebook: str
) -> None:
    found = doctor(server.url(gradebook))
    assert found.verdict == "advice"
    assert re.match(r"(ALL PRIVILEGES|SUPER), ", found["privileges beyond"]["found"])


def test_what_is_revoked_of_one_database_alone_is_not_held_there() -> None:
    # as MySQL prints them with partial_revokes = ON; MariaDB has no such thing
    lines = (
        "GRANT SELECT, INSERT, UPDATE, DELETE ON *.* TO `doctor`@`%`",
        "REVOKE UPDATE ON `grades`.* FROM `doctor`@`%`",
    )
    grants = [grant for line in lines if (grant := privileges.parse(line)) is not None]
    assert privileges.allowed(grants, "grades") == {"SELECT", "INSERT", "DELETE"}
    assert privileges.allowed(grants, "others") == privileges.TO_SERVE


def test_a_right_on_columns_is_none_on_the_table() -> None:
    grant = privileges.parse("GRANT SELECT (`id`, `name`), INSERT ON `grades`.`users` TO `doctor`@`%`")
    assert grant == privileges.Grant(
        given=True, privileges=frozenset({"INSERT"}), database="grades", table="users"
    )
