"""List and show formats: how the bytes of an object become rows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import click

from penstock import formats
from penstock.cli import _listing, _workspace
from penstock.cli._listing import ListForm
from penstock.config import Config, load, search_path
from penstock.readers import Syntax

__all__ = ["format"]


@click.group()
def format() -> None:
    """Look at formats."""


@format.command("list")
@_listing.form_option
@_workspace.config_option
def list_(form: ListForm, config_path: str | None) -> None:
    """Every type of format, those of each type that exist without being written, and the configured ones.

    \b
      penstock format list
    """
    rows = list(_rows(load(search_path(config_path))))
    _listing.show_all(rows, form, columns=("name", "kind", "description"), nothing="there is none")


@format.command()
@click.argument("name", metavar="TYPE or TYPE.NAME")
@_listing.form_option
@_workspace.config_option
def show(name: str, form: ListForm, config_path: str | None) -> None:
    """One type of format with its arguments, or one format with what they are.

    \b
      penstock format show delimited
      penstock format show jsonl.default --output json
    """
    config = load(search_path(config_path))
    row = _listing.chosen(list(_rows(config)), name, "format")
    type_, _, label = row["name"].partition(".")
    if label:
        syntax = {**formats.presets(), **config.formats}[row["name"]]
        _listing.show_one({**row, "reader": syntax.reader, "options": _options(syntax)}, form)
        return
    declared = formats.find(type_)
    arguments = _listing.arguments(declared.arguments)
    _listing.show_one({**row, "reference": declared.reference, "arguments": arguments}, form)


def _rows(config: Config) -> Iterator[dict[str, Any]]:
    for name in formats.names():
        declared = formats.find(name)
        yield {"name": name, "kind": "type", "description": declared.description}
        for preset in declared.presets:
            yield {"name": f"{name}.{preset.name}", "kind": "preset", "description": preset.description}
    for full in config.formats:
        described = formats.find(full.partition(".")[0]).description
        yield {"name": full, "kind": "configured", "description": described}


def _options(syntax: Syntax) -> dict[str, Any]:
    return {name: value if isinstance(value, str) else repr(value) for name, value in syntax.options.items()}
