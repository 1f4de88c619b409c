"""A small school, and whoever a typical request needs besides."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, Any, NamedTuple

from tests.api.school import make, make_all

if TYPE_CHECKING:
    from flask.testing import FlaskClient

V1 = "/api/v1"
ANY = {"If-Match": "*"}
DONE = "2026-09-20T10:00:00Z"
QUESTIONS = [f"q{position}" for position in range(1, 11)]
"""The items of the assessment `quiz`."""
_KEY = {"choices": [{"id": "a", "text": "3/4"}, {"id": "b", "text": "2/6"}], "correct": ["a"]}


class Request(NamedTuple):
    """What is asked, as werkzeug's test client takes it, and the status of the answer."""

    path: str
    options: dict[str, Any]
    status: int

    @classmethod
    def of(cls, path: str, status: int = 200, **options: Any) -> Request:
        """A request with these `options`."""
        return cls(path, options, status)


class School:
    """A class with a quiz of ten questions, and three students who have done it, each twice."""

    def __init__(self, client: FlaskClient) -> None:
        self.client = client
        self._numbers = count(1)
        make_all(client)
        make(client, "assessments", "quiz", title="Quiz", attempts_allowed=None)
        for position, item in enumerate(QUESTIONS, 1):
            question = {"kind": "single_choice", "prompt": "1/2 + 1/4?", "answer_key": _KEY, "points": 1}
            make(client, "items", item, assessment_id="quiz", position=position, **question)
        self.students = [self.student() for _ in range(3)]
        for student in self.students:
            self.attempt(student)
            self.attempt(student)

    def number(self) -> int:
        """A number that nobody was given before."""
        return next(self._numbers)

    def fresh(self, plural: str) -> str:
        """An id that nothing has."""
        return f"{plural}-{self.number():05}-fresh"

    def student(self, *, enrolled: bool = True) -> str:
        """A student more."""
        public_id = self.fresh("students")
        make(self.client, "students", public_id)
        if enrolled:
            make(self.client, "enrollments", self.fresh("enrollments"), user_id=public_id)
        return public_id

    def recorded(self, student: str | None = None, *, answer: str = "a") -> dict[str, Any]:
        """An attempt that a machine grades: a response to each question, right or wrong."""
        answers = [{"item_id": item, "answer": answer} for item in QUESTIONS]
        return {**self.begun(student), "submitted_at": DONE, "responses": answers}

    def begun(self, student: str | None = None) -> dict[str, Any]:
        """An attempt that begins; of another student, unless told whose."""
        return {"assessment_id": "quiz", "student_id": student or self.student()}

    def attempt(self, student: str | None = None, *, begun: bool = False) -> str:
        """The path of an attempt more."""
        told = self.begun(student) if begun else self.recorded(student)
        return f"{V1}/attempts/{self.done('POST', Request.of(f'{V1}/attempts', 201, json=told))['id']}"

    def done(self, method: str, request: Request) -> dict[str, Any]:
        """Send the request; returns what it is answered with."""
        answer = self.client.open(request.path, method=method, buffered=True, **request.options)
        assert answer.status_code == request.status, answer.get_data(as_text=True)
        return dict(answer.json or {}) if answer.is_json else {}
