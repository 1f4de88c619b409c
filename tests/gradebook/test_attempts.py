"""Attempts under contention: numbers, limits, due times and results hold, whatever runs at the same time."""

from __future__ import annotations

import random
import time
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from threading import Barrier
from typing import TYPE_CHECKING, Any

import pytest
from pymysql import err

from studentapi.gradebook import SESSION, attempt_steps, attempt_writing, documents, writing
from studentapi.gradebook.assessments import assessments, items
from studentapi.gradebook.attempt_writing import Told, create
from studentapi.gradebook.attempts import attempts
from studentapi.gradebook.changes import Author, Writer
from studentapi.gradebook.refusals import NotAllowed
from studentapi.gradebook.resources import NotFound
from studentapi.gradebook.responses import Answer
from studentapi.gradebook.results import counted_percent
from studentapi.mysql.address import Address
from studentapi.mysql.connection import open_connection
from studentapi.mysql.database import Database
from studentapi.mysql.errors import is_locked
from tests.gradebook.classroom import ESSAY, MACHINE, anything, furnish, write
from tests.processes import eventually

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from studentapi.gradebook.resources import Resource, Row
    from studentapi.mysql.connection import Connection
    from studentapi.mysql.transaction import Transaction
    from tests.servers import Server

LEVELS = ("READ COMMITTED", "REPEATABLE READ")
STARTERS = 50
LOCKED = {
    "enrollments": "SELECT id FROM enrollments WHERE public_id = 'e1' FOR UPDATE",
    "assessments": "SELECT id FROM assessments WHERE public_id = 'a1' FOR UPDATE",
    "items": "SELECT id FROM items WHERE public_id = 'choice' FOR UPDATE",
    "attempts": "SELECT id FROM attempts WHERE number = 1 FOR UPDATE",
}


@pytest.fixture(params=LEVELS)
def contended(request: pytest.FixtureRequest, database: Database, migrated_url: str) -> Iterator[Database]:
    """The empty gradebook, in sessions of either isolation level."""
    del database  # it empties the gradebook after the test
    level = (f"SET SESSION TRANSACTION ISOLATION LEVEL {request.param}",)
    database = Database(migrated_url, session=level, statement_timeout=30)
    yield database
    database.close()


def at_once(workers: int, work: Callable[[int], Any]) -> list[Any]:
    """What each of so many threads gets from `work`, begun at the same moment; the exception that it raised."""
    begin = Barrier(workers)

    def one(number: int) -> Any:
        begin.wait()
        try:
            return work(number)
        except (NotAllowed, NotFound) as refusal:
            return refusal

    with ThreadPoolExecutor(workers) as pool:
        return list(pool.map(one, range(workers)))


@pytest.mark.parametrize(("allowed", "made"), [(None, STARTERS), (3, 3)])
def test_simultaneous_starts_get_each_number_once_and_no_more_than_allowed(
    contended: Database, allowed: int | None, made: int
) -> None:
    furnish(contended, attempts_allowed=allowed)
    answers = at_once(STARTERS, lambda _: write(contended, create, Told("a1", "s1")))
    refused = [one for one in answers if isinstance(one, NotAllowed)]
    assert sorted(one["number"] for one in answers if one not in refused) == list(range(1, made + 1))
    assert {one.code for one in refused} <= {"attempts-used-up"}
    assert contended.read("SELECT COUNT(*), MIN(number), MAX(number) FROM attempts") == ((made, 1, made),)


def test_an_attempt_that_many_submit_is_submitted_once(contended: Database) -> None:
    furnish(contended, items=MACHINE)
    attempt = write(contended, create, Told("a1", "s1"))["id"]
    write(contended, attempt_steps.save, attempt, [Answer("choice", "b")], anything)
    answers = at_once(8, lambda _: write(contended, attempt_steps.submit, attempt, anything))
    (graded,) = [one for one in answers if not isinstance(one, NotAllowed)]
    assert (graded["state"], graded["score"], graded["percent"]) == ("graded", 4, 40)
    assert contended.records("SELECT state, submitted_at, score FROM attempts") == [
        {name: graded[name] for name in ("state", "submitted_at", "score")}
    ]
    states = [after["state"] for _, after in changes(contended, "attempts")]
    assert states == ["in_progress", "in_progress", "graded"]


