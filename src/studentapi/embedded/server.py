"""A private server's life: start, stop, kill, restart."""

from __future__ import annotations

import fcntl
import os
import socket
import time
from contextlib import closing, suppress
from typing import TYPE_CHECKING, Self

from studentapi.embedded import datadir, identity, process
from studentapi.embedded.binary import Binary, find_server
from studentapi.embedded.errors import ServerError

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Sequence
    from pathlib import Path

    from studentapi.embedded.identity import Identity

START_TIMEOUT = 120
"""Seconds for a server to answer: after a kill it first repeats its redo log."""

STOP_TIMEOUT = 60
"""Seconds for a server to end by itself, before it is killed; nothing that was committed is lost by that."""

LEFT_OVER_TIMEOUT = 20
"""Seconds for a server that a killed run left behind to end, before it is killed."""


class PrivateServer:
    """A MySQL or MariaDB server of our own in `directory`, which listens on 127.0.0.1 alone.

    `binary` is the server to run, by default what `find_server` finds; `options` are further options for its
    command line. The server ends with the thread that called `start`, so let that be one that lasts.
    """

    def __init__(
        self,
        directory: Path,
        *,
        binary: Binary | None = None,
        database: str = "studentapi",
        options: Sequence[str] = (),
    ) -> None:
        self.directory = directory.absolute()
        self.database = database
        self.log = self.directory / "server.log"
        self._binary = binary
        self._options = tuple(options)
        self._identity: Identity | None = None
        self._lock: int | None = None
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def binary(self) -> Binary:
        """The program that runs; raises `ServerError` when the machine has none."""
        if self._binary is None:
            self._binary = find_server()
        if self._binary is None:
            raise ServerError("no MySQL or MariaDB server on this machine: install mariadb-server")
        return self._binary

    @property
    def url(self) -> str:
        """Address for the user `studentapi`, who may do everything in the one database, with its password."""
        known = self._known_identity
        return f"mysql://studentapi:{known.password}@127.0.0.1:{known.port}/{self.database}"

    @property
    def root_url(self) -> str:
        """Address for the server's administrator, with the password."""
        known = self._known_identity
        return f"mysql://root:{known.root_password}@127.0.0.1:{known.port}/{self.database}"

    @property
    def process(self) -> subprocess.Popen[bytes]:
        """The server's process; raises `ServerError` when it was not started."""
        if self._process is None:
            raise ServerError(f"the server in {self.directory} is not started")
        return self._process

    @property
    def pid(self) -> int:
        """The server's process id; raises `ServerError` when it was not started."""
        return self.process.pid

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Start the server, make its data directory if need be, and return once it takes connections.

        Raises `ServerError` when another process has the directory, or when the server does not come up.
        """
        if self._process is not None and self._process.poll() is None:
            return
        try:
            self._hold_directory()
            self._launch()
        except OSError as problem:
            self._let_directory_go()
            name = problem.filename or self.directory
            raise ServerError(f"cannot use {name}: {problem.strerror or problem}") from problem
        except BaseException:
            self._let_directory_go()
            raise

    def stop(self) -> None:
        """End the server in good order and let the directory go; no error when it has ended already."""
        try:
            if self._process is not None:
                process.stop(self._process, STOP_TIMEOUT)
                self._process = None
        finally:
            self._let_directory_go()

    def kill(self) -> None:
        """End the server by SIGKILL, as a power cut would; `start` lets it recover."""
        self.process.kill()
        self.process.wait()
        self._process = None

    def restart(self) -> None:
        """Stop the server and start it on the same port with the same data."""
        process.stop(self.process, STOP_TIMEOUT)
        self._process = None
        self.start()

    @property
    def _known_identity(self) -> Identity:
        if self._identity is None:
            raise ServerError(f"the server in {self.directory} has never been started")
        return self._identity

    def _hold_directory(self) -> None:
        """Make sure that no other process runs a server here; the kernel ends the claim with this process."""
        if self._lock is not None:
            return
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(self.directory / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(lock, 20).decode(errors="replace").strip() or "another process"
            os.close(lock)
            raise ServerError(f"{self.directory} is in use by process {holder}") from None
        os.ftruncate(lock, 0)
        os.write(lock, str(os.getpid()).encode())
        self._lock = lock

    def _let_directory_go(self) -> None:
        if self._lock is not None and (self._process is None or self._process.poll() is not None):
            os.close(self._lock)
            self._lock = None

    def _launch(self) -> None:
        binary = self.binary
        process.end_left_over([path for path in self.directory.iterdir() if path.is_dir()], LEFT_OVER_TIMEOUT)
        data = datadir.prepare(self.directory, binary, self.log)
        self._identity = identity.recall(self.directory)
        users = identity.write_users(self._identity, self.directory, self.database)
        for stale in (datadir.SOCKET, f"{datadir.SOCKET}.lock"):
            # MySQL refuses to start while the process number in a left-over lock belongs to anyone.
            (data / stale).unlink(missing_ok=True)
        with self.log.open("wb") as output:
            self._process = process.spawn(
                [
                    binary.path,
                    *datadir.options(binary, data),
                    f"--port={self._identity.port}",
                    f"--init-file={users}",
                    *self._options,
                ],
                output=output,
                cwd=data,
            )
        try:
            self._await_greeting(data)
        except BaseException:
            process.stop(self._process, STOP_TIMEOUT)
            self._process = None
            raise

    def _await_greeting(self, data: Path) -> None:
        """Return when the server greets a client, which it does only after its `--init-file`.

        Asked is its socket, since the port might be answered by another server that was faster; the port is
        open before the socket is.
        """
        deadline = time.monotonic() + START_TIMEOUT
        directory = os.open(data, os.O_PATH | os.O_DIRECTORY)
        try:
            # Through the descriptor the path is short, however long the directory's own may be.
            address = f"/proc/self/fd/{directory}/{datadir.SOCKET}"
            while self.process.poll() is None and time.monotonic() < deadline:
                if _greets(address, deadline):
                    return
                process.wait_for_any([self.process], timeout=0.01)
        finally:
            os.close(directory)
        status = self.process.poll()
        ended = f"ended with status {status}" if status is not None else f"did not answer in {START_TIMEOUT} s"
        raise ServerError(f"{self.binary} {ended}; its log says:\n{datadir.tail(self.log)}")


def _greets(address: str, deadline: float) -> bool:
    with closing(socket.socket(socket.AF_UNIX)) as client, suppress(OSError):
        client.settimeout(max(0.01, deadline - time.monotonic()))
        client.connect(address)
        return client.recv(1) != b""
    return False
