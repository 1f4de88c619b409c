"""A typical request of each route of the API, by method and rule; `: what` behind, where there are several."""

from __future__ import annotations

from typing import TYPE_CHECKING

from studentapi.gradebook.registry import RESOURCES
from tests.cost import resources
from tests.cost.school import ANY, DONE, QUESTIONS, V1, Request, School

if TYPE_CHECKING:
    from collections.abc import Callable

ROWS = 4
"""Of a request that writes many."""
_ONE = f"{V1}/attempts/{{public_id}}"
_DATA = "/students/{student_id}/chapters/{chapter_id}/assessment-data"
_IMPORTS = {
    "students": ("id,school_id,name", "{},schools-1,Ann"),
    "enrollments": ("id,class_id,user_id,role,enrolled_on,withdrawn_on", ",classes-1,{},student,,"),
    "assessments": (
        "id,class_id,chapter_id,title,category,weight,points_max,due_at,counted,attempts_allowed",
        "{},classes-1,chapters-1,Test,test,1,10,2026-10-01T12:00:00Z,best,",
    ),
    "attempts": (
        "id,assessment_id,student_id,started_at,submitted_at,score",
        f",quiz,{{}},,{DONE},7",
    ),
}
"""Header and row of each file that comes in; the row has one id of its own."""


def rule_of(name: str) -> str:
    """Method and rule of a case."""
    return name.partition(": ")[0]


def _second_page(school: School) -> Request:
    page = school.done("GET", Request.of(f"{V1}/attempts", query_string={"limit": 2}))
    return Request.of(f"{V1}/attempts", query_string={"limit": 2, "cursor": page["next_cursor"]})


def _data(school: School) -> str:
    return f"{V1}/students/{school.students[0]}/chapters/chapters-1/assessment-data"


def _unchanged(school: School) -> Request:
    tag = school.client.get(_data(school)).headers["ETag"]
    return Request.of(_data(school), 304, headers={"If-None-Match": tag})


def _keyed(school: School, *, sent: bool = False) -> Request:
    key = {"Idempotency-Key": school.fresh("keys")}
    request = Request.of(f"{V1}/attempts", 201, json=school.recorded(), headers=key)
    if sent:
        school.done("POST", request)
    return request


def _replaced(school: School) -> Request:
    student = school.student()
    return Request.of(school.attempt(student), json=school.recorded(student, answer="b"), headers=ANY)


def _step(name: str, body: object = None) -> Callable[[School], Request]:
    """A step of an attempt that was recorded, or, to be submitted, begun and answered."""

    def case(school: School) -> Request:
        path = school.attempt(begun=name == "submit")
        if name == "submit":
            school.done("PUT", _saving(path))
        if name == "reinstate":
            school.done("POST", Request.of(f"{path}/exempt"))
        return Request.of(f"{path}/{name}", json=body)

    return case


def _saving(path: str) -> Request:
    answers = [{"item_id": item, "answer": "a"} for item in QUESTIONS]
    return Request.of(f"{path}/responses", json={"responses": answers}, headers=ANY)


def _bulk(school: School) -> Request:
    rows = [{**school.begun(), "submitted_at": DONE, "score": 7} for _ in range(ROWS)]
    return Request.of(f"{V1}/bulk/attempts", json={"attempts": rows})


def _import(plural: str) -> Callable[[School], Request]:
    def case(school: School) -> Request:
        header, row = _IMPORTS[plural]
        if plural in ("enrollments", "attempts"):
            ids = [school.student(enrolled=plural == "attempts") for _ in range(ROWS)]
        else:
            ids = [school.fresh(plural) for _ in range(ROWS)]
        file = "\r\n".join([header, *(row.format(one) for one in ids), ""])
        return Request.of(f"{V1}/import/{plural}", data=file, content_type="text/csv")

    return case


def _get(path: str) -> Callable[[School], Request]:
    return lambda _: Request.of(path)


CASES: dict[str, Callable[[School], Request]] = {
    # what the service is for
    f"GET {V1}{_DATA}": lambda school: Request.of(_data(school)),
    f"GET {V1}{_DATA}: not changed": _unchanged,
    "POST /students/{student_id}/at-data": lambda school: Request.of(
        f"/students/{school.students[0]}/at-data", json={"chapterId": "chapters-1"}
    ),
    f"GET {V1}/students/{{student_id}}/progress": lambda school: Request.of(
        f"{V1}/students/{school.students[0]}/progress"
    ),
    f"GET {V1}/classes/{{class_id}}/chapters/{{chapter_id}}/statistics": _get(
        f"{V1}/classes/classes-1/chapters/chapters-1/statistics"
    ),
    f"GET {V1}/classes/{{class_id}}/heatmap": _get(f"{V1}/classes/classes-1/heatmap"),
    f"GET {V1}/classes/{{class_id}}/at-risk": _get(f"{V1}/classes/classes-1/at-risk"),
    f"GET {V1}/assessments/{{assessment_id}}/item-analysis": _get(f"{V1}/assessments/quiz/item-analysis"),
    # attempts
    f"GET {V1}/attempts": lambda _: Request.of(f"{V1}/attempts", query_string={"limit": 2}),
    f"GET {V1}/attempts: next page": _second_page,
    f"GET {_ONE}": lambda school: Request.of(school.attempt()),
    f"GET {_ONE}/responses": lambda school: Request.of(school.attempt() + "/responses"),
    f"POST {V1}/attempts: begun": lambda school: Request.of(f"{V1}/attempts", 201, json=school.begun()),
    f"POST {V1}/attempts: recorded": lambda school: Request.of(f"{V1}/attempts", 201, json=school.recorded()),
    f"POST {V1}/attempts: recorded, Idempotency-Key": _keyed,
    f"POST {V1}/attempts: repeated, Idempotency-Key": lambda school: _keyed(school, sent=True),
    f"PUT {_ONE}: made": lambda school: Request.of(
        f"{V1}/attempts/{school.fresh('attempts')}", 201, json=school.recorded()
    ),
    f"PUT {_ONE}: replaced": _replaced,
    f"PATCH {_ONE}": lambda school: Request.of(school.attempt(), json={"score": 3}, headers=ANY),
    f"DELETE {_ONE}": lambda school: Request.of(school.attempt(), 204, headers=ANY),
    f"PUT {_ONE}/responses": lambda school: _saving(school.attempt(begun=True)),
    f"POST {_ONE}/submit": _step("submit"),
    f"POST {_ONE}/grade": _step("grade", {"score": 5}),
    f"POST {_ONE}/exempt": _step("exempt"),
    f"POST {_ONE}/reinstate": _step("reinstate"),
    # many at once
    f"POST {V1}/bulk/attempts": _bulk,
    **{f"POST {V1}/import/{plural}": _import(plural) for plural in _IMPORTS},
    **{f"GET {V1}/export/{one.plural}": _get(f"{V1}/export/{one.plural}") for one in RESOURCES},
    f"GET {V1}/export/students": _get(f"{V1}/export/students"),
    f"GET {V1}/changes": lambda _: Request.of(f"{V1}/changes", query_string={"limit": 2}),
    # everything else that a school is made of
    **resources.cases(),
    # those who run it
    "GET /livez": _get("/livez"),
    "GET /readyz": _get("/readyz"),
    "GET /metrics": _get("/metrics"),
    f"GET {V1}/connections": _get(f"{V1}/connections"),
    "GET /openapi.json": _get("/openapi.json"),
    "GET /docs": _get("/docs"),
    "GET /docs/{name}": _get("/docs/docs.js"),
}
