"""Write a SQL script that shows the hive to plain DuckDB."""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import time
from pathlib import Path
from typing import Literal

import click

from penstock import query
from penstock.cli import _place, _workspace
from penstock.errors import PenstockError

__all__ = ["connect"]

FAILED = 71
_KEPT_SECONDS = 86_400


@click.command()
@_place.filter_options
@click.option("--output", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
@_workspace.options
def connect(
    from_: str | None,
    to: str | None,
    partitions: tuple[str, ...],
    indexes: tuple[str, ...],
    form: Literal["text", "json"],
    workspace: str | None,
    config_path: str | None,
) -> None:
    """Write a SQL script that shows the hive to plain DuckDB, and print its path.

    The script loads extensions, takes credentials from the AWS chain of whoever runs it, attaches
    a copy of the catalogue as it is now, and makes one filtered view for each table. It is good
    until the files it knows are cleared away after a compaction; scripts of more than a day ago are
    removed.

    \b
      duckdb -init "$(penstock connect --from T-7d)"
      penstock connect --partition aws_cloudtrail_log.prod --output json

    json is an object with init_script_path, and error when it failed (also with status 0). The exit
    status is 0 when all is well, 71 when it failed, 91 when cancelled, 254 for a wrong command.
    """
    filters = _place.filters_of(from_, to, partitions, indexes)
    try:
        path = _write(workspace, config_path, filters)
    except PenstockError as error:
        if form == "json":
            click.echo(json.dumps({"error": str(error)}))
            return
        click.echo(str(error), err=True)
        raise SystemExit(FAILED) from None
    click.echo(json.dumps({"init_script_path": str(path)}) if form == "json" else str(path))


def _write(workspace: str | None, config_path: str | None, filters: query.Filters) -> Path:
    chosen, config = _workspace.workspace_of(workspace, config_path)
    place = _place.place_of(chosen, config)
    folder = _workspace.cache_of(chosen) / "connect"
    folder.mkdir(parents=True, exist_ok=True)
    _clear(folder)
    stem = f"penstock_init_{dt.datetime.now(dt.UTC):%Y%m%dT%H%M%S%f}"
    # A copy of its own: the catalogue is replaced while somebody else has the script's attached.
    state = query.keep(query.newest(place), folder / f"{stem}.ducklake")
    text = query.script(
        state,
        place.hive,
        filters=filters,
        views=place.views(),
        region=chosen.region or "",
        profile=chosen.profile or "",
        endpoint_url=chosen.endpoint_url or "",
    )
    path = folder / f"{stem}.sql"
    path.write_text(text, encoding="utf-8")
    return path


def _clear(folder: Path) -> None:
    """Remove the scripts of a day ago and their catalogues; another process may be at it too."""
    for old in folder.glob("penstock_init_*"):
        with contextlib.suppress(FileNotFoundError):
            if time.time() - old.stat().st_mtime > _KEPT_SECONDS:
                old.unlink()
