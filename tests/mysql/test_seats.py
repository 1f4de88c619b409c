"""Not every thread may be busy with the database at once."""

import threading

import pytest

from studentapi.mysql import seats
from studentapi.mysql.database import Database
from studentapi.mysql.errors import Crowded
from studentapi.mysql.seats import Seats


def test_without_a_limit_there_is_always_a_seat() -> None:
    free = Seats(None)
    assert all(free.take() for _ in range(1000))
    free.leave()


def test_there_are_as_many_seats_as_said() -> None:
    free = Seats(2)
    assert [free.take(0.0) for _ in range(3)] == [True, True, False]
    free.leave()
    assert free.take(0.0)


def test_a_seat_that_is_left_goes_to_who_waits() -> None:
    free = Seats(1)
    assert free.take()
    threading.Timer(0.05, free.leave).start()
    assert free.take(30.0)


def test_after_a_calm_the_last_of_a_burst_waits_like_any_other(monkeypatch: pytest.MonkeyPatch) -> None:
    free = Seats(1)
    free._moved -= 3600
    assert free.take()
    threading.Timer(0.05, free.leave).start()
    assert free.take()


def test_once_no_seat_has_changed_hands_for_a_while_nobody_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    free = Seats(1)
    assert free.take()
    monkeypatch.setattr(seats, "CROWDED", -1.0)
    assert not free.take()


def test_who_gets_no_seat_is_told_and_nothing_was_sent(migrated_url: str) -> None:
    database = Database(migrated_url, at_once=1)
    inside, over = threading.Event(), threading.Event()

    def hold() -> None:
        with database.transaction():
            inside.set()
            over.wait(30)

    thread = threading.Thread(target=hold)
    thread.start()
    try:
        assert inside.wait(30)
        with pytest.raises(Crowded):
            database.read("SELECT 1")
        database.check()
    finally:
        over.set()
        thread.join()
    assert database.read("SELECT 1") == ((1,),)
    assert database.observation.totals()["crowded_out"] == 1
    database.close()
