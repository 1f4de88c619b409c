"""The statistics of a class: grouped by the database, a row for each student."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, case, func, or_, select

from lab.peers import figures
from lab.peers.orm.models import Assessment, Attempt, Enrollment, Result, User, db

if TYPE_CHECKING:
    from lab.peers.orm.models import Chapter, Class


def statistics_of_students(class_: Class, chapter: Chapter) -> dict[str, Any]:
    """The statistics of a class in a chapter."""
    now = figures.utc_now()
    here = (
        Assessment.class_id == class_.id,
        Assessment.chapter_id == chapter.id,
        Assessment.deleted_at.is_(None),
    )
    assessments, due = db.session.execute(
        select(func.count(), func.count(case((Assessment.due_at < now, 1)))).select_from(Assessment).where(*here)
    ).one()
    tried = (
        select(
            Attempt.student_id,
            func.count(Attempt.assessment_id.distinct()).label("assessments"),
            func.count(case((Assessment.due_at < now, Attempt.assessment_id)).distinct()).label("due"),
        )
        .join(Attempt.assessment)
        .where(*here, Attempt.deleted_at.is_(None))
        .group_by(Attempt.student_id)
        .subquery()
    )
    graded = (
        select(
            Result.student_id,
            func.count().label("assessments"),
            func.sum(Result.percent).label("percents"),
            func.sum(Assessment.weight * Result.percent).label("products"),
            func.sum(Assessment.weight).label("weights"),
        )
        .join(Assessment, Assessment.id == Result.assessment_id)
        .where(*here)
        .group_by(Result.student_id)
        .subquery()
    )
    rows = db.session.execute(
        select(
            func.coalesce(tried.c.assessments, 0),
            due - func.coalesce(tried.c.due, 0),
            graded.c.percents,
            func.coalesce(graded.c.assessments, 0),
            graded.c.products,
            graded.c.weights,
        )
        .select_from(Enrollment)
        .join(User, and_(User.id == Enrollment.user_id, User.role == "student", User.deleted_at.is_(None)))
        .outerjoin(tried, tried.c.student_id == User.id)
        .outerjoin(graded, graded.c.student_id == User.id)
        .where(
            Enrollment.class_id == class_.id,
            Enrollment.role == "student",
            Enrollment.deleted_at.is_(None),
            or_(Enrollment.withdrawn_on.is_(None), Enrollment.withdrawn_on > now.date()),
        )
    )
    outline = figures.Outline(
        class_.id,
        class_.public_id,
        class_.title,
        class_.term,
        chapter.id,
        chapter.public_id,
        chapter.title,
        chapter.course.public_id,
        chapter.position,
        chapter.mastery_percent,
        assessments,
    )
    return figures.class_statistics(outline, [figures.Student(*row) for row in rows])
