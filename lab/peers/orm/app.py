"""The app: its engine, who may ask, and the views that read."""

from __future__ import annotations

import os
from typing import Any

from flask import Flask, Response, abort, request
from pydantic import ValidationError
from sqlalchemy import func, or_, select
from sqlalchemy.orm import contains_eager, joinedload
from werkzeug.routing import BaseConverter

from lab.answers.configuration import connections, max_age, sqlalchemy_url
from lab.peers import DRIVER, attempts, bearers, figures, recording
from lab.peers.orm.models import (
    Assessment,
    Attempt,
    Chapter,
    City,
    Class,
    Course,
    Enrollment,
    Result,
    Token,
    User,
    db,
)
from lab.peers.orm.recording import record
from lab.peers.orm.statistics import statistics_of_students
from lab.peers.recording import Recording, Refused


class PublicId(BaseConverter):
    """`<id:…>` in a route."""

    regex = recording.ID


application = Flask(__name__)
application.url_map.converters["id"] = PublicId
application.config["SQLALCHEMY_DATABASE_URI"] = sqlalchemy_url(os.environ.get(DRIVER, "pymysql"))
application.config["SQLALCHEMY_ENGINE_OPTIONS"] = {
    "pool_size": connections(),
    "pool_recycle": max_age(),
    "isolation_level": "READ COMMITTED",
}
db.init_app(application)


def authorize(scope: str, student_id: str | None = None) -> None:
    """End the request unless the bearer may."""
    digest = bytes.fromhex(bearers.digest(request.headers.get("Authorization")))
    row = db.session.execute(
        select(Token.scopes, User.public_id)
        .outerjoin(User, User.id == Token.user_id)
        .where(
            Token.digest == digest,
            Token.deleted_at.is_(None),
            Token.revoked_at.is_(None),
            or_(Token.expires_at.is_(None), Token.expires_at > func.utc_timestamp(6)),
        )
    ).one_or_none()
    status = bearers.refusal(row, scope, student_id)
    if status is not None:
        abort(status)


def answer(body: Any, status: int = 200) -> Response:
    """JSON."""
    return Response(figures.dumps(body), status, content_type="application/json")


@application.get("/")
def city() -> tuple[str, int]:
    """The city's number."""
    name = request.args["city"]
    found = db.session.scalar(select(City).where(City.city == name).order_by(City.city_id).limit(1))
    if found is None:
        return f'City "{name}" not found', 404
    return f'City "{name}" is #{found.city_id}', 200


@application.get("/api/v1/students/<id:student_id>/chapters/<id:chapter_id>/assessment-data")
def assessment_data(student_id: str, chapter_id: str) -> Response:
    """A student's assessment data in a chapter."""
    authorize("read", student_id)
    student = db.session.scalar(
        select(User).where(User.public_id == student_id, User.role == "student", User.deleted_at.is_(None))
    )
    chapter = db.session.scalar(_chapter(chapter_id))
    if student is None or chapter is None:
        abort(404)
    rows = db.session.execute(
        select(Assessment, Result.percent)
        .join(Assessment.class_)
        .join(Enrollment, Enrollment.class_id == Class.id)
        .outerjoin(Result, (Result.assessment_id == Assessment.id) & (Result.student_id == student.id))
        .outerjoin(Assessment.attempts.and_(Attempt.student_id == student.id, Attempt.deleted_at.is_(None)))
        .options(contains_eager(Assessment.class_), contains_eager(Assessment.attempts))
        .where(
            Assessment.chapter_id == chapter.id,
            Assessment.deleted_at.is_(None),
            Class.deleted_at.is_(None),
            Enrollment.user_id == student.id,
            Enrollment.role == "student",
            Enrollment.deleted_at.is_(None),
        )
        .order_by(Assessment.due_at.is_(None), Assessment.due_at, Assessment.public_id, Attempt.number)
    ).unique()
    assessments = [_shown(assessment, percent) for assessment, percent in rows]
    return answer(
        {
            "student": {"id": student.public_id, "name": student.name},
            "chapter": {
                "id": chapter.public_id,
                "title": chapter.title,
                "course_id": chapter.course.public_id,
                "mastery_percent": chapter.mastery_percent,
            },
            "summary": figures.summary(assessments, float(chapter.mastery_percent), figures.utc_now()),
            "assessments": assessments,
        }
    )


@application.get("/api/v1/attempts")
def list_attempts() -> Response:
    """A page of attempts."""
    authorize("read")
    asked = attempts.asked(request.args.get("limit"), request.args.get("cursor"))
    if asked is None:
        abort(422)
    limit, after = asked
    wanted = select(Attempt).options(
        # outer joins: of inner ones MariaDB begins with the assessments, and sorts all attempts for a page
        joinedload(Attempt.assessment).load_only(Assessment.public_id),
        joinedload(Attempt.student).load_only(User.public_id),
    )
    if after:
        wanted = wanted.where(Attempt.public_id > after)
    wanted = wanted.where(Attempt.deleted_at.is_(None)).order_by(Attempt.public_id).limit(limit + 1)
    found = db.session.scalars(wanted).all()
    items = [attempt.shown() for attempt in found[:limit]]
    return answer({"items": items, "next_cursor": items[-1]["id"] if len(found) > limit else None})


@application.get("/api/v1/classes/<id:class_id>/chapters/<id:chapter_id>/statistics")
def statistics(class_id: str, chapter_id: str) -> Response:
    """The statistics of a class in a chapter."""
    authorize("read")
    class_ = db.session.scalar(select(Class).where(Class.public_id == class_id, Class.deleted_at.is_(None)))
    chapter = db.session.scalar(_chapter(chapter_id))
    if class_ is None or chapter is None or chapter.course_id != class_.course_id:
        abort(404)
    return answer(statistics_of_students(class_, chapter))


@application.post("/api/v1/attempts")
def record_attempt() -> Response:
    """Record an attempt with its responses, graded, and what counts of it."""
    authorize("write")
    try:
        given = Recording.model_validate_json(request.get_data())
        attempt = record(given)
    except ValidationError:
        abort(422)
    except Refused as refused:
        abort(refused.status)
    db.session.commit()
    return answer(attempt.shown(), 201)


def _chapter(public_id: str) -> Any:
    return (
        select(Chapter)
        .join(Chapter.course)
        .options(contains_eager(Chapter.course))
        .where(Chapter.public_id == public_id, Chapter.deleted_at.is_(None), Course.deleted_at.is_(None))
    )


def _shown(assessment: Assessment, percent: Any) -> dict[str, Any]:
    return {
        "id": assessment.public_id,
        "class_id": assessment.class_.public_id,
        "title": assessment.title,
        "category": assessment.category,
        "weight": assessment.weight,
        "points_max": assessment.points_max,
        "due_at": assessment.due_at,
        "percent": percent,
        "attempts": [
            {
                "number": attempt.number,
                "state": attempt.state,
                "submitted_at": attempt.submitted_at,
                "score": attempt.score,
                "percent": attempt.percent,
                "is_late": attempt.is_late,
            }
            for attempt in assessment.attempts
        ],
    }
