"""People: students. A user is a student by its role."""

from studentapi.gradebook.resources import Resource

students = Resource(
    "student",
    """
    SELECT users.public_id AS id, users.name, schools.public_id AS school_id,
           users.created_at, users.updated_at
    FROM users FORCE INDEX (users_public_id) STRAIGHT_JOIN schools ON schools.id = users.school_id
    WHERE users.role = 'student' AND users.deleted_at IS NULL""",
    key="users.public_id",
)
