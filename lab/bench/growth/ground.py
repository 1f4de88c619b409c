"""What every measurement stands on."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lab.bench.growth import asking
from lab.bench.service import Running
from lab.peers import peer
from lab.ports import free_port

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from lab.bench.database_server import DatabaseServer
    from lab.bench.growth.asking import Question
    from lab.bench.growth.generate import Generator
    from lab.bench.growth.sizes import Size

_REFUSED = re.compile(r'"event": ?"request".*"status": ?[45]')


@dataclass(frozen=True)
class Ground:
    """The server with the data, a folder for logs, whom to tell how it goes, and what was asked by now."""

    server: DatabaseServer
    generator: Generator
    logs: Path
    tell: Callable[[str], None]
    asked: dict[str, dict[str, Question]] = field(default_factory=dict)

    def questions(self, size: Size) -> dict[str, Question]:
        """What is asked at `size`, by name; found out once."""
        if size.name not in self.asked:
            self.asked[size.name] = {one.name: one for one in asking.questions(self.generator, size)}
        return self.asked[size.name]

    def refusals(self, size: Size) -> list[str]:
        """What the logs of the services of `size` say last of requests that were refused or failed."""
        lines = (line for log in self.logs.glob(f"{size.name}-*.log") for line in log.read_text().splitlines())
        return [line for line in lines if _REFUSED.search(line) and "/api/" in line][-3:]

    def start(self, size: Size, processes: int, threads: int) -> Running:
        """Begin to start the service on the data of `size`."""
        port = free_port()
        url = self.generator.url(size.database).partition("?")[0]
        log = self.logs / f"{size.name}-{processes}x{threads}-{port}.log"
        return Running(peer("service"), url, port, processes, threads, log)
