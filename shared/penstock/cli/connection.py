"""List and show connections: whose credentials are used, never the credentials."""

from __future__ import annotations

from typing import Any

import click

from penstock.cli import _listing, _workspace
from penstock.cli._listing import ListForm
from penstock.config import Config, load, search_path

__all__ = ["connection"]


@click.group()
def connection() -> None:
    """Look at connections."""


@connection.command("list")
@_listing.form_option
@_workspace.config_option
def list_(form: ListForm, config_path: str | None) -> None:
    """Every connection, and what it uses.

    \b
      penstock connection list
    """
    columns = ("name", "credentials", "region", "role_arn", "partitions")
    rows = _rows(load(search_path(config_path)))
    _listing.show_all(rows, form, columns=columns, nothing="there is none")


@connection.command()
@click.argument("name")
@_listing.form_option
@_workspace.config_option
def show(name: str, form: ListForm, config_path: str | None) -> None:
    """One connection, without its secrets.

    \b
      penstock connection show aws.logs
    """
    _listing.show_one(_listing.chosen(_rows(load(search_path(config_path))), name, "connection"), form)


def _rows(config: Config) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "credentials": _credentials(found.profile, found.access_key),
            "region": found.region,
            "role_arn": found.role_arn,
            "endpoint_url": found.endpoint_url,
            "partitions": [
                str(p.id)
                for p in config.partitions.values()
                if any(getattr(s, "connection", None) == name for s in p.sources)
            ],
        }
        for name, found in config.connections.items()
    ]


def _credentials(profile: str | None, access_key: str | None) -> str:
    if profile:
        return f"profile {profile}"
    return f"access key {access_key[:4]}…" if access_key else "the AWS chain"
