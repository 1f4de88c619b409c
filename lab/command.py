"""How the commands of the lab end: in order whoever ends them, and with one line for what they cannot do."""

from __future__ import annotations

import os
import signal
from contextlib import contextmanager, suppress
from math import isfinite
from typing import TYPE_CHECKING

import click

from studentapi.embedded.errors import ServerError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from types import FrameType


class _Seconds(click.FloatRange):
    """A time of load; what is no number of seconds is refused before anything is up."""

    def convert(self, value: str | float, param: click.Parameter | None, ctx: click.Context | None) -> float:
        found = float(super().convert(value, param, ctx))  # type: ignore[arg-type]  # click says that it is a number
        if not isfinite(found):
            self.fail(f"{value!r} is no time.", param, ctx)
        return found


SECONDS = _Seconds(0.1)
"""The type of an option."""
ENDED = 128
"""Status of a command that a signal ended, less the signal's number, as a shell has it."""


@contextmanager
def in_order() -> Iterator[None]:
    """Take down what stands, and remove temporary folders, on SIGTERM and SIGHUP as on Ctrl-C.

    They become `SystemExit`, once: what ends what stands is not interrupted by another, only by another Ctrl-C. A
    SIGHUP that was ignored when the command began, as by nohup, still is. A server that cannot be had is one line
    and status 1.
    """
    ending = False

    def end(number: int, _: FrameType | None) -> None:
        nonlocal ending
        if ending and number != signal.SIGINT:
            return
        ending = True
        with suppress(OSError):  # the terminal may be what has gone; and print might have been interrupted
            os.write(2, f"Ending: {signal.Signals(number).name}\n".encode())
        raise SystemExit(ENDED + number)

    wanted = [
        number
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        if signal.getsignal(number) != signal.SIG_IGN
    ]
    before = {number: signal.signal(number, end) for number in wanted}
    try:
        yield
    except ServerError as problem:
        raise click.ClickException(str(problem)) from problem
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def figures(path: Path, made_by: str) -> Path:
    """The file `path` of an earlier run, for drawing again; a usage error where there is none."""
    if not path.is_file() or not path.stat().st_size:
        raise click.UsageError(f"there is no {path} to draw from: `{made_by}` writes it")
    return path
