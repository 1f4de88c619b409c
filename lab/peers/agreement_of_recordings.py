"""Does a peer record attempts as studentapi does, and what counts of them with it?"""

from __future__ import annotations

import re
from contextlib import closing
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any

from lab.peers.asking import Answer, Disagreement, refused, same
from lab.peers.data import CHAPTER, CHOICES, CLASS
from lab.peers.outsiders import turned_away
from studentapi.mysql.address import Address
from studentapi.mysql.connection import open_connection

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lab.peers.asking import Asking
    from lab.peers.data import Dataset
    from studentapi.mysql.connection import Connection

PAIRS = 20
"""Students and quizzes of whom an attempt is recorded by both."""
QUIET_SECONDS, QUIET_MOST = 0.3, 10.0
"""For so long nobody else has to have recorded, of so long at the most."""
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?Z")
_OF_ITS_OWN = ("id", "number", "graded_at", "created_at", "updated_at")
"""What two recordings of one attempt differ in."""
_RESULT = """
    student_id = (SELECT id FROM users WHERE public_id = %s)
    AND assessment_id = (SELECT id FROM assessments WHERE public_id = %s)"""
# nobody gets such a percent of ten points
_SPOILING = (f"DELETE FROM results WHERE {_RESULT}", f"UPDATE results SET percent = 0.0001 WHERE {_RESULT}")


def recordings(theirs: Asking, ours: Asking, dataset: Dataset) -> None:
    """Record the same by both, and hold against each other what is answered and kept; raises `Disagreement`."""
    path = dataset.paths("recording")[0]
    with closing(open_connection(Address.parse(dataset.url))) as connection:
        _await_quiet(connection)
        for place, body in enumerate(dataset.recordings[:: len(dataset.recordings) // PAIRS]):
            our = _recorded(ours, path, body)
            counting = _counting(ours, body)
            connection.fetch(_SPOILING[place % 2], [body["student_id"], body["assessment_id"]])
            their = _recorded(theirs, path, body)
            _alike(path, their, our)
            _kept(ours, our["id"], their["id"])
            _counted(ours, body, their)
            for where, before in counting.items():
                same(f"after POST {path}, {where}", ours.get(where), before)
    _best(theirs, ours, path, dataset.recordings[0])
    _wrong(theirs, path, dataset.recordings[0], dataset.students[0][0])
    turned_away(theirs, path, dataset.recordings[0])


def _await_quiet(connection: Connection) -> None:
    """Return once nobody records: an app that was under load answers on for a moment."""
    deadline = monotonic() + QUIET_MOST
    before = None
    while (now := connection.fetch("SELECT MAX(id) FROM attempts").rows) != before and monotonic() < deadline:
        before = now
        sleep(QUIET_SECONDS)


def _recorded(asking: Asking, path: str, body: dict[str, Any]) -> Any:
    answer = asking.post(path, body)
    refused(f"POST {path}", answer, 201)
    return answer.body


def _alike(path: str, their: Any, our: Any) -> None:
    alike = [{**one, **dict.fromkeys(_OF_ITS_OWN)} for one in (their, our)]
    same(f"POST {path}", Answer(201, alike[0]), Answer(201, alike[1]))
    for name in ("graded_at", "created_at", "updated_at"):
        if not _TIME.fullmatch(their[name]):
            raise Disagreement(f"POST {path}: {name} is {their[name]!r}")
    if their["number"] != our["number"] + 1:
        raise Disagreement(f"POST {path}: number is {their['number']} after {our['number']}")


def _kept(ours: Asking, our_id: str, their_id: str) -> None:
    """What the database has of an attempt, as studentapi reads it."""
    for suffix in ("", "/responses"):
        our, their = (ours.get(f"/api/v1/attempts/{one}{suffix}") for one in (our_id, their_id))
        without = [
            Answer(one.status, {**one.body, **dict.fromkeys((*_OF_ITS_OWN, "attempt_id"))})
            for one in (their, our)
        ]
        same(f"the attempt{suffix} that it keeps", without[0], without[1])


def _counting(ours: Asking, body: dict[str, Any]) -> dict[str, Answer]:
    """The student's progress and the class's statistics: the same attempt once more leaves both as they are."""
    paths = (
        f"/api/v1/students/{body['student_id']}/progress",
        f"/api/v1/classes/{CLASS}/chapters/{CHAPTER}/statistics",
    )
    return {path: ours.get(path) for path in paths}


def _counted(ours: Asking, body: dict[str, Any], their: Any) -> None:
    """The best percent counts, and the attempt is seen by whoever reads next."""
    path = f"/api/v1/students/{body['student_id']}/chapters/{CHAPTER}/assessment-data"
    assessments = ours.get(path).body["assessments"]
    (found,) = [one for one in assessments if one["id"] == body["assessment_id"]]
    percents = [attempt["percent"] for attempt in found["attempts"]]
    if found["attempts"][-1]["number"] != their["number"] or found["percent"] != max(percents):
        raise Disagreement(f"{path} has {found['percent']} of {percents} after attempt {their['number']}")


def _best(theirs: Asking, ours: Asking, path: str, body: dict[str, Any]) -> None:
    """A better attempt counts, and goes on to when a worse one follows."""
    items = len(body["responses"])
    for right in (items, items // 2):
        answers = [CHOICES[(number + (number > right)) % len(CHOICES)] for number in range(1, items + 1)]
        responses = [{**one, "answer": two} for one, two in zip(body["responses"], answers, strict=True)]
        their = _recorded(theirs, path, {**body, "responses": responses})
        if their["score"] != right:
            raise Disagreement(f"POST {path}: the score of {right} right answers is {their['score']}")
        _counted(ours, body, their)


def _wrong(theirs: Asking, path: str, body: dict[str, Any], stranger: str) -> None:
    """`stranger` is a student who is not in the class."""
    first, *others = body["responses"]
    wrong: Sequence[tuple[dict[str, Any], tuple[int, ...]]] = (
        ({"assessment_id": "nothing"}, (422, 409)),
        ({"student_id": "nobody"}, (422, 409)),
        ({"student_id": stranger}, (409,)),
        ({"student_id": "'"}, (422,)),
        ({"submitted_at": "yesterday"}, (422,)),
        ({"unknown": 1}, (422,)),
        ({"responses": [{**first, "item_id": "nothing"}, *others]}, (422,)),
        ({"responses": [{**first, "answer": "z"}, *others]}, (422,)),
        ({"responses": [first, first]}, (422,)),
    )
    for change, statuses in wrong:
        refused(f"POST {path} with {change}", theirs.post(path, {**body, **change}), *statuses)
