"""Assessments: what a class is asked in a chapter."""

from studentapi.gradebook.resources import Resource

assessments = Resource(
    "assessment",
    """
    SELECT assessments.public_id AS id, classes.public_id AS class_id, chapters.public_id AS chapter_id,
           assessments.title, assessments.category, assessments.weight, assessments.points_max,
           assessments.due_at, assessments.counted, assessments.attempts_allowed,
           assessments.created_at, assessments.updated_at
    FROM assessments FORCE INDEX (assessments_public_id)
        STRAIGHT_JOIN classes ON classes.id = assessments.class_id
        STRAIGHT_JOIN chapters ON chapters.id = assessments.chapter_id
    WHERE assessments.deleted_at IS NULL""",
    key="assessments.public_id",
)
