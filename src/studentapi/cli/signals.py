"""Being asked to stop: by Ctrl-C, by SIGTERM, by a terminal that is closed."""

from __future__ import annotations

import signal
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType


class Stopped(BaseException):
    """A signal asked for the end."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.signal = number


class Signals:
    """The first signal raises `Stopped` where the program is; a second one runs what `on_second` was given.

    The second does not raise: it would break off the very code that puts things in order.
    """

    def __init__(self) -> None:
        self._stopping = False
        self._hurry: Callable[[], object] | None = None

    @contextmanager
    def raised(self) -> Iterator[None]:
        """Handle SIGINT, SIGTERM and SIGHUP within the block; SIGHUP only where `nohup` has not turned it off."""
        numbers = [signal.SIGINT, signal.SIGTERM]
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
            numbers.append(signal.SIGHUP)
        before = {number: signal.signal(number, self._handle) for number in numbers}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def on_second(self, hurry: Callable[[], object]) -> None:
        """Have a second signal call `hurry`."""
        self._hurry = hurry

    def _handle(self, number: int, _: FrameType | None) -> None:
        if self._stopping:
            if self._hurry is not None:
                self._hurry()
            return
        self._stopping = True
        with suppress(OSError):  # the terminal may be gone
            click.echo("\nStopping.")
        raise Stopped(number)
