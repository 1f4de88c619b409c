"""Programs that start side by side have ports of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lab.bench.service import Running
from lab.peers import peer
from lab.ports import free_port
from tests.mysql.helpers import waits_for

if TYPE_CHECKING:
    from pathlib import Path

NOWHERE = "mysql://nobody:secret@127.0.0.1:1/nothing"


def test_no_port_is_given_twice() -> None:
    ports = [free_port() for _ in range(2000)]
    assert len(set(ports)) == 2000


def test_an_app_whose_port_another_has_is_known_to_have_ended(tmp_path: Path) -> None:
    port = free_port()
    first = Running(peer("persistent_db"), NOWHERE, port, 1, 1, tmp_path / "first.log")
    try:
        first.await_answer()
        second = Running(peer("persistent_db"), NOWHERE, port, 1, 1, tmp_path / "second.log")
        waits_for(second.has_ended)
        assert not first.has_ended()
    finally:
        first.end()
