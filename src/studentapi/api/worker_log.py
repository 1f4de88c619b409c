"""What uWSGI writes to standard error in a worker, without the request headers that it quotes.

Where headers do not fit into its buffer, it says so and writes the one that was too much with its value, which
may be a token. It has no option against that, unless it was built with PCRE.
"""

from __future__ import annotations

import os
import threading

QUOTING = b"unable to add "
"""Stands in the line that quotes a header."""
INSTEAD = b"a request's headers do not fit into buffer-size\n"
LONGEST = 65_536


def keep_headers_out(descriptor: int = 2) -> None:
    """From now on, in this process, pass on what is written to `descriptor` without what quotes a header."""
    target = os.dup(descriptor)
    reading, writing = os.pipe()
    os.set_blocking(writing, False)  # rather a line lost than a request that waits for a log
    os.dup2(writing, descriptor)
    os.close(writing)
    threading.Thread(target=_pass_on, args=(reading, target), name="worker log", daemon=True).start()


def _pass_on(reading: int, target: int) -> None:
    quoted = False
    with os.fdopen(reading, "rb", buffering=0) as source:
        rest = b""
        while data := source.read(LONGEST):
            *lines, rest = (rest + data).split(b"\n")
            if len(rest) > LONGEST:
                lines, rest = [*lines, rest], b""
            for line in lines:
                # a header that was folded goes on in the next line, which begins with a space
                quoted = QUOTING in line or (quoted and line[:1] in (b" ", b"\t"))
                os.write(target, INSTEAD if QUOTING in line else b"" if quoted else line + b"\n")
