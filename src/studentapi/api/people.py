"""Schools, and their people: users of every role, and students among them."""

from typing import ClassVar, Literal

from apiflask import APIBlueprint

from studentapi.api.request import Body
from studentapi.api.resource_routes import add_reading, add_writing, resource_model
from studentapi.api.types import PublicId, Title
from studentapi.gradebook import people

blueprint = APIBlueprint("people", __name__, tag="People")


class SchoolFields(Body):
    """A school."""

    example: ClassVar = {"id": "green-hill", "name": "Green Hill School"}

    name: Title


class StudentFields(Body):
    """A student: a user of that role."""

    example: ClassVar = {"id": "ada", "school_id": "green-hill", "name": "Ada Okoye"}

    school_id: PublicId
    name: Title


class UserFields(Body):
    """A user: a student, a teacher or an administrator."""

    example: ClassVar = {"id": "ms-lind", "school_id": "green-hill", "role": "teacher", "name": "Karin Lind"}

    school_id: PublicId
    role: Literal["student", "teacher", "admin"]
    name: Title


School = resource_model(people.schools, SchoolFields)
add_reading(blueprint, people.schools, School)
add_writing(blueprint, people.schools, SchoolFields, School)

Student = resource_model(people.students, StudentFields)
add_reading(blueprint, people.students, Student, own=True)
add_writing(blueprint, people.students, StudentFields, Student)

User = resource_model(people.users, UserFields)
add_reading(blueprint, people.users, User)
add_writing(blueprint, people.users, UserFields, User)
