"""The tools that break things break exactly what they say."""

import socket
import threading
from collections.abc import Iterator

import pytest

from lab.injection.flow import Direction, Fate
from lab.injection.listeners import Listener
from lab.injection.network import Network, NetworkError
from lab.injection.proxy import Proxy
from lab.injection.traps import Moment
from tests.processes import eventually

WORDS = bytes(range(256)) * 4


class Echo:
    """Says everything again, and remembers what it heard and how it ended."""

    def __init__(self) -> None:
        self.heard = b""
        self.end: type[Exception] | None = None
        self.ended = threading.Event()

    def __call__(self, connection: socket.socket, over: threading.Event) -> None:
        connection.settimeout(10)
        try:
            while data := connection.recv(4096):
                self.heard += data
                connection.sendall(data)
        except OSError as error:
            self.end = type(error)
        self.ended.set()


@pytest.fixture
def echo() -> Echo:
    return Echo()


@pytest.fixture
def to_echo(echo: Echo) -> Iterator[Proxy]:
    with Listener(echo) as listener, Proxy("127.0.0.1", listener.port) as proxy:
        yield proxy


@pytest.fixture
def client(to_echo: Proxy) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", to_echo.port), timeout=10) as client:
        client.sendall(b"x")
        assert client.recv(1) == b"x"
        yield client


def received(client: socket.socket) -> tuple[bytes, bool]:
    """What arrives until the end, and whether that was a reset."""
    data = b""
    try:
        while more := client.recv(4096):
            data += more
    except ConnectionResetError:
        return data, True
    return data, False


@pytest.mark.parametrize("count", [0, 1, 500, len(WORDS)])
@pytest.mark.parametrize("fate", [Fate.RESET, Fate.END])
def test_a_cut_lets_exactly_so_many_bytes_reach_the_server(
    to_echo: Proxy, echo: Echo, client: socket.socket, count: int, fate: Fate
) -> None:
    to_echo.cut_after(count, Direction.TO_SERVER, fate)
    client.sendall(WORDS)
    _, was_reset = received(client)
    assert echo.ended.wait(10)
    assert echo.heard == b"x" + WORDS[:count]
    assert was_reset is (fate is Fate.RESET)


@pytest.mark.parametrize("count", [0, 1, 500, len(WORDS)])
@pytest.mark.parametrize("fate", [Fate.RESET, Fate.END])
def test_a_cut_lets_exactly_so_many_bytes_reach_the_client(
    to_echo: Proxy, client: socket.socket, count: int, fate: Fate
) -> None:
    to_echo.cut_after(count, Direction.TO_CLIENT, fate)
    client.sendall(WORDS)
    assert received(client) == (WORDS[:count], fate is Fate.RESET)


@pytest.mark.parametrize(
    ("moment", "heard"),
    [(Moment.UNSENT, b"x"), (Moment.SENT, b"x--COMMIT--"), (Moment.ANSWERED, b"x--COMMIT--")],
)
def test_a_cut_at_a_statement_comes_at_its_moment(
    to_echo: Proxy, echo: Echo, client: socket.socket, moment: Moment, heard: bytes
) -> None:
    to_echo.cut_at(b"COMMIT", moment)
    client.sendall(b"--COMMIT--")
    assert received(client) == (b"", True)
    assert echo.ended.wait(10)
    assert echo.heard == heard


def test_a_forgotten_flow_is_swallowed_and_a_new_one_passes(
    to_echo: Proxy, echo: Echo, client: socket.socket
) -> None:
    to_echo.forget()
    client.sendall(b"lost")
    with socket.create_connection(("127.0.0.1", to_echo.port), timeout=10) as another:
        another.sendall(b"new")
        assert another.recv(10) == b"new"
    client.settimeout(0.2)
    with pytest.raises(TimeoutError):
        client.recv(1)
    assert b"lost" not in echo.heard


def test_a_stall_loses_nothing(to_echo: Proxy, client: socket.socket) -> None:
    to_echo.stall()
    client.sendall(b"held")
    client.settimeout(0.2)
    with pytest.raises(TimeoutError):
        client.recv(1)
    to_echo.resume()
    client.settimeout(10)
    assert client.recv(10) == b"held"


def test_a_closed_proxy_is_refused_and_opens_on_the_same_port(to_echo: Proxy) -> None:
    port = to_echo.port
    to_echo.close()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=10)
    to_echo.open()
    socket.create_connection(("127.0.0.1", port), timeout=10).close()
    assert to_echo.port == port


def test_dropped_packets_vanish_until_the_network_heals_and_nothing_is_left_of_it(echo: Echo) -> None:
    ask = "import socket; s = socket.create_connection(({!r}, {}), 0.5); s.sendall(b'hi'); print(s.recv(2))"
    with Network() as network, Listener(echo) as listener:
        with Proxy("127.0.0.1", listener.port, listen=network.outside) as proxy:
            script = ask.format(network.outside, proxy.port)
            assert "hi" in network.run("python3", "-c", script)
            for direction in Direction:
                network.drop(proxy.port, [direction])
                with pytest.raises(NetworkError, match="timed out"):
                    network.run("python3", "-c", script)
                network.heal()
            assert "hi" in network.run("python3", "-c", script)
        name = network.command("true")[3]
    with pytest.raises(NetworkError, match=name):
        network.run("true")
    eventually(lambda: not to_here(network.outside))


def to_here(address: str) -> bool:
    """Whether this machine has the address."""
    with socket.socket() as sock:
        try:
            sock.bind((address, 0))
        except OSError:
            return False
    return True
