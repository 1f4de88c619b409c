"""Every setting: its name, unit, default and bounds. Read from the environment and from `.env`."""

from __future__ import annotations

import difflib
import importlib.util
import ipaddress
import os
import re
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, SecretStr, model_validator
from pydantic_core import PydanticCustomError
from pydantic_settings import BaseSettings, EnvSettingsSource, SettingsConfigDict

if TYPE_CHECKING:
    from pydantic_settings import PydanticBaseSettingsSource

PREFIX = "STUDENTAPI_"
OTHERS = ("APPLICATION", "PYTHON_HOME", "HARAKIRI", "MYSQLD", "MYSQL_PASSWORD", "TEST_DATABASE_URL")
"""Names that are no settings: of uwsgi.ini, the private server, compose.yaml and the tests."""
_UNKNOWN = "unknown_names"

Seconds = Annotated[float, Field(gt=0, le=86_400, allow_inf_nan=False)]


def _rate(text: str) -> str:
    """Check a rate limit's notation."""
    from limits import parse_many  # noqa: PLC0415 - a command that serves nothing starts without it

    try:
        amounts = [limit.amount for limit in parse_many(text)] if text else [1]
    except ValueError:
        amounts = [0]
    if not all(amounts):
        raise PydanticCustomError(
            "rate", "a rate limit is as in '600/minute' or '20/second;10000/hour', and empty for none"
        )
    return text


def _storage(address: str | SecretStr) -> str | SecretStr:
    if not isinstance(address, SecretStr):
        return address
    if not address.get_secret_value().startswith(("redis://", "rediss://", "redis+unix://")):
        raise PydanticCustomError(
            "storage", "it is 'memory', or an address that begins with redis://, rediss:// or redis+unix://"
        )
    if importlib.util.find_spec("redis") is None:
        raise PydanticCustomError("storage", "Redis needs the extra 'redis' of this package")
    return address


def _origins(text: str) -> str:
    if "*" in text:
        raise PydanticCustomError("origins", "'*' would let every site's scripts in: name the origins")
    for origin in filter(None, text.split(",")):
        if not re.fullmatch(r"https?://[a-z0-9.-]+(:\d{1,5})?", origin.strip()):
            raise PydanticCustomError(
                "origins", "an origin is as in 'https://school.example' or 'http://localhost:3000', no path"
            )
    return text


Rate = Annotated[str, AfterValidator(_rate)]


def _cores() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0))


class Settings(BaseSettings):
    """Settings of one app; the environment names carry the prefix `STUDENTAPI_`."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_file=".env", extra="ignore", frozen=True, hide_input_in_errors=True
    )

    database_url: SecretStr = Field(
        description="`mysql://user:password@host:port[,host:port…]/name?ssl_ca=…`; "
        "with several hosts, the first that takes writes serves"
    )
    connect_timeout: Seconds = Field(
        3.0, description="seconds for a whole connect: name lookup, TCP, TLS, handshake"
    )
    statement_timeout: Seconds = Field(10.0, description="seconds for one statement, ended in the server too")
    database_patience: Annotated[float, Field(ge=0, le=3600)] = Field(
        5.0, description="seconds that a request waits for a database that is away, before 503"
    )
    connection_max_age: Seconds = Field(
        3600.0,
        description="seconds after which a connection is replaced between requests, ±10 % at random",
    )
    connection_idle_check: Annotated[float, Field(ge=0, le=86_400)] = Field(
        2.0,
        description="idle for more seconds than this: a bounded round trip before use; less: the zero-cost check",
    )
    host: str = Field("127.0.0.1", description="address to serve on")
    port: Annotated[int, Field(ge=1, le=65_535)] = Field(8000, description="port to serve on")
    processes: Annotated[int, Field(ge=1, le=1024)] = Field(
        default_factory=_cores, description="uWSGI worker processes; default: the processors of the machine"
    )
    threads: Annotated[int, Field(ge=1, le=1024)] = Field(
        8, description="threads of each worker process, each with its own connection"
    )
    auth: Literal["required", "off"] = Field(
        "required", description="bearer tokens; `off` only together with a loopback HOST"
    )
    rate_limit_token: Rate = Field("12000/minute", description="requests of one token; empty: no limit")
    rate_limit_address: Rate = Field(
        "30000/minute",
        description="requests from one address, with any token or none; empty: no limit; "
        "with `AUTH=off` there is one only where it is set",
    )
    rate_limit_failures: Rate = Field(
        "60/minute", description="requests from one address without a valid token; empty: no limit"
    )
    rate_limit_storage: Annotated[Literal["memory"] | SecretStr, AfterValidator(_storage)] = Field(
        "memory",
        description="where the counters are: `memory` of this service, exact over its workers; or "
        "`redis://user:password@host:port/0`, exact over several instances",
    )
    trusted_proxies: Annotated[int, Field(ge=0, le=16)] = Field(
        0,
        description="proxies in front, whose `X-Forwarded-For` and `X-Forwarded-Proto` are believed; "
        "0: nobody's are",
    )
    cors_origins: Annotated[str, AfterValidator(_origins)] = Field(
        "", description="origins whose scripts may read answers, separated by commas; empty: none"
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="least severe log line that is written to standard output"
    )
    request_log: Literal["on", "off"] = Field(
        "on", description="a log line, of level `info`, for each request, written when its answer is sent"
    )

    @property
    def origins(self) -> tuple[str, ...]:
        """`cors_origins`, one by one."""
        return tuple(origin.strip() for origin in self.cors_origins.split(",") if origin.strip())

    @property
    def address_limit(self) -> str:
        """`rate_limit_address`; where everyone may do everything, none unless it was asked for."""
        asked = self.auth == "required" or "rate_limit_address" in self.model_fields_set
        return self.rate_limit_address if asked else ""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The usual sources, and the names in them that are no settings' for `_no_unknown_names` to refuse."""
        del settings_cls
        sources = (init_settings, env_settings, dotenv_settings, file_secret_settings)
        unknown = {
            name.upper()
            for source in sources
            if isinstance(source, EnvSettingsSource)
            for name in source.env_vars
            if name.upper().startswith(PREFIX)
        } - {PREFIX + name.upper() for name in (*cls.model_fields, *OTHERS)}
        return (*sources, lambda: {_UNKNOWN: sorted(unknown)} if unknown else {})  # type: ignore[return-value]

    @model_validator(mode="before")
    @classmethod
    def _no_unknown_names(cls, given: Any) -> Any:
        unknown = given.pop(_UNKNOWN, []) if isinstance(given, dict) else []
        if unknown:
            known = [PREFIX + name.upper() for name in cls.model_fields]
            nearest = ((name, difflib.get_close_matches(name, known, 1)) for name in unknown)
            said = [f"{name} ({near[0]} was meant?)" if near else name for name, near in nearest]
            raise ValueError(f"no setting has the name {', '.join(said)}")
        return given

    @model_validator(mode="after")
    def _open_only_to_this_machine(self) -> Self:
        if self.auth == "off" and not _is_loopback(self.host):
            raise ValueError(
                "STUDENTAPI_AUTH=off would serve students' data to the network: "
                f"it needs a loopback STUDENTAPI_HOST, not {self.host!r}"
            )
        return self


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
