"""What the current thread has asked of MySQL: how many commands, for how long, and who watches its statements.

The numbers only grow; whoever wants those of a stretch of work looks at them before and after.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from studentapi.mysql.connection import Connection

    Watch = Callable[[Connection, str, bool], AbstractContextManager[Any]]


class Tally:
    """One thread's own, over every connection that it uses.

    `commands`: sent to a server, those of connecting among them. `seconds`: from the sending of a statement until
    all of its answer is here, and for a connection that had to be opened, asked or waited for. `watch`: called
    around each statement with its connection, its text as it was written, and whether parameters are put into it.
    """

    __slots__ = ("commands", "seconds", "watch")

    def __init__(self) -> None:
        self.commands = 0
        self.seconds = 0.0
        self.watch: Watch | None = None


class _Thread(threading.local):
    def __init__(self) -> None:
        self.tally = Tally()


this_thread = _Thread()
"""`this_thread.tally` is the current thread's."""