def test_a_submission_is_late_by_the_due_time_that_holds_as_it_is_made(contended: Database) -> None:
    now = datetime.now(UTC).replace(tzinfo=None)
    past, future = now - timedelta(days=1), now + timedelta(days=1)
    submitters, students = 3, 60
    furnish(contended, students=students, due_at=future)
    started = [write(contended, create, Told("a1", f"s{one}"))["id"] for one in range(1, students + 1)]

    def work(number: int) -> None:
        if number == submitters:
            for turn in range(students):
                due = {"due_at": future if turn % 2 else past}
                write(contended, writing.change, assessments, "a1", due, anything)
        else:
            for attempt in started[number::submitters]:
                write(contended, attempt_steps.submit, attempt, anything)

    at_once(submitters + 1, work)
    due_at, late = future, set()
    for resource, after in changes(contended, "assessments", "attempts"):
        if resource == "assessments":
            due_at = datetime.fromisoformat(after["due_at"]).replace(tzinfo=None)
        elif after["state"] == "submitted":
            submitted_at = datetime.fromisoformat(after["submitted_at"]).replace(tzinfo=None)
            assert after["is_late"] == (submitted_at > due_at)
            late.add(after["id"])
    assert late == set(started)


@pytest.mark.parametrize("seed", [1, 2])
def test_results_and_the_audit_hold_after_a_storm_of_writes(contended: Database, seed: int) -> None:
    furnish(contended, students=2, assessments=2, items=MACHINE + ESSAY)
    workers, rounds, turns = 6, 12, 10
    for one in range(rounds):  # what is wrong in one would be put right by what comes later
        dice = [random.Random(f"{seed}.{one}.{worker}") for worker in range(workers)]
        at_once(workers, lambda worker, dice=dice: _storm(contended, dice[worker], turns))  # type: ignore[misc]
        _assert_consistent(contended)
    assert contended.read("SELECT COUNT(*) FROM attempts")[0][0] > workers


def _assert_consistent(database: Database) -> None:
    percents: dict[tuple[Any, Any], list[Decimal]] = defaultdict(list)
    numbers: dict[tuple[Any, Any], list[int]] = defaultdict(list)
    rules = {row["id"]: row for row in database.records("SELECT * FROM assessments")}
    for row in database.records("SELECT * FROM attempts ORDER BY number"):
        pair = row["student_id"], row["assessment_id"]
        numbers[pair].append(row["number"])
        if row["score"] is not None and row["deleted_at"] is None:
            exact = 100 * row["score"] / rules[row["assessment_id"]]["points_max"]
            assert row["percent"] == exact.quantize(Decimal("0.0001"), ROUND_HALF_UP)
        if row["state"] == "graded" and row["deleted_at"] is None:
            percents[pair].append(row["percent"])
    assert all(found == list(range(1, len(found) + 1)) for found in numbers.values())
    results = {
        (row["student_id"], row["assessment_id"]): row["percent"]
        for row in database.records("SELECT * FROM results")
    }
    assert results == {
        pair: counted_percent(rules[pair[1]]["counted"], found) for pair, found in percents.items()
    }
    last = {after["id"]: after for _, after in changes(database, "attempts")}
    for row in attempts_shown(database):
        told = {name: value for name, value in last[row["id"]].items() if name != "responses"}
        assert told == documents.loads(documents.dumps(row))


