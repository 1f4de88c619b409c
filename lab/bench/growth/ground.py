"""What every measurement stands on."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lab.bench.growth import asking
from lab.bench.service import Running, free_port
from lab.peers import peer

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from lab.bench.database_server import DatabaseServer
    from lab.bench.growth.asking import Question
    from lab.bench.growth.generate import Generator
    from lab.bench.growth.sizes import Size


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

    def start(self, size: Size, processes: int, threads: int) -> Running:
        """Begin to start the service on the data of `size`."""
        port = free_port()
        url = self.generator.url(size.database).partition("?")[0]
        log = self.logs / f"{size.name}-{processes}x{threads}-{port}.log"
        return Running(peer("service"), url, port, processes, threads, log)
