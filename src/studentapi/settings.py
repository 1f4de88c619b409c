"""Every setting: its name, unit, default and bounds. Read from the environment and from `.env`."""

from __future__ import annotations

import ipaddress
import os
from typing import Annotated, Literal, Self

from pydantic import Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

Seconds = Annotated[float, Field(gt=0, le=86_400, allow_inf_nan=False)]


def _cores() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0))


class Settings(BaseSettings):
    """Settings of one app; the environment names carry the prefix `STUDENTAPI_`."""

    model_config = SettingsConfigDict(
        env_prefix="STUDENTAPI_", env_file=".env", extra="ignore", frozen=True, hide_input_in_errors=True
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
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="least severe log line that is written to standard output"
    )

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
