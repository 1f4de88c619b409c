"""Where the database is and how to get in: the URL, parsed once, with its secret kept out of every repr."""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Literal, Self
from urllib.parse import parse_qsl, unquote, urlsplit

DEFAULT_PORT = 3306
_OPTIONS = frozenset({"ssl_mode", "ssl_ca", "ssl_cert", "ssl_key"})
_TLS_MODES = ("disabled", "preferred", "required", "verify_ca", "verify_identity")

TlsMode = Literal["disabled", "preferred", "required", "verify_ca", "verify_identity"]


class InvalidAddress(ValueError):  # noqa: N818 - reads as what it is at the raise
    """A database URL that cannot be used; the message names what is wrong and never repeats the URL."""


@dataclass(frozen=True)
class Address:
    """A parsed `mysql://user:password@host:port[,host:port…]/name?ssl_ca=…`.

    TLS follows MySQL's own clients. `ssl_mode` is `preferred` unless said otherwise: TLS where the server
    offers it, its certificate not checked; `ssl_ca` alone makes that `verify_identity`.
    """

    hosts: tuple[tuple[str, int], ...]
    user: str
    password: str = field(repr=False)
    database: str
    ssl_mode: TlsMode = "preferred"
    ssl_ca: str | None = None
    ssl_cert: str | None = None
    ssl_key: str | None = field(default=None, repr=False)

    @classmethod
    def parse(cls, url: str) -> Self:
        """Read a URL; raises `InvalidAddress`."""
        try:
            parts = urlsplit(url)
        except ValueError:
            raise InvalidAddress("the database URL is malformed") from None
        if parts.scheme not in ("mysql", "mariadb", "mysql+pymysql", "mariadb+pymysql"):
            raise InvalidAddress("the database URL has to begin with mysql://")
        if parts.fragment:
            raise InvalidAddress("the database URL has a '#': write it as %23 in a password")
        login, at, hosts = parts.netloc.rpartition("@")
        user, _, password = login.partition(":")
        if not at or not user:
            raise InvalidAddress("the database URL names no user")
        database = unquote(parts.path.removeprefix("/"))
        if not database or "/" in database:
            raise InvalidAddress("the database URL has to end with one database name")
        return cls(
            hosts=tuple(_host_and_port(one) for one in hosts.split(",")),
            user=unquote(user),
            password=unquote(password),
            database=database,
            **_tls_options(parts.query),
        )

    def at(self, host: tuple[str, int]) -> Self:
        """The same address at one host; the TLS context is shared."""
        if self.hosts == (host,):
            return self
        there = replace(self, hosts=(host,))
        there.__dict__["ssl_context"] = self.ssl_context
        return there

    @cached_property
    def ssl_context(self) -> ssl.SSLContext | None:
        """One context for every connection: making one costs 20 ms of CPU, PyMySQL would at each connect.

        Raises `InvalidAddress` for files that cannot be read.
        """
        if self.ssl_mode == "disabled":
            return None
        try:
            context = ssl.create_default_context(cafile=self.ssl_ca)
            if self.ssl_cert is not None:
                context.load_cert_chain(self.ssl_cert, self.ssl_key)
        except OSError as error:  # ssl.SSLError is one
            raise InvalidAddress(f"a certificate of the database URL cannot be read: {error}") from None
        # The certificates that MySQL makes for itself lack what Python 3.13 asks for by default.
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        context.check_hostname = self.ssl_mode == "verify_identity"
        verified = self.ssl_mode in ("verify_ca", "verify_identity")
        context.verify_mode = ssl.CERT_REQUIRED if verified else ssl.CERT_NONE
        return context


def _host_and_port(text: str) -> tuple[str, int]:
    """`host`, `host:port`, `[2001:db8::1]:port`."""
    try:
        parts = urlsplit(f"//{text}")
        host, port = parts.hostname, parts.port
    except ValueError:
        raise InvalidAddress("the database URL has a host or port that cannot be read") from None
    if not host:
        raise InvalidAddress("the database URL names no host")
    return host, DEFAULT_PORT if port is None else port


def _tls_options(query: str) -> dict[str, Any]:
    options: dict[str, str] = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        if name not in _OPTIONS:
            raise InvalidAddress(
                f"the database URL has an unknown option {name!r}; it knows {', '.join(sorted(_OPTIONS))}"
            )
        if name in options:
            raise InvalidAddress(f"the database URL has {name} twice")
        if not value:
            raise InvalidAddress(f"the database URL has {name} without a value")
        options[name] = value
    if "ssl_ca" in options:
        options.setdefault("ssl_mode", "verify_identity")
    if "ssl_key" in options and "ssl_cert" not in options:
        raise InvalidAddress("the database URL has ssl_key without ssl_cert")
    mode = options.get("ssl_mode", "preferred").lower().replace("-", "_")
    if mode not in _TLS_MODES:
        raise InvalidAddress(f"ssl_mode in the database URL has to be one of {', '.join(_TLS_MODES)}")
    if "ssl_ca" in options and mode in ("preferred", "required"):
        raise InvalidAddress(
            f"ssl_mode={mode} in the database URL would not check the certificate against ssl_ca"
        )
    if mode == "disabled" and options.keys() & {"ssl_ca", "ssl_cert", "ssl_key"}:
        raise InvalidAddress("the database URL disables TLS and names certificates")
    return {**options, "ssl_mode": mode}
