"""Students."""

from datetime import datetime

from apiflask import APIBlueprint
from pydantic import BaseModel

from studentapi.api.request import PublicId, resource_routes
from studentapi.gradebook import people

blueprint = APIBlueprint("people", __name__, tag="Students")


class Student(BaseModel):
    """A student."""

    id: PublicId
    name: str
    school_id: PublicId
    created_at: datetime
    updated_at: datetime


resource_routes(blueprint, people.students, Student, "students", own=True)
