"""Does a peer answer what studentapi answers? Asked before anything is measured."""

from __future__ import annotations

import http.client
import json
import re
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote, urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from lab.peers import Peer, Route
    from lab.peers.data import Dataset

ASKED = 60
"""Students and chapters, and classes and chapters, that are compared."""
PAGES = 3
_CITIES = (("london", 'City "london" is #312'), ("A Coruña (La Coruña)", 'City "A Coruña (La Coruña)" is #1'))
_NO_TOKEN = "studentapi_" + 43 * "x"
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?Z")
_OF_ITS_OWN = ("id", "number", "graded_at", "created_at", "updated_at")
"""What two recordings of one attempt differ in."""


class Disagreement(Exception):  # noqa: N818 - named for the condition
    """A peer answers something else than studentapi."""


class Answer(NamedTuple):
    """An answer; `body` is of JSON's types where it is JSON."""

    status: int
    body: Any


class Asking:
    """Requests to one service, with a token."""

    def __init__(self, url: str, token: str) -> None:
        self._address = urlsplit(url).netloc
        self._token = token

    def get(self, path: str, token: str | None = None) -> Answer:
        """GET."""
        return self._ask("GET", path, None, token)

    def post(self, path: str, body: Any, token: str | None = None) -> Answer:
        """POST of JSON."""
        return self._ask("POST", path, json.dumps(body).encode(), token)

    def _ask(self, method: str, path: str, body: bytes | None, token: str | None) -> Answer:
        connection = http.client.HTTPConnection(self._address, timeout=30)
        headers = {"Authorization": f"Bearer {token or self._token}", "Content-Type": "application/json"}
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            content = answer.read()
        finally:
            connection.close()
        is_json = "json" in (answer.headers.get("Content-Type") or "")
        return Answer(answer.status, json.loads(content) if is_json else content.decode())


def compare(peer: Peer, peer_url: str, service_url: str, dataset: Dataset) -> None:
    """Ask a peer and studentapi for the same, on the routes that the peer has; raises `Disagreement`.

    Both serve the database of `dataset`; what they record stays there. The addresses are as in
    `http://127.0.0.1:8000`. `service_url` is asked for everything but the city, whose answer is known.
    """
    theirs, ours = Asking(peer_url, dataset.token), Asking(service_url, dataset.token)
    checks: dict[Route, Callable[[Asking, Asking, Dataset], None]] = {
        "city": _city,
        "assessment-data": _assessment_data,
        "list": _list,
        "recording": _recording,
        "statistics": _statistics,
    }
    for route, check in checks.items():
        if route in peer.routes:
            try:
                check(theirs, ours, dataset)
            except Disagreement as error:
                raise Disagreement(f"{peer.title}, {route}: {error}") from None


