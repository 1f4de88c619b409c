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
    assessments = db.session.scalar(select(func.count()).select_from(Assessment).where(*here)) or 0
    tried = (
        select(Attempt.student_id, Attempt.assessment_id)
        .distinct()
        .join(Attempt.assessment)
        .where(*here, Attempt.deleted_at.is_(None))
        .subquery()
    )
    rows = db.session.execute(
        select(
            func.count(tried.c.assessment_id),
            func.sum(case((and_(tried.c.assessment_id.is_(None), Assessment.due_at < now), 1), else_=0)),
            func.sum(Result.percent),
            func.count(Result.percent),
            func.sum(Result.percent * Assessment.weight),
            func.sum(case((Result.percent.is_(None), 0), else_=Assessment.weight)),
        )
        .select_from(Enrollment)
        .join(User, and_(User.id == Enrollment.user_id, User.role == "student", User.deleted_at.is_(None)))
        .outerjoin(Assessment, and_(*here))
        .outerjoin(Result, and_(Result.student_id == User.id, Result.assessment_id == Assessment.id))
        .outerjoin(tried, and_(tried.c.student_id == User.id, tried.c.assessment_id == Assessment.id))
        .where(
            Enrollment.class_id == class_.id,
            Enrollment.role == "student",
            Enrollment.deleted_at.is_(None),
            or_(Enrollment.withdrawn_on.is_(None), Enrollment.withdrawn_on > now.date()),
        )
        .group_by(Enrollment.user_id)
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
