"""What every view shares: ids in the path, and query parameters that are refused where they are unknown."""

from __future__ import annotations

from typing import Any, ClassVar

from apiflask.schema_adapters.registry import registry
from pydantic import BaseModel, ConfigDict
from werkzeug.routing import BaseConverter

from studentapi.api import validation
from studentapi.gradebook.values import ID_PATTERN

# before any view names a model: a view keeps the adapter that it was made with
registry.register("pydantic", validation.Adapter)


class PublicIdConverter(BaseConverter):
    """`<public_id:…>` in a route. A path with anything else leads nowhere: 404."""

    regex = ID_PATTERN


class Query(BaseModel):
    """Query parameters; one that is not declared is refused by its name."""

    model_config = ConfigDict(extra="forbid")


class Body(BaseModel):
    """A JSON body; a member that is not declared is refused by its name.

    `example` is one that is valid, with the `id` of what it makes. The examples of all bodies, sent in the order
    of the document, make a small school.
    """

    model_config = ConfigDict(extra="forbid")
    example: ClassVar[dict[str, Any]]


def without_defaults(schema: dict[str, Any]) -> None:
    """Take the defaults out of a model's JSON schema, where a field that is left out stays what it is."""
    for one in schema["properties"].values():
        one.pop("default", None)
