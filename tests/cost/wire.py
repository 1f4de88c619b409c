"""What a client says to a server, read off the wire: MySQL's packets, as they pass through a proxy."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, NamedTuple
from weakref import WeakKeyDictionary

from pymysql.constants import COMMAND

from lab.injection.flow import Direction, Flow

if TYPE_CHECKING:
    from collections.abc import Callable

    from lab.injection.flow import Fate

CONNECT = "CONNECT"
"""What stands for a connection that was made; signing in is part of it."""
QUERY, PREPARE, EXECUTE = "QUERY", "STMT_PREPARE", "STMT_EXECUTE"
_HEAD = 4
_PREPARED = 5
"""Bytes in which a prepared statement's number is told, behind a byte."""
_NAMES = {number: name.removeprefix("COM_") for name, number in vars(COMMAND).items() if name.startswith("COM_")}


class Command(NamedTuple):
    """One command of a client; the text of one that executes a prepared statement is that statement.

    `begins`: the client had the answers to all before it, so it is a round trip.
    """

    kind: str
    text: str
    begins: bool


class Tap:
    """Keeps the commands that pass a proxy, in their order; a trap that never springs.

    Commands that are sent without waiting for the answers before them are one round trip if they are sent in one
    piece; else the first answer may pass between them.
    """

    fate: Fate | None = None
    action: Callable[[], None] | None = None

    def __init__(self) -> None:
        self.sprung = threading.Event()
        self.commands: list[Command] = []
        self._conversations: WeakKeyDictionary[Flow, _Conversation] = WeakKeyDictionary()

    def look(self, flow: Flow, direction: Direction, data: bytes) -> None:
        """See `lab.injection.traps.Trap`; the proxy calls it for one piece of data at a time."""
        conversation = self._conversations.get(flow)
        if conversation is None:
            conversation = self._conversations[flow] = _Conversation()
            self.commands.append(Command(CONNECT, "", begins=True))
        if direction is Direction.TO_CLIENT:
            conversation.heard(data)
        else:
            self.commands += conversation.said(data)


class _Conversation:
    """What the client of one flow says."""

    def __init__(self) -> None:
        self.answered = True
        self._begins = False
        self._rest = b""
        self._preparing: str | None = None
        self._answer = b""
        self._prepared: dict[bytes, str] = {}

    def heard(self, data: bytes) -> None:
        """Take what the server says: the number of a statement that it has prepared."""
        self.answered = True
        if self._preparing is None:
            return
        self._answer += data
        payload = self._answer[_HEAD:]
        if len(payload) >= _PREPARED or payload[:1] == b"\xff":
            if payload[0] == 0:
                self._prepared[payload[1:_PREPARED]] = self._preparing
            self._preparing = None

    def said(self, data: bytes) -> list[Command]:
        """The commands that are whole with `data`."""
        if self.answered:
            self.answered, self._begins = False, True
        self._rest += data
        found = []
        while len(self._rest) >= _HEAD:
            length, number = int.from_bytes(self._rest[:3], "little"), self._rest[3]
            if len(self._rest) < _HEAD + length:
                break
            payload, self._rest = self._rest[_HEAD : _HEAD + length], self._rest[_HEAD + length :]
            # a command begins with packet 0; signing in, and what is too long for a packet, goes on counting
            if number == 0:
                found.append(self._command(payload))
        return found

    def _command(self, payload: bytes) -> Command:
        kind, begins, self._begins = _NAMES.get(payload[0], hex(payload[0])), self._begins, False
        if kind == EXECUTE:
            return Command(kind, self._prepared[payload[1:_PREPARED]], begins)
        text = payload[1:].decode(errors="replace")
        if kind == PREPARE:
            self._preparing, self._answer = text, b""
        return Command(kind, text, begins)
