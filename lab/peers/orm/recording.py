"""Recording an attempt: objects that the session writes in one transaction."""

from __future__ import annotations

from sqlalchemy import func, select

from lab.peers import recording
from lab.peers.orm.models import Assessment, Attempt, Enrollment, Item, Response, Result, User, db
from lab.peers.recording import Recording, Refused, Rules


def record(given: Recording) -> Attempt:
    """Record an attempt with its responses, graded, and what counts of it; raises `Refused`. To be committed."""
    session = db.session
    assessment = session.scalar(
        select(Assessment).where(Assessment.public_id == given.assessment_id, Assessment.deleted_at.is_(None))
    )
    student = session.scalar(
        select(User).where(User.public_id == given.student_id, User.role == "student", User.deleted_at.is_(None))
    )
    if assessment is None or student is None:
        raise Refused(422, "There is no such assessment, or no such student.")
    # locked, for attempts of one student to be numbered one after the other
    enrolled = session.execute(
        select(Enrollment.withdrawn_on, func.utc_timestamp(6))
        .where(
            Enrollment.user_id == student.id,
            Enrollment.class_id == assessment.class_id,
            Enrollment.role == "student",
            Enrollment.deleted_at.is_(None),
        )
        .with_for_update()
    ).one_or_none()
    if enrolled is None:
        raise Refused(409, "The student is not enrolled.")
    withdrawn_on, now = enrolled
    if withdrawn_on is not None and given.submitted_at.date() >= withdrawn_on:
        raise Refused(409, "The student has withdrawn.")
    made = recording.attempt(given, _rules(assessment, student), _items(assessment), now)
    attempt = Attempt(
        public_id=made.id,
        assessment=assessment,
        student=student,
        number=made.number,
        state="graded",
        submitted_at=made.submitted_at,
        graded_at=now,
        is_late=made.is_late,
        score=made.score,
        percent=made.percent,
        created_at=now,
        updated_at=now,
        responses=[
            Response(item_id=one.item, answer=one.answer, points=one.points, is_correct=one.is_correct)
            for one in made.responses
        ],
    )
    session.add(attempt)
    # the session writes the attempt before it asks
    percents = session.scalars(
        select(Attempt.percent)
        .where(
            Attempt.student_id == student.id,
            Attempt.assessment_id == assessment.id,
            Attempt.state == "graded",
            Attempt.deleted_at.is_(None),
        )
        .order_by(Attempt.number)
    ).all()
    counted = recording.counted(assessment.counted, [percent for percent in percents if percent is not None])
    session.merge(Result(student_id=student.id, assessment_id=assessment.id, percent=counted))
    return attempt


def _rules(assessment: Assessment, student: User) -> Rules:
    last, attempts = db.session.execute(
        select(
            func.coalesce(func.max(Attempt.number), 0),
            func.coalesce(func.sum(Attempt.deleted_at.is_(None)), 0),
        ).where(Attempt.student_id == student.id, Attempt.assessment_id == assessment.id)
    ).one()
    return Rules(
        assessment.id,
        assessment.points_max,
        assessment.due_at,
        assessment.counted,
        assessment.attempts_allowed,
        last,
        attempts,
    )


def _items(assessment: Assessment) -> list[recording.Item]:
    found = db.session.scalars(select(Item).where(Item.assessment_id == assessment.id, Item.deleted_at.is_(None)))
    return [recording.Item(one.id, one.public_id, one.kind, one.answer_key, one.points) for one in found]