@pytest.mark.parametrize(
    ("changed", "score", "result"),
    [
        ((assessments, "a1", {"counted": "last"}), 4, 40),
        ((assessments, "a1", {"points_max": Decimal(20)}), 4, 45),
        ((items, "choice", {"points": Decimal(8)}), 8, 90),
    ],
    ids=["counted", "points_max", "points"],
)
def test_a_transaction_goes_by_rules_that_changed_after_it_began(
    contended: Database, migrated_url: str, changed: tuple[Resource, str, Row], score: int, result: int
) -> None:
    furnish(contended, items=MACHINE)
    write(contended, create, Told("a1", "s1", score=Decimal(9)))
    attempt = write(contended, create, Told("a1", "s1"))["id"]
    write(contended, attempt_steps.save, attempt, [Answer("choice", "b")], anything)
    with closing(Database(migrated_url)) as another:

        def work(tx: Transaction) -> Row:
            tx.read("SELECT COUNT(*) FROM attempts, assessments, items")  # all that it sees, where reads repeat
            write(another, writing.change, *changed, anything)
            return attempt_steps.submit(Writer(tx, Author()), attempt, anything)

        assert contended.run(work)["score"] == score
    assert contended.read("SELECT percent FROM results") == ((result,),)


@pytest.mark.parametrize(("values", "result"), [({"counted": "last"}, 40), ({"points_max": Decimal(20)}, 45)])
def test_a_change_of_an_assessment_reaches_attempts_that_were_made_after_it_began(
    contended: Database, migrated_url: str, values: Row, result: int
) -> None:
    furnish(contended, students=2)
    write(contended, create, Told("a1", "s1", score=Decimal(9)))
    with closing(Database(migrated_url)) as another:

        def work(tx: Transaction) -> None:
            tx.read("SELECT COUNT(*) FROM attempts, assessments")  # all that it sees, where reads repeat
            if another.read("SELECT COUNT(*) FROM attempts") == ((1,),):
                write(another, create, Told("a1", "s1", score=Decimal(4)))
                write(another, create, Told("a1", "s2", score=Decimal(2)))
            writing.change(Writer(tx, Author()), assessments, "a1", values, anything)

        contended.run(work)
    assert contended.read("SELECT percent FROM results WHERE student_id = 1") == ((result,),)
    _assert_consistent(contended)


def test_one_student_does_not_wait_for_another(database: Database, migrated_url: str) -> None:
    furnish(database, students=2, items=MACHINE)
    app, another = (Database(migrated_url, session=SESSION, statement_timeout=2) for _ in range(2))

    def all_of_it(writer: Writer, student: str) -> None:
        create(writer, Told("a1", student, responses=(Answer("number", 3),)))
        attempt = create(writer, Told("a1", student))["id"]
        attempt_steps.save(writer, attempt, [Answer("choice", "b")], anything)
        attempt_steps.submit(writer, attempt, anything)
        attempt_writing.delete(writer, create(writer, Told("a1", student, score=Decimal(9)))["id"], anything)

    with closing(app), closing(another):

        def work(tx: Transaction) -> None:
            all_of_it(Writer(tx, Author()), "s1")
            write(another, all_of_it, "s2")

        app.run(work)
        assert another.observation.totals()["contention"] == 0
    assert database.read("SELECT percent FROM results ORDER BY student_id") == ((40,), (40,))


@pytest.mark.parametrize("held", ["enrollments", "assessments", "items", "attempts"])
def test_what_an_attempt_needs_is_locked_in_order_and_then_the_clock_is_read(
    database: Database, server: Server, migrated_url: str, held: str
) -> None:
    furnish(database, items=MACHINE)
    write(database, create, Told("a1", "s1"))
    order = ("enrollments", "assessments", "items", "attempts")
    address = Address.parse(migrated_url)
    with (
        closing(open_connection(address)) as holding,
        closing(open_connection(address)) as probing,
        ThreadPoolExecutor(1) as pool,
    ):
        holding.fetch("BEGIN")
        holding.fetch(LOCKED[held])
        making = pool.submit(write, database, create, Told("a1", "s1", responses=(Answer("number", 2),)))
        eventually(lambda: _somebody_waits(server))
        free = {table: not _is_locked(probing, table) for table in order if table != held}
        ((moment,),) = holding.fetch("SELECT SYSDATE(6)").rows
        holding.fetch("ROLLBACK")
        made = making.result()
    place = order.index(held)
    assert free == {table: order.index(table) > place for table in order if table != held}
    assert made["created_at"] >= moment


