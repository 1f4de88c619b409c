"""The feed of changes has every committed change once, in one order, whatever writers do meanwhile."""

from __future__ import annotations

import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from pymysql import err

from studentapi.gradebook import SESSION, documents, feed, people, writing
from studentapi.gradebook.changes import Author, Writer
from studentapi.gradebook.feed import EVERYTHING, Behind, Gone, Scope
from studentapi.mysql import settlement
from studentapi.mysql.database import Database
from studentapi.mysql.errors import DatabaseUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from studentapi.mysql.transaction import Transaction
    from tests.servers import Server

REPEATABLE_READ = ("SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ",)


@pytest.fixture(params=[SESSION, REPEATABLE_READ], ids=["read committed", "repeatable read"])
def gradebook(database: Database, migrated_url: str, request: pytest.FixtureRequest) -> Iterator[Database]:
    """An empty gradebook, with either isolation level."""
    del database  # it empties the gradebook after the test
    opened = Database(migrated_url, markers=settlement.NAME, session=request.param)
    yield opened
    opened.close()


def writer(tx: Transaction) -> Writer:
    return Writer(tx, Author("a-token", "a-request"))


def make(database: Database, *names: str) -> None:
    """Make schools, each in its own transaction, with `names` as ids."""
    for name in names:
        database.run(partial(create, school=name))


def create(tx: Transaction, school: str) -> None:
    writing.create(writer(tx), people.schools, {"name": "0"}, school)


def rename(tx: Transaction, school: str, name: str) -> None:
    writing.change(writer(tx), people.schools, school, {"name": name}, lambda row: None)


def count(tx: Transaction, school: str) -> None:
    """Add one to the number that is the school's name."""
    found = people.schools.locked(tx, school)
    assert found is not None
    rename(tx, school, str(int(found[1]["name"]) + 1))


def ids(page: feed.Page) -> list[str]:
    return [change["resource_id"] for change in page.changes]


def positions(page: feed.Page) -> list[int]:
    return [change["position"] for change in page.changes]


def test_a_change_has_its_author_and_both_rows(gradebook: Database) -> None:
    make(gradebook, "s1")
    gradebook.run(lambda tx: rename(tx, "s1", "another"))
    created, updated = feed.page(gradebook, 10).changes
    assert (created["position"], created["action"], created["before"]) == (1, "create", None)
    assert (updated["position"], updated["action"]) == (2, "update")
    assert (updated["token_id"], updated["request_id"]) == ("a-token", "a-request")
    assert (updated["resource"], updated["resource_id"]) == ("schools", "s1")
    before, after = documents.loads(updated["before"]), documents.loads(updated["after"])
    assert documents.loads(created["after"]) == before
    assert (before["name"], after["name"]) == ("0", "another")


def test_what_is_not_committed_is_not_there_and_holds_up_nothing(gradebook: Database) -> None:
    """The first to write commits last: it comes after those that were read meanwhile."""
    make(gradebook, "slow", "quick")
    start = feed.end(gradebook)
    with ThreadPoolExecutor(1) as other, gradebook.transaction() as tx:
        rename(tx, "slow", "1")
        for name in ("1", "2"):
            other.submit(gradebook.run, partial(rename, school="quick", name=name)).result()
        seen = other.submit(feed.page, gradebook, 10, start).result()
        assert (ids(seen), positions(seen)) == (["quick", "quick"], [3, 4])
    later = feed.page(gradebook, 10, seen.position)
    assert (ids(later), positions(later)) == (["slow"], [5])
    assert ids(feed.page(gradebook, 10, start)) == ["quick", "quick", "slow"]


def test_a_writer_waits_for_no_reader(gradebook: Database) -> None:
    make(gradebook, "s1")
    assert feed.end(gradebook) == 1  # the very first position locks a gap, where reads are repeatable
    make(gradebook, "s2")
    with ThreadPoolExecutor(1) as other, gradebook.transaction() as tx:
        assert feed._give_positions(tx).position == 2
        other.submit(gradebook.run, lambda tx: rename(tx, "s1", "1")).result()
    assert ids(feed.page(gradebook, 10)) == ["s1", "s2", "s1"]


def test_two_readers_give_no_position_twice(gradebook: Database) -> None:
    """The second waits for the first, and sees what that has given although it began before."""
    make(gradebook, "s1", "s2")
    with ThreadPoolExecutor(1) as other:
        with gradebook.transaction() as tx:
            assert feed._give_positions(tx).position == 2
            waiting = other.submit(feed.page, gradebook, 10)
            _wait_until(lambda: _is_awaited(tx))
        assert positions(waiting.result()) == [1, 2]
    assert positions(feed.page(gradebook, 10)) == [1, 2]


def test_a_reader_that_is_undone_has_given_nothing(gradebook: Database) -> None:
    make(gradebook, "s1", "s2")
    with suppress(ZeroDivisionError), gradebook.transaction() as tx:
        assert feed._give_positions(tx).position == 2
        raise ZeroDivisionError
    make(gradebook, "s3")
    assert positions(feed.page(gradebook, 10)) == [1, 2, 3]


