"""List and show the kinds of source, and their arguments."""

from __future__ import annotations

from typing import Any

import click

from penstock import sources
from penstock.cli import _listing, _workspace
from penstock.cli._listing import ListForm
from penstock.config import Config, load, search_path

__all__ = ["source"]


@click.group()
def source() -> None:
    """Look at the kinds of source that a partition can have."""


@source.command("list")
@_listing.form_option
@_workspace.config_option
def list_(form: ListForm, config_path: str | None) -> None:
    """Every kind of source, and which partitions have one.

    \b
      penstock source list
    """
    rows = _rows(load(search_path(config_path)))
    _listing.show_all(rows, form, columns=("name", "description", "partitions"), nothing="there is none")


@source.command()
@click.argument("name")
@_listing.form_option
@_workspace.config_option
def show(name: str, form: ListForm, config_path: str | None) -> None:
    """One kind of source: its arguments, and where it is used.

    \b
      penstock source show aws_s3_bucket
    """
    row = _listing.chosen(_rows(load(search_path(config_path))), name, "source")
    arguments = _listing.arguments(sources.find(row["name"]).arguments)
    _listing.show_one({**row, "arguments": arguments}, form)


def _rows(config: Config) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "description": sources.find(name).description,
            "partitions": [
                str(p.id) for p in config.partitions.values() if any(s.type == name for s in p.sources)
            ],
        }
        for name in sources.names()
    ]
