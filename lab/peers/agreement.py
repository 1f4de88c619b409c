"""Does a peer answer what studentapi answers? Asked before anything is measured."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import quote

from lab.peers.agreement_of_recordings import recordings
from lab.peers.asking import Answer, Asking, Disagreement, refused, same
from lab.peers.data import LESSER
from lab.peers.outsiders import turned_away

if TYPE_CHECKING:
    from collections.abc import Callable

    from lab.peers import Peer, Route
    from lab.peers.data import Dataset

ASKED = 60
"""Students and chapters, and classes and chapters, that are compared."""
PAGES = 3
_CITIES = (("london", 'City "london" is #312'), ("A Coruña (La Coruña)", 'City "A Coruña (La Coruña)" is #1'))


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
        "recording": recordings,
        "statistics": _statistics,
    }
    for route, check in checks.items():
        if route in peer.routes:
            try:
                check(theirs, ours, dataset)
            except Disagreement as error:
                raise Disagreement(f"{peer.title}, {route}: {error}") from None


def _city(theirs: Asking, _: Asking, __: Dataset) -> None:
    for name, text in _CITIES:
        path = f"/?city={quote(name)}"
        same(path, theirs.get(path), Answer(200, text))
    refused("an unknown city", theirs.get("/?city=Atlantis"), 404)


def _assessment_data(theirs: Asking, ours: Asking, dataset: Dataset) -> None:
    paths = dataset.paths("assessment-data")[:ASKED]
    for path in [*paths, _path_of_student("bench-1", "bench-1"), _path_of_student("bench-1", "AAA-1")]:
        same(path, theirs.get(path), ours.get(path))
    turned_away(theirs, paths[0])
    own = _path_of_student("bench-1", "bench-1")
    same(f"{own}, bound to it", theirs.get(own, LESSER["bound"]), ours.get(own))
    student, chapter = dataset.students[0]
    # a framework may take what is no id for a wrong value or for a wrong path
    malformed = (404, 422)
    for path in (_path_of_student("nobody", chapter), _path_of_student(student, "nothing")):
        refused(path, theirs.get(path), 404)
    for path in (_path_of_student("%27", chapter), _path_of_student("x" * 65, chapter)):
        refused(path, theirs.get(path), *malformed)


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
        same(f"{first}, page {page + 1}", items[0], items[1])
        paths = [f"{first}&cursor={quote(answer.body['next_cursor'])}" for answer in pair]
    turned_away(theirs, first)
    for path in ("/api/v1/attempts?limit=0", "/api/v1/attempts?limit=501", "/api/v1/attempts?limit=x"):
        refused(path, theirs.get(path), 422)


def _statistics(theirs: Asking, ours: Asking, dataset: Dataset) -> None:
    paths = dataset.paths("statistics")[:ASKED]
    for path in [*paths, _path_of_class("bench-2026", "bench-1"), _path_of_class("bench-2026", "AAA-1")]:
        same(path, theirs.get(path), ours.get(path))
    turned_away(theirs, paths[0])
    class_, chapter = dataset.classes[0]
    for path in (_path_of_class("nothing", chapter), _path_of_class(class_, "nothing")):
        refused(path, theirs.get(path), 404)


def _path_of_class(class_: str, chapter: str) -> str:
    return f"/api/v1/classes/{class_}/chapters/{chapter}/statistics"
