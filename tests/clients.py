"""Clients of the app, inside the process."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import SecretStr

from studentapi.settings import Settings

if TYPE_CHECKING:
    from flask import Flask
    from flask.testing import FlaskClient


def settings_for(url: str) -> Settings:
    """Settings that are all defaults, and depend on nothing of this machine."""
    return Settings(database_url=SecretStr(url), _env_file=None)  # type: ignore[call-arg]


def another(client: FlaskClient) -> FlaskClient:
    """A client with the same token, for another thread."""
    fresh = client.application.test_client()
    fresh.environ_base.update(client.environ_base)
    return fresh


def bearer(app: Flask, secret: str) -> FlaskClient:
    """A client that brings its token along."""
    client = app.test_client()
    client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {secret}"
    return client
