"""How `make faults` counts: what is lost, doubled, failed and unsure, and when an answer has recovered."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lab.answers import ANSWERS, data
from lab.faults.cells import worded
from lab.faults.load import GAVE_UP, Sample
from lab.faults.verdict import UNANSWERED, Outcome, Severity, judge
from studentapi.mysql.address import Address
from studentapi.mysql.connection import open_connection

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.servers import Server

DATABASE = ANSWERS[0].database


def write(key: str, ended: float = 1.0, *, good: bool = True, took: float = 0.01, said: str = "500") -> Sample:
    return Sample(True, key, ended - took, ended, good, "201" if good else said)


def read(ended: float, *, good: bool = True, took: float = 0.01, said: str = "500") -> Sample:
    return Sample(False, "", ended - took, ended, good, "200" if good else said)


def judged(*samples: Sample, rows: dict[str, int] | None = None, touched: bool = True) -> Outcome:
    """Of a fault that began at 0 and was over at 3, watched until 10."""
    return judge(samples, rows or {}, began=0.0, ended=3.0, until=10.0, touched=touched)


@pytest.fixture
def rows(server: Server) -> Iterator[dict[str, int]]:
    """Rows of a real table: one once, one twice."""
    connection = open_connection(Address.parse(server.admin_url))
    data.load(connection, DATABASE)
    connection.fetch("INSERT INTO record (request_key) VALUES ('once'), ('twice'), ('twice')")
    found = connection.fetch("SELECT request_key, COUNT(*) FROM record GROUP BY request_key").rows
    connection.close()
    yield {str(key): int(count) for key, count in found}
    server.execute(f"DROP DATABASE {DATABASE}")


def test_an_acknowledged_row_that_is_not_there_is_lost(rows: dict[str, int]) -> None:
    outcome = judged(write("once"), write("never"), rows=rows)
    assert (outcome.lost, outcome.doubled, outcome.severity) == (1, 0, Severity.ROWS)


def test_a_row_that_is_there_twice_is_doubled_whatever_its_client_was_told(rows: dict[str, int]) -> None:
    assert judged(write("twice"), rows=rows).doubled == 1
    assert judged(write("twice", good=False), rows=rows).doubled == 1


def test_a_failed_write_that_is_there_is_unsure_and_one_that_is_not_is_only_failed(rows: dict[str, int]) -> None:
    outcome = judged(write("once", good=False), write("never", good=False), read(9.0), rows=rows)
    assert (outcome.writes_failed, outcome.unsure, outcome.lost, outcome.doubled) == (2, 1, 0, 0)
    assert outcome.severity is Severity.FAILED
    assert worded(outcome) == ("2 failed", "1 yet written")


def test_a_row_acknowledged_before_the_fault_may_be_lost_by_it(rows: dict[str, int]) -> None:
    outcome = judge([write("never", ended=1.0)], rows, began=2.0, ended=3.0, until=10.0)
    assert (outcome.writes, outcome.lost) == (0, 1)


def test_requests_answered_before_the_fault_are_not_its_doing() -> None:
    outcome = judge([read(1.0, good=False), read(5.0)], {}, began=2.0, ended=3.0, until=10.0)
    assert (outcome.reads, outcome.failed) == (1, 0)


def test_good_answers_are_nothing_unless_one_took_long() -> None:
    assert judged(read(5.0)).severity is Severity.NOTHING
    slow = judged(read(5.0, took=1.5))
    assert (slow.severity, worded(slow)) == (Severity.STALL, ("1.5 s", "stall"))


def test_recovery_is_the_time_from_the_end_of_the_fault_to_the_last_failure() -> None:
    samples = [read(2.0, good=False), read(4.5, good=False), *(read(second) for second in (5.0, 6.0, 9.9))]
    assert judged(*samples).recovery == pytest.approx(1.5)


def test_an_answer_that_fails_at_the_end_has_not_recovered() -> None:
    outcome = judged(read(5.0), read(9.5, good=False))
    assert outcome.recovery is None
    assert worded(outcome) == ("1 failed", "still failing")


def test_an_answer_that_says_nothing_more_after_a_failure_has_not_recovered() -> None:
    assert judged(read(4.0, good=False)).recovery is None


def test_an_answer_that_never_answers_hangs() -> None:
    assert worded(judged(read(9.9, good=False, took=15.0, said=GAVE_UP)))[0] == "1 hung"


def test_a_request_that_only_the_end_of_its_service_ended_hung() -> None:
    outcome = judged(
        read(9.9, good=False, said=GAVE_UP), read(12.0, good=False, took=8.0, said="ConnectionResetError")
    )
    assert (worded(outcome)[0], outcome.said[UNANSWERED]) == ("2 hung", 1)
    assert worded(judged(read(9.9, good=False, said="ConnectionResetError")))[0] == "1 failed"


def test_an_answer_without_any_request_stalled_for_the_whole_watch() -> None:
    outcome = judged()
    assert (outcome.stall, outcome.severity) == (10.0, Severity.STALL)


def test_what_cannot_happen_to_an_answer_is_neither_good_nor_bad() -> None:
    assert judged(read(5.0), touched=False).severity is Severity.UNTOUCHED
    assert judged(read(5.0, good=False), touched=False).severity is Severity.DOWN
