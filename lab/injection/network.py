"""A network of our own: a namespace with one cable to this machine, on which packets can vanish."""

from __future__ import annotations

import ipaddress
import itertools
import os
import re
import shutil
import subprocess
from contextlib import suppress
from typing import TYPE_CHECKING, Self

from lab.injection.flow import Direction

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

PROGRAMS = ("ip", "iptables")
CANDIDATES = ipaddress.IPv4Network("10.213.0.0/16")
_BOTH = (Direction.TO_SERVER, Direction.TO_CLIENT)
_numbers = itertools.count()


class NetworkError(Exception):
    """A process like this may not make networks, or the machine lacks a program for it."""


class Network:
    """A namespace for clients, while the block lasts; servers are here, on the machine, and listen on `outside`.

    `inside` is the namespace's own address. Raises `NetworkError` when there cannot be one.
    """

    def __init__(self) -> None:
        number = next(_numbers)
        self._name = f"lab-{os.getpid()}-{number}"
        # an interface's name has at most 15 characters
        self._here, self._there = f"lab{os.getpid()}.{number}h", f"lab{os.getpid()}.{number}t"
        self._rules: list[list[str]] = []
        self.outside = self.inside = ""

    def __enter__(self) -> Self:
        check()
        block = _free_block()
        self.outside, self.inside = (str(address) for address in block.hosts())
        try:
            _run("ip", "netns", "add", self._name)
            _run("ip", "link", "add", self._here, "type", "veth", "peer", "name", self._there)
            _run("ip", "link", "set", self._there, "netns", self._name)
            _run("ip", "addr", "add", f"{self.outside}/{block.prefixlen}", "dev", self._here)
            _run("ip", "link", "set", self._here, "up")
            self.run("ip", "addr", "add", f"{self.inside}/{block.prefixlen}", "dev", self._there)
            self.run("ip", "link", "set", self._there, "up")
            self.run("ip", "link", "set", "lo", "up")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.heal()
        # the cable goes with either of its ends
        for command in (("ip", "link", "del", self._here), ("ip", "netns", "del", self._name)):
            with suppress(NetworkError):
                _run(*command)

    def command(self, *words: str | Path) -> list[str]:
        """The command line that runs these words inside."""
        return ["ip", "netns", "exec", self._name, *map(str, words)]

    def run(self, *words: str) -> str:
        """Run these words inside; returns what they print."""
        return _run(*self.command(*words))

    def drop(self, port: int, directions: Sequence[Direction] = _BOTH) -> None:
        """Drop in silence what goes to the server at `port` or comes from it; `heal` ends it."""
        for direction in directions:
            self._drop(direction, port)

    def forget(self, port: int) -> None:
        """Drop in silence what belongs to the connections to `port` that are open now; new ones pass."""
        for ours in self._open(port):
            for direction in _BOTH:
                self._drop(direction, port, ours)

    def heal(self) -> None:
        """Let everything pass."""
        while self._rules:
            rule = self._rules.pop()
            place = rule.index("--append")
            with suppress(NetworkError):
                _run(*rule[:place], "--delete", *rule[place + 1 :])

    def _drop(self, direction: Direction, port: int, ours: int | None = None) -> None:
        """Drop on the way in, at the other end: on the way out, the sender would be told."""
        if direction is Direction.TO_SERVER:
            where, cable, port_option, ours_option = [], self._here, "--dport", "--sport"
        else:
            where, cable, port_option, ours_option = self.command(), self._there, "--sport", "--dport"
        rule = [*where, "iptables", "--wait", "--append", "INPUT", "--in-interface", cable]
        rule += ["--protocol", "tcp", port_option, str(port)]
        if ours is not None:
            rule += [ours_option, str(ours)]
        _run(*rule, "--jump", "DROP")
        self._rules.append([*rule, "--jump", "DROP"])

    def _open(self, port: int) -> set[int]:
        """The ports at this end of the connections to `port`."""
        ports = set()
        for line in self.run("cat", "/proc/net/tcp").splitlines()[1:]:
            _, local, remote, *_ = line.split()
            if int(remote.partition(":")[2], 16) == port:
                ports.add(int(local.partition(":")[2], 16))
        return ports


def check() -> None:
    """Raise `NetworkError` where this process cannot make a network."""
    if os.geteuid() != 0:
        raise NetworkError("only root may make network namespaces and drop packets")
    missing = [program for program in PROGRAMS if shutil.which(program) is None]
    if missing:
        raise NetworkError(f"not on this machine: {', '.join(missing)}")


def _free_block() -> ipaddress.IPv4Network:
    """Four private addresses that no route of this machine leads to."""
    taken = [
        ipaddress.IPv4Network(found)
        for found in re.findall(
            r"^(?:\w+ )?(\d+\.\d+\.\d+\.\d+(?:/\d+)?)", _run("ip", "-4", "route"), re.MULTILINE
        )
    ]
    for block in CANDIDATES.subnets(new_prefix=30):
        if not any(block.overlaps(network) for network in taken):
            return block
    raise NetworkError(f"every address of {CANDIDATES} is taken")


def _run(*words: str) -> str:
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        raise NetworkError(f"{' '.join(words)}: {done.stderr.strip()}")
    return done.stdout