def _somebody_waits(server: Server) -> bool:
    time.sleep(0.15)  # the server looks anew only when nobody has asked it for a tenth of a second
    return bool(server.execute("SELECT 1 FROM information_schema.innodb_trx WHERE trx_state = 'LOCK WAIT'"))


def _is_locked(connection: Connection, table: str) -> bool:
    try:
        connection.fetch(f"{LOCKED[table]} NOWAIT")
    except err.Error as error:
        if not is_locked(error):
            raise
        return True
    return False


def _storm(database: Database, dice: random.Random, turns: int) -> None:
    """Write at random; what the rules refuse is refused."""
    scores = [Decimal(one) for one in range(11)]
    for _ in range(turns):
        student, assessment = dice.choice(("s1", "s2")), dice.choice(("a1", "a2"))
        known = [public_id for (public_id,) in database.read("SELECT public_id FROM attempts")] or ["none"]
        one, score = dice.choice(known), dice.choice(scores)
        told = Told(
            assessment,
            student,
            score=dice.choice((None, score)),
            responses=None if assessment == "a2" else (Answer("choice", dice.choice("abc")), Answer("number", 2)),
        )
        steps: list[Callable[[], object]] = [
            lambda told=told: write(database, create, told),  # type: ignore[misc]
            lambda told=told: write(database, create, Told(told.assessment_id, told.student_id)),  # type: ignore[misc]
            lambda one=one: write(database, attempt_steps.submit, one, anything),  # type: ignore[misc]
            lambda one=one, score=score: write(database, attempt_steps.grade, one, score, anything),  # type: ignore[misc]
            lambda one=one: (
                write(  # type: ignore[misc]
                    database,
                    attempt_steps.grade_items,
                    one,
                    [attempt_steps.Points("essay", Decimal(3))],
                    anything,
                )
                if one in _of_a1(database)
                else None
            ),
            lambda one=one: write(database, attempt_steps.exempt, one, anything),  # type: ignore[misc]
            lambda one=one: write(database, attempt_steps.reinstate, one, anything),  # type: ignore[misc]
            lambda one=one, score=score: write(  # type: ignore[misc]
                database, attempt_writing.change, one, {"score": score}, anything
            ),
            lambda one=one: write(database, attempt_writing.delete, one, anything),  # type: ignore[misc]
        ]
        if dice.random() < 0.15:
            rule = dice.choice(
                (
                    {"counted": dice.choice(("best", "last", "first", "mean"))},
                    {"points_max": Decimal(dice.randrange(7, 30))},
                )
            )
            steps = [
                lambda rule=rule, assessment=assessment: write(  # type: ignore[misc]
                    database, writing.change, assessments, assessment, rule, anything
                ),
                lambda score=score: write(  # type: ignore[misc]
                    database, writing.change, items, "choice", {"points": score}, anything
                ),
            ]
        try:
            dice.choice(steps)()
        except (NotAllowed, NotFound):
            continue


def _of_a1(database: Database) -> set[str]:
    rows = database.read("SELECT public_id FROM attempts WHERE assessment_id = 1")
    return {public_id for (public_id,) in rows}


def changes(database: Database, *resources: str) -> list[tuple[str, Row]]:
    """What was written down after each change, in its order."""
    rows = database.read(
        "SELECT resource, row_after FROM changes WHERE resource IN %s AND row_after IS NOT NULL ORDER BY id",
        (resources,),
    )
    return [(resource, documents.loads(after)) for resource, after in rows]


def attempts_shown(database: Database) -> list[Row]:
    """The attempts that are not deleted, as clients see them."""
    return list(attempts.finished(database.records(attempts.select)))
