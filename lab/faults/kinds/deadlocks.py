"""Deadlocks, of which the answer's transaction is always the victim."""

from __future__ import annotations

import threading
from contextlib import suppress
from time import monotonic
from typing import TYPE_CHECKING

from pymysql import err

from lab.faults.kinds.fault import Fault
from lab.faults.scene import wait_until

if TYPE_CHECKING:
    from lab.answers import Answer
    from lab.faults.scene import Scene
    from studentapi.mysql.connection import Connection

DURATION = 3.0
"""Seconds that it lasts."""


class Deadlocks(Fault):
    """Error 1213 to writers."""

    name = "deadlock"
    title = "deadlock while writing"
    story = (
        "A trigger keeps two totals up to date with each row, and another client updates the same two the other "
        "way round, for 3 seconds. InnoDB breaks each deadlock by undoing the smaller transaction: the answer's."
    )
    ballast = 60
    _met: set[str]

    def prepare(self, scene: Scene) -> None:
        self._met = set()
        for answer in scene.answers:
            name = answer.database
            values = ", ".join(f"({number}, 0)" for number in range(1, self.ballast + 3))
            scene.execute(
                f"CREATE TABLE `{name}`.total (id INT PRIMARY KEY, rows_seen INT NOT NULL) ENGINE = InnoDB",
                f"INSERT INTO `{name}`.total VALUES {values}",
                f"CREATE TRIGGER `{name}`.totals AFTER INSERT ON `{name}`.record FOR EACH ROW BEGIN "
                f"UPDATE `{name}`.total SET rows_seen = rows_seen + 1 WHERE id = 1; "
                f"UPDATE `{name}`.total SET rows_seen = rows_seen + 1 WHERE id = 2; END",
            )

    def inject(self, scene: Scene) -> None:
        over = monotonic() + DURATION
        rivals = [threading.Thread(target=self._rival, args=(scene, answer, over)) for answer in scene.answers]
        for rival in rivals:
            rival.start()
        for rival in rivals:
            rival.join()

    def touched(self, answer: Answer) -> bool:
        return answer.name in self._met

    def recover(self, scene: Scene) -> None:
        for answer in scene.answers:
            name = answer.database
            scene.execute(f"DROP TRIGGER IF EXISTS `{name}`.totals", f"DROP TABLE IF EXISTS `{name}`.total")

    def _rival(self, scene: Scene, answer: Answer, over: float) -> None:
        with suppress(err.Error), scene.administrator() as rival, scene.administrator() as watch:
            while monotonic() < over:
                with suppress(err.OperationalError):  # the victim, once in a while
                    self._collide(answer, rival, watch)
                rival.fetch("ROLLBACK")

    def _collide(self, answer: Answer, rival: Connection, watch: Connection) -> None:
        name = answer.database
        rival.fetch("BEGIN")
        # more rows changed than the answer's transaction: the smaller one is undone
        rival.fetch(f"UPDATE `{name}`.total SET rows_seen = rows_seen + 1 WHERE id >= 2")
        # until a writer has 1 and waits for 2
        seen = _Writers(watch, name)
        if wait_until(seen.one_waits, 1.0):
            rival.fetch(f"UPDATE `{name}`.total SET rows_seen = rows_seen + 1 WHERE id = 1")
            self._met.add(answer.name)


class _Writers:
    """Which writers of an answer are in a statement. One that is seen twice waits: nothing else takes so long."""

    def __init__(self, watch: Connection, database: str) -> None:
        self._watch = watch
        self._sql = (
            "SELECT id FROM information_schema.processlist "
            # not by their user: in a trigger it is the one who made it
            f"WHERE db = '{database}' AND command = 'Query' AND info NOT LIKE 'SELECT%'"
        )
        self._before: set[int] = set()

    def one_waits(self) -> bool:
        now = {int(number) for (number,) in self._watch.fetch(self._sql).rows}
        twice = bool(now & self._before)
        self._before = now
        return twice