def test_a_page_that_is_not_full_has_everything(gradebook: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many transactions it takes to give positions to all that waits, within bounds."""
    monkeypatch.setattr(feed, "AT_ONCE", 3)
    make(gradebook, *(f"s{number:02}" for number in range(11)))
    assert ids(feed.page(gradebook, 10, scope=Scope("schools", "s10"))) == ["s10"]
    monkeypatch.setattr(feed, "MOST_RUNS", 2)
    make(gradebook, *(f"t{number:02}" for number in range(9)))
    with pytest.raises(Behind):
        feed.page(gradebook, 10, scope=Scope("schools", "t08"))
    assert ids(feed.page(gradebook, 10, scope=Scope("schools", "t08"))) == ["t08"], "the next gets further"
    make(gradebook, *(f"u{number:02}" for number in range(7)))
    with pytest.raises(Behind):
        feed.end(gradebook)
    assert feed.end(gradebook) == 27


def test_pages_follow_each_other(gradebook: Database) -> None:
    names = [f"s{number}" for number in range(7)]
    make(gradebook, *names)
    seen, after = [], None
    while True:
        page = feed.page(gradebook, 3, after)
        seen += ids(page)
        after = page.position
        if len(page.changes) < 3:
            break
    assert seen == names
    assert feed.page(gradebook, 3, after) == feed.Page([], 7)


def test_a_narrowed_feed_moves_on_over_what_is_not_in_it(gradebook: Database) -> None:
    make(gradebook, "s1", "s2", "s1-b")
    for name in ("a", "b"):
        gradebook.run(partial(rename, school="s1", name=name))
    page = feed.page(gradebook, 10, scope=Scope("schools", "s1"))
    assert (ids(page), positions(page), page.position) == (["s1"] * 3, [1, 4, 5], 5)
    assert feed.page(gradebook, 2, scope=Scope("schools", "s1")).position == 4
    assert feed.page(gradebook, 10, scope=Scope("users")) == feed.Page([], 5)


def test_students_are_found_as_students_and_as_users(gradebook: Database) -> None:
    make(gradebook, "s1")
    fields = {"school_id": "s1", "name": "A"}

    def people_of(tx: Transaction) -> None:
        writing.create(writer(tx), people.students, fields, "ann")
        writing.create(writer(tx), people.users, {**fields, "role": "student"}, "bob")
        writing.create(writer(tx), people.users, {**fields, "role": "teacher"}, "eve")
        writing.delete(writer(tx), people.users, "bob", lambda row: None)

    gradebook.run(people_of)
    assert ids(feed.page(gradebook, 10, scope=Scope("users"))) == ["ann", "bob", "eve", "bob"]
    assert ids(feed.page(gradebook, 10, scope=Scope("students"))) == ["ann", "bob", "bob"]
    assert ids(feed.page(gradebook, 10, scope=Scope("students", "eve"))) == []


def test_pruning_ends_at_the_first_that_is_kept(gradebook: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed, "PRUNED_AT_ONCE", 2)
    names = [f"s{number}" for number in range(8)]
    make(gradebook, *names)
    now = datetime.now(UTC).replace(tzinfo=None)

    def age(tx: Transaction) -> None:
        for school in ("s0", "s1", "s2", "s3", "s4", "s6"):
            old = now - timedelta(days=400)
            tx.execute("UPDATE changes SET occurred_at = %s WHERE resource_id = %s", (old, school))

    gradebook.run(age)
    before = now - timedelta(days=365)
    assert feed.prune(gradebook, before) == 5, "s6 is old, and comes after s5, which is not"
    assert feed.prune(gradebook, before) == 0
    assert positions(feed.page(gradebook, 10)) == [6, 7, 8], "without a position: what is kept"
    assert positions(feed.page(gradebook, 10, 5)) == [6, 7, 8]
    for scope in (EVERYTHING, Scope("schools"), Scope("users")):
        with pytest.raises(Gone):
            feed.page(gradebook, 10, 4, scope)
    assert feed.prune(gradebook, now + timedelta(days=1)) == 3
    make(gradebook, "later")
    assert positions(feed.page(gradebook, 10)) == [9], "no position is given again"


def test_a_position_that_the_feed_never_reached_is_gone(gradebook: Database) -> None:
    """A server that has lost what was committed would give it to something else."""
    make(gradebook, "s1")
    assert feed.end(gradebook) == 1
    with pytest.raises(Gone):
        feed.page(gradebook, 10, 2)


def test_nothing_new_costs_one_statement_and_no_write(
    gradebook: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(gradebook, "s1")
    after = feed.page(gradebook, 10).position
    monkeypatch.setattr(gradebook, "run", None)
    uses = _uses(gradebook)
    assert feed.page(gradebook, 10, after).changes == []
    assert _uses(gradebook) == uses + 1


def test_while_no_server_takes_writes_what_has_a_position_is_read(database: Database, server: Server) -> None:
    make(database, "s1")
    end = feed.end(database)
    impatient = Database(database.address, patience=0.2, session=SESSION)
    try:
        server.execute("SET GLOBAL read_only = 1")
        assert impatient.read("SELECT @@global.read_only") == ((1,),)
        assert feed.page(impatient, 10, end) == feed.Page([], end)
        assert ids(feed.page(impatient, 10)) == ["s1"]
        server.execute("SET GLOBAL read_only = 0")
        make(database, "s2")
        server.execute("SET GLOBAL read_only = 1")
        reader = Database(database.address, patience=0.2, session=SESSION)
        try:
            assert ids(feed.page(reader, 1)) == ["s1"], "the page is full"
            with pytest.raises(DatabaseUnavailable):
                feed.page(reader, 10)
        finally:
            reader.close()
    finally:
        server.execute("SET GLOBAL read_only = 0")
        impatient.close()
    assert ids(feed.page(database, 10)) == ["s1", "s2"]


class Load:
    """Writers that count in schools' names, readers that follow, and a killer of connections.

    The truth at the end is not what threads remember but what the tables have.
    """

    SCHOOLS = tuple(f"school-{number}" for number in range(8))
    WRITERS, READERS, TRANSACTIONS = 8, 4, 40

    def __init__(self, database: Database, server: Server, name: str) -> None:
        self.database = database
        self.server = server
        self.name = name
        self.done = threading.Event()
        self.undone = self.killed = 0

    def write(self, seed: int) -> None:
        """Transactions of all sorts: short and long, of one school or of several, a fifth of them undone."""
        chance = random.Random(seed)
        for _ in range(self.TRANSACTIONS):
            with suppress(err.Error, ZeroDivisionError):
                self.database.run(lambda tx: self._some(tx, chance))

    def _some(self, tx: Transaction, chance: random.Random) -> None:
        for school in chance.sample(self.SCHOOLS, chance.choice((1, 1, 2, 3))):
            count(tx, school)
            time.sleep(chance.choice((0, 0, 0.002, 0.02)))
        time.sleep(chance.choice((0, 0, 0, 0.01, 0.05)) if chance.random() < 0.98 else 1.0)
        if chance.random() < 0.2:
            self.undone += 1
            raise ZeroDivisionError

    def read(self, seed: int) -> list[tuple[int, str, str]]:
        """Follow the feed to its end after the last writer's; each change as position, school, number."""
        chance = random.Random(seed)
        seen: list[tuple[int, str, str]] = []
        after = None
        while True:
            last, limit = self.done.is_set(), chance.choice((1, 3, 10, 100))
            try:
                page = feed.page(self.database, limit, after)
            except err.Error:
                continue
            for change in page.changes:
                name = documents.loads(change["after"])["name"]
                seen.append((change["position"], change["resource_id"], name))
            after = page.position
            if last and len(page.changes) < limit:
                return seen

    def kill(self) -> None:
        """End a connection every now and then, whoever's it is, whatever it is at."""
        chance = random.Random(0)
        while not self.done.wait(0.1):
            listed = self.server.execute(
                f"SELECT id FROM information_schema.processlist WHERE db = '{self.name}'"
            )
            if listed:
                with suppress(err.Error):
                    self.server.execute(f"KILL {chance.choice(listed)[0]}")
                    self.killed += 1

    def run(self) -> list[list[tuple[int, str, str]]]:
        """What each reader saw."""
        with ThreadPoolExecutor(self.WRITERS + self.READERS + 1) as pool:
            killer = pool.submit(self.kill)
            readers = [pool.submit(self.read, seed) for seed in range(self.READERS)]
            try:
                for one in [pool.submit(self.write, seed) for seed in range(self.WRITERS)]:
                    one.result()
            finally:
                self.done.set()
            killer.result()
            return [one.result() for one in readers]


def test_every_reader_sees_every_committed_change_once_and_in_order(gradebook: Database, server: Server) -> None:
    make(gradebook, *Load.SCHOOLS)
    load = Load(gradebook, server, "studentapi_test")
    seen = load.run()
    assert all(one == seen[0] for one in seen), "all readers saw the same"
    assert [position for position, _, _ in seen[0]] == list(range(1, len(seen[0]) + 1)), "without a gap"
    counted: dict[str, Any] = dict(gradebook.read("SELECT public_id, name FROM schools"))
    for school in Load.SCHOOLS:
        numbers = [int(name) for _, one, name in seen[0] if one == school]
        assert numbers == list(range(int(counted[school]) + 1)), "each resource in the order of commits"
    changes = len(seen[0])
    last = gradebook.read("SELECT MAX(id) FROM changes")[0][0]
    assert last > changes, "transactions were undone: there are holes in the ids"
    assert min(load.undone, load.killed) > 0, "or the load was none"


def _uses(database: Database) -> int:
    return sum(shown.uses for shown in database.observation.connections())


def _is_awaited(tx: Transaction) -> bool:
    """Whether somebody waits for the lock of the feed."""
    return bool(
        tx.read(
            "SELECT 1 FROM information_schema.processlist WHERE info LIKE %s AND info NOT LIKE %s",
            ("%FROM change_feed%FOR UPDATE", "%processlist%"),
        )
    )


def _wait_until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)
