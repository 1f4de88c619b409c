"""Old markers are deleted after one write in `PURGE_EVERY`, by chance; here that is chosen, and counted."""

from __future__ import annotations

from typing import TYPE_CHECKING
from unittest.mock import Mock

import pytest

from studentapi.mysql.settlement import PURGE_EVERY, Markers
from tests.cost.cases import CASES

if TYPE_CHECKING:
    from tests.cost.measuring import Measured

UPKEEP = {
    "INSERT commit_markers": "DELETE commit_markers",
    "UPDATE idempotency_keys": "DELETE idempotency_keys",
}
"""By what a write marks itself with: what follows it when the time has come."""


@pytest.mark.parametrize("name", CASES)
def test_markers_are_deleted_once_when_it_is_time_and_never_else(
    name: str, measured: dict[str, Measured]
) -> None:
    usual, due = measured[name]
    assert not set(UPKEEP.values()) & set(usual.statements)
    further = [delete for mark, delete in UPKEEP.items() if mark in usual.statements]
    assert due.statements == [*usual.statements, *further]
    assert due.round_trips == usual.round_trips + len(further)


def test_all_markers_have_their_upkeep(measured: dict[str, Measured]) -> None:
    assert {name for one in measured.values() for name in one.due.statements} >= set(UPKEEP.values())


def test_the_time_has_come_for_one_marker_in_so_many() -> None:
    """Of all that their first bytes may be: a write draws them by chance."""
    connection, markers = Mock(open=True), Markers("any")
    for start in range(2**16):
        markers.purge_at_times(start.to_bytes(2, "big") + bytes(14), connection)
    assert connection.fetch.call_count == 2**16 // PURGE_EVERY
