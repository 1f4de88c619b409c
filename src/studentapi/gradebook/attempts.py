"""Attempts: what a student handed in, and what it was given."""

from studentapi.gradebook.resources import Resource

attempts = Resource(
    "attempt",
    """
    SELECT attempts.public_id AS id, assessments.public_id AS assessment_id, users.public_id AS student_id,
           attempts.number, attempts.state, attempts.started_at, attempts.submitted_at, attempts.graded_at,
           attempts.is_late, attempts.score, attempts.percent, attempts.created_at, attempts.updated_at
    FROM attempts FORCE INDEX (attempts_public_id)
        STRAIGHT_JOIN assessments ON assessments.id = attempts.assessment_id
        STRAIGHT_JOIN users ON users.id = attempts.student_id
    WHERE attempts.deleted_at IS NULL""",
    key="attempts.public_id",
    booleans=("is_late",),
)
