"""One server as an ordinary account sees it: its variables and status, read once."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from studentapi.mysql.address import Address
    from studentapi.mysql.connection import Connection
    from studentapi.settings import Settings

_STATUS = ("Threads_connected", "Connection_errors_max_connections", "Ssl_version", "Ssl_cipher")


class Unreadable(Exception):  # noqa: N818 - reads as what it is at the raise
    """The server does not show this to our account; the message names it."""


class Server:
    """A server under examination, through `connection`, whose session is set as the service's are.

    `settings` are the service's; `instances` is how many of them share the database.
    """

    def __init__(self, connection: Connection, address: Address, settings: Settings, instances: int) -> None:
        self.connection = connection
        self.address = address
        self.settings = settings
        self.instances = instances

    @cached_property
    def variables(self) -> dict[str, str]:
        """The session's variables, and the server's where a session has none of its own."""
        return dict(self.connection.fetch("SHOW SESSION VARIABLES").rows)

    @cached_property
    def status(self) -> dict[str, str]:
        """Those of the status variables that are looked at."""
        return dict(self.connection.fetch("SHOW SESSION STATUS WHERE variable_name IN %s", (_STATUS,)).rows)

    def variable(self, *names: str) -> str:
        """The first of these variables that the server has; raises `Unreadable`."""
        for name in names:
            if name in self.variables:
                return self.variables[name]
        raise Unreadable(names[0])

    def number(self, name: str) -> int:
        """A variable that is a whole number; raises `Unreadable`."""
        value = self.variable(name)
        try:
            return int(value)
        except ValueError:
            raise Unreadable(name) from None

    def state(self, name: str) -> str:
        """A status variable of `_STATUS`; raises `Unreadable`."""
        if name not in self.status:
            raise Unreadable(name)
        return self.status[name]

    def counted(self, name: str) -> int:
        """A status variable that is a whole number; raises `Unreadable`."""
        value = self.state(name)
        if not value.isdigit():
            raise Unreadable(name)
        return int(value)

    @cached_property
    def account(self) -> str:
        """Our account as SQL writes it: `'user'@'host'`."""
        ((account,),) = self.connection.fetch("SELECT CURRENT_USER()").rows
        user, _, host = str(account).rpartition("@")
        return f"{self.connection.escape(user)}@{self.connection.escape(host)}"


def quoted(name: str) -> str:
    """A name as SQL writes it: `` `name` ``."""
    return "`" + name.replace("`", "``") + "`"