def differences(theirs: Any, ours: Any, place: str = "") -> Iterator[str]:
    """Where two bodies differ, member by member; 1 and 1.0 are the same number, and true is none."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        for name in ours | theirs:
            if name not in ours or name not in theirs:
                yield f"{place}.{name} is there in one alone"
            else:
                yield from differences(theirs[name], ours[name], f"{place}.{name}")
    elif isinstance(ours, list) and isinstance(theirs, list):
        if len(ours) != len(theirs):
            yield f"{place} has {len(theirs)} for {len(ours)}"
        for index, (one, other) in enumerate(zip(theirs, ours, strict=False)):
            yield from differences(one, other, f"{place}[{index}]")
    elif theirs != ours or isinstance(theirs, bool) is not isinstance(ours, bool):
        yield f"{place} is {theirs!r} for {ours!r}"


def _same(path: str, theirs: Answer, ours: Answer) -> None:
    if theirs.status != ours.status:
        raise Disagreement(f"{path} is {theirs.status} for {ours.status}: {theirs.body}")
    # what is said of a refusal is everybody's own
    found = list(differences(theirs.body, ours.body)) if ours.status < HTTPStatus.BAD_REQUEST else []
    if found:
        raise Disagreement(f"{path}: {'; '.join(found[:5])}")


def _refused(path: str, answer: Answer, *statuses: int) -> None:
    if answer.status not in statuses:
        raise Disagreement(f"{path} is {answer.status} for {statuses[0]}: {answer.body}")


def _city(theirs: Asking, _: Asking, __: Dataset) -> None:
    for name, text in _CITIES:
        path = f"/?city={quote(name)}"
        _same(path, theirs.get(path), Answer(200, text))
    _refused("an unknown city", theirs.get("/?city=Atlantis"), 404)


def _assessment_data(theirs: Asking, ours: Asking, dataset: Dataset) -> None:
    paths = dataset.paths("assessment-data")[:ASKED]
    for path in [*paths, _path_of_student("bench-1", "bench-1"), _path_of_student("bench-1", "AAA-1")]:
        _same(path, theirs.get(path), ours.get(path))
    _strangers(theirs, paths[0])
    student, chapter = dataset.students[0]
    # a framework may take what is no id for a wrong value or for a wrong path
    malformed = (404, 422)
    for path in (_path_of_student("nobody", chapter), _path_of_student(student, "nothing")):
        _refused(path, theirs.get(path), 404)
    for path in (_path_of_student("%27", chapter), _path_of_student("x" * 65, chapter)):
        _refused(path, theirs.get(path), *malformed)


def _path_of_student(student: str, chapter: str) -> str:
    return f"/api/v1/students/{student}/chapters/{chapter}/assessment-data"


def _list(theirs: Asking, ours: Asking, dataset: Dataset) -> None:
    first = dataset.paths("list")[0]
    paths = [first, first]
    for page in range(PAGES):
        pair = [asking.get(path) for asking, path in zip((theirs, ours), paths, strict=True)]
        if any(answer.status != HTTPStatus.OK or not answer.body["next_cursor"] for answer in pair):
            raise Disagreement(f"{first}, page {page + 1}: {[answer.status for answer in pair]}, or no cursor")
        items = [Answer(answer.status, answer.body["items"]) for answer in pair]
        _same(f"{first}, page {page + 1}", items[0], items[1])
        paths = [f"{first}&cursor={quote(answer.body['next_cursor'])}" for answer in pair]
    _strangers(theirs, first)
    for path in ("/api/v1/attempts?limit=0", "/api/v1/attempts?limit=501", "/api/v1/attempts?limit=x"):
        _refused(path, theirs.get(path), 422)


def _statistics(theirs: Asking, ours: Asking, dataset: Dataset) -> None:
    paths = dataset.paths("statistics")[:ASKED]
    for path in [*paths, _path_of_class("bench-2026", "bench-1"), _path_of_class("bench-2026", "AAA-1")]:
        _same(path, theirs.get(path), ours.get(path))
    _strangers(theirs, paths[0])
    class_, chapter = dataset.classes[0]
    for path in (_path_of_class("nothing", chapter), _path_of_class(class_, "nothing")):
        _refused(path, theirs.get(path), 404)


def _path_of_class(class_: str, chapter: str) -> str:
    return f"/api/v1/classes/{class_}/chapters/{chapter}/statistics"


def _recording(theirs: Asking, ours: Asking, dataset: Dataset) -> None:
    path = dataset.paths("recording")[0]
    for body in dataset.recordings[:: len(dataset.recordings) // 20]:
        made = [asking.post(path, body) for asking in (ours, theirs)]
        if [answer.status for answer in made] != [201, 201]:
            raise Disagreement(f"POST {path} is {made[1].status}: {made[1].body}")
        our, their = (answer.body for answer in made)
        alike = [{**one, **dict.fromkeys(_OF_ITS_OWN)} for one in (their, our)]
        _same(f"POST {path}", Answer(201, alike[0]), Answer(201, alike[1]))
        for name in ("graded_at", "created_at", "updated_at"):
            if not _TIME.fullmatch(their[name]):
                raise Disagreement(f"POST {path}: {name} is {their[name]!r}")
        if their["number"] != our["number"] + 1:
            raise Disagreement(f"POST {path}: number is {their['number']} after {our['number']}")
        _kept(ours, our["id"], their["id"])
        _counted(ours, body, their)
    _wrong_recordings(theirs, path, dataset.recordings[0], dataset.students[0][0])


def _kept(ours: Asking, our_id: str, their_id: str) -> None:
    """What the database has of an attempt, as studentapi reads it."""
    for suffix in ("", "/responses"):
        our, their = (ours.get(f"/api/v1/attempts/{one}{suffix}") for one in (our_id, their_id))
        without = [
            Answer(one.status, {**one.body, **dict.fromkeys((*_OF_ITS_OWN, "attempt_id"))})
            for one in (their, our)
        ]
        _same(f"the attempt{suffix} that it keeps", without[0], without[1])


def _counted(ours: Asking, body: Any, their: Any) -> None:
    """The best percent counts, and the attempt is seen by whoever reads next."""
    path = _path_of_student(body["student_id"], "bench-1")
    assessments = ours.get(path).body["assessments"]
    (found,) = [one for one in assessments if one["id"] == body["assessment_id"]]
    percents = [attempt["percent"] for attempt in found["attempts"]]
    if found["attempts"][-1]["number"] != their["number"] or found["percent"] != max(percents):
        raise Disagreement(f"{path} has {found['percent']} of {percents} after attempt {their['number']}")


def _wrong_recordings(theirs: Asking, path: str, body: dict[str, Any], stranger: str) -> None:
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
        _refused(f"POST {path} with {change}", theirs.post(path, {**body, **change}), *statuses)
    _refused(f"POST {path} of a stranger", theirs.post(path, body, _NO_TOKEN), 401)


def _strangers(theirs: Asking, path: str) -> None:
    _refused(f"{path} for a stranger", theirs.get(path, _NO_TOKEN), 401)
