"""Merge small files, let old days go, and clean up, now."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict

import click

from penstock.cli import FAILED, _workspace
from penstock.cli._collecting import choose
from penstock.cli._place import time_of
from penstock.compact import Compactor, Report, Wanted
from penstock.compact.prepare import compactor
from penstock.config import settings_of
from penstock.errors import UsageError

__all__ = ["compact", "opened"]


@click.command()
@click.argument("names", nargs=-1, metavar="[TABLE or TABLE.PARTITION] ...")
@click.option("--from", "from_", metavar="TIME", help="Only days from this one on (2026-01-31, T-7d, ...).")
@click.option("--to", metavar="TIME", help="Only days that begin before this time.")
@click.option("--reindex", is_flag=True, help="Divide files anew after tp_index changed, instead of merging.")
@click.option("--output", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
@_workspace.options
def compact(
    names: tuple[str, ...],
    from_: str | None,
    to: str | None,
    reindex: bool,
    form: str,
    workspace: str | None,
    config_path: str | None,
) -> None:
    """Bring partitions into shape: all of them, or those that are named (* and ? are wild).

    Small files are merged towards PENSTOCK_TARGET_BYTES, days older than a partition's retention
    are let go, those that a tier is for move there, merged files get the name that all engines see,
    and removed ones are deleted, both after PENSTOCK_GRACE_SECONDS; the catalogue is published.
    Readers see the same rows all the while. It may be stopped at any time and run by several at once.

    \b
      penstock compact
      penstock compact aws_cloudtrail_log.prod --from T-30d
      penstock compact aws_cloudtrail_log --reindex

    The exit status is 0 when all is well, 1 when something could not be done, 254 for a wrong command.
    """
    with opened(workspace, config_path) as made:
        wanted = _wanted(made, names, from_, to)
        made.tell = lambda line: click.echo(line, err=True)
        report = made.run(wanted, reindex=reindex)
    click.echo(json.dumps(asdict(report)) if form == "json" else "\n".join(_lines(report)))
    for name, reason in report.failed.items():
        click.echo(f"{name}: {reason}", err=True)
    raise SystemExit(FAILED if report.failed else 0)


@contextmanager
def opened(workspace: str | None, config_path: str | None) -> Iterator[Compactor]:
    """A compactor of the workspace that the options name; its work folder goes in the end."""
    chosen, config = _workspace.workspace_of(workspace, config_path)
    settings = settings_of(chosen.hive, chosen.ledger)
    hive, ledger = _workspace.hive_of(chosen), _workspace.ledger_of(chosen)
    made = compactor(settings, hive, ledger, lambda: config, _workspace.account_of(chosen))
    try:
        yield made
    finally:
        made.close()


def _wanted(made: Compactor, names: tuple[str, ...], from_: str | None, to: str | None) -> Wanted:
    now = dt.datetime.now().astimezone()
    begin, end = time_of("--from", from_, now), time_of("--to", to, now)
    if begin and end and begin >= end:
        raise UsageError(f"--from {from_} is not before --to {to}")
    chosen = frozenset(choose(made.site.ledger.partitions(), names)) if names else None
    last = (end - dt.timedelta(microseconds=1)).date() if end else None
    return Wanted(chosen, begin.date() if begin else None, last)


def _lines(report: Report) -> list[str]:
    lines = [
        f"merged: {report.files_in} files to {report.files_out}, {report.rows} rows, "
        f"{report.bytes_in} bytes to {report.bytes_out}",
        f"shown: {report.flipped} files; deleted: {report.deleted}; to be deleted later: {report.owed}",
    ]
    if report.repeated:
        lines.append(f"repeated keys left out: {report.repeated} rows")
    if report.expired_days:
        lines.append(
            f"expired: {report.expired_days} days, {report.expired_files} files, {report.expired_rows} rows"
        )
    if report.tiered_days:
        lines.append(
            f"tiered: {report.tiered_days} days, {report.tiered_files} files, {report.tiered_bytes} bytes"
        )
    if report.orphans:
        lines.append(f"orphans deleted: {report.orphans} files")
    if report.dropped:
        lines.append(f"dropped from the ledger's logs: {report.dropped} commits")
    if report.lost:
        lines.append(f"left to others: {report.lost}")
    if report.exported_files:
        lines.append(f"listed in Iceberg tables: {report.exported_files} files")
    lines.append(
        f"catalogue: published, {report.published_bytes} bytes"
        if report.published_bytes
        else "catalogue: published already"
    )
    return lines
