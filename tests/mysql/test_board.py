"""What the processes of a service show each other."""

import gc
import multiprocessing
import os
import threading
from collections.abc import Callable

from studentapi.mysql import board
from studentapi.mysql.board import Board, Row

fork = multiprocessing.get_context("fork")


def in_a_child(*work: Callable[[], object]) -> None:
    child = fork.Process(target=lambda: [step() for step in work])
    child.start()
    child.join()
    assert child.exitcode == 0


def test_counters_are_summed_over_processes_and_outlive_them() -> None:
    shared = Board(4, 4, ("seen",), ("there",))
    shared.count("seen")
    in_a_child(lambda: shared.count("seen"), lambda: shared.count("there"))
    in_a_child(lambda: shared.count("seen"))
    assert shared.totals() == {"seen": 3, "there": 0}, "a gauge ends with its process, a counter does not"


def test_the_block_of_a_process_that_ended_is_taken_over() -> None:
    shared = Board(2, 4, ("seen",))
    shared.count("seen")
    for _ in range(5):
        in_a_child(lambda: shared.count("seen"))
    assert shared.totals() == {"seen": 6}


def test_a_process_for_which_there_is_no_room_goes_on_unseen() -> None:
    shared = Board(1, 1, ("seen",))
    shared.count("seen")
    in_a_child(lambda: shared.count("seen"), shared.take_row)
    assert shared.totals() == {"seen": 1}


def test_threads_that_come_at_once_share_their_process_block() -> None:
    for _ in range(50):
        shared = Board(8, 8, ("seen",))
        together = threading.Barrier(8)
        rows: list[Row] = []

        def come(shared: Board = shared, together: threading.Barrier = together, rows: list[Row] = rows) -> None:
            together.wait()
            row = shared.take_row()
            row.numbers[board.OPENED] = 1.0
            rows.append(row)
            shared.count("seen")

        threads = [threading.Thread(target=come) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(list(shared.connections())) == 8
        assert shared.totals() == {"seen": 8}


def test_threads_count_without_losing_any() -> None:
    shared = Board(1, 1, ("seen",))

    def count() -> None:
        for _ in range(2000):
            shared.count("seen")

    threads = [threading.Thread(target=count) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert shared.totals() == {"seen": 16_000}


def test_a_row_is_shown_from_its_first_connection_on_and_free_after_its_thread() -> None:
    shared = Board(1, 1, ())
    row = shared.take_row()
    assert list(shared.connections()) == []
    row.numbers[board.OPENED] = 5.0
    row.write(server="db:3306", thread="a" * 100, last_error="é" * 500)
    (shown,) = shared.connections()
    assert (shown.process, shown.server, shown.opened) == (os.getpid(), "db:3306", 5.0)
    assert shown.thread == "a" * board.TEXTS["thread"]
    assert shown.last_error == "é" * (board.TEXTS["last_error"] // 2)
    unseen = shared.take_row()
    unseen.numbers[board.OPENED] = 6.0
    assert len(list(shared.connections())) == 1, "there is room for one"
    del row
    gc.collect()
    assert list(shared.connections()) == []
    again = shared.take_row()
    again.numbers[board.OPENED] = 7.0
    assert [shown.opened for shown in shared.connections()] == [7.0]


def test_a_child_does_not_free_its_parents_row() -> None:
    shared = Board(2, 1, ())
    rows = [shared.take_row()]
    rows[0].numbers[board.OPENED] = 5.0
    in_a_child(rows.clear)
    assert len(list(shared.connections())) == 1
