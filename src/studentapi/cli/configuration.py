"""Settings for commands: read once, and what is wrong with them said in a line each."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

import click

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

    from studentapi.settings import Settings

INVALID_SETTINGS = 2
"""Exit status, as for a wrong option."""


def load_settings(*, database_url: str | None = None) -> Settings:
    """The settings of the environment and `.env`; `database_url` takes the place of the one given there.

    Ends the command with a line for each problem. No value is repeated: one of them holds a password.
    """
    from pydantic import SecretStr, ValidationError

    from studentapi.mysql.address import Address, InvalidAddress
    from studentapi.settings import Settings

    given = {} if database_url is None else {"database_url": SecretStr(database_url)}
    try:
        settings = Settings(**given)  # type: ignore[arg-type]  # the rest comes from the environment
        # with its certificates, which are files
        _ = Address.parse(settings.database_url.get_secret_value()).ssl_context
    except ValidationError as problem:
        _end(*map(_line, problem.errors(include_url=False, include_context=False, include_input=False)))
    except InvalidAddress as problem:
        _end(f"STUDENTAPI_DATABASE_URL: {problem}")
    return settings


def _line(error: ErrorDetails) -> str:
    from studentapi.settings import Settings

    if not error["loc"]:  # of several settings together
        return error["msg"].removeprefix("Value error, ")
    field = str(error["loc"][0])
    name = f"STUDENTAPI_{field.upper()}"
    if error["type"] == "missing":
        return f"{name} is not set: {Settings.model_fields[field].description}"
    message = error["msg"]
    return f"{name}: {message[:1].lower()}{message[1:]}"


def _end(*lines: str) -> NoReturn:
    for line in lines:
        click.echo(f"Error: {line}", err=True)
    raise click.exceptions.Exit(INVALID_SETTINGS)
