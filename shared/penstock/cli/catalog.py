"""Publish the catalogue that new readers start from, or make it anew."""

from __future__ import annotations

from collections.abc import Callable

import click

from penstock.catalogue import State
from penstock.cli import _workspace
from penstock.cli.compact import opened
from penstock.compact import Compactor
from penstock.compact.publish import PUBLISHED, publish, rebuild
from penstock.compact.worker import declared

__all__ = ["catalog"]


@click.group()
def catalog() -> None:
    """The catalogue in the hive: the file through which plain DuckDB, and every new reader, sees it."""


@catalog.command("publish")
@_workspace.options
def publish_(workspace: str | None, config_path: str | None) -> None:
    """Bring the published catalogue to the ledger's head. The compact function does it by itself.

    Anybody with plain DuckDB attaches it read-only and sees each partition whole:

    \b
      ATTACH 'ducklake:s3://my-hive/_catalog/penstock.ducklake' AS logs (READ_ONLY);
      SELECT count(*) FROM logs.aws_cloudtrail_log;
    """
    _put(workspace, config_path, lambda made: made.look(made.read_config()))


@catalog.command("rebuild")
@_workspace.options
def rebuild_(workspace: str | None, config_path: str | None) -> None:
    """Make the catalogue anew from the ledger alone, and publish it."""

    def anew(made: Compactor) -> State:
        path = made.folder / "rebuilt.ducklake"
        return rebuild(path, made.site, source=made.source, declared=declared(made.read_config()))

    _put(workspace, config_path, anew, anyway=True)


def _put(
    workspace: str | None,
    config_path: str | None,
    made_by: Callable[[Compactor], State],
    anyway: bool = False,
) -> None:
    with opened(workspace, config_path) as made:
        state = made_by(made)
        done = publish(made.site, state, anyway=anyway)
        where = f"{made.site.hive.root}/{PUBLISHED}"
        said = f"published, {done.bytes} bytes" if done.put else "published already, nothing is new"
        click.echo(f"{where}: {said}")
        for partition, version in sorted(state.versions.items()):
            click.echo(f"  {partition} at version {version}")
