"""Keep a working set of the hive here, so that queries read it locally."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from penstock import query
from penstock.cli import FAILED, _listing, _place, _workspace
from penstock.cli._answer import size
from penstock.cli._collecting import choose
from penstock.cli._listing import ListForm
from penstock.cli._pulling import fetch, summed
from penstock.errors import UsageError
from penstock.hive import Hive
from penstock.query import pulled, pulling
from penstock.query.pulling import File, Wanted

__all__ = ["pull"]

_COLUMNS = ("name", "files", "of_files", "percent", "bytes", "first", "last")


@click.command()
@click.argument("names", nargs=-1, metavar="[TABLE or TABLE.PARTITION] ...")
@click.option("--from", "from_", metavar="TIME", help="Rows from this time on (2026-01-31, T-7d, ...).")
@click.option("--to", metavar="TIME", help="Rows up to this time, itself included; a date is its midnight.")
@click.option("--list", "listing", is_flag=True, help="Show what is here, and how much of the hive that is.")
@click.option("--drop", "dropping", is_flag=True, help="Remove copies instead: all, or those that are named.")
@_listing.form_option
@_workspace.options
def pull(
    names: tuple[str, ...],
    from_: str | None,
    to: str | None,
    listing: bool,
    dropping: bool,
    form: ListForm,
    workspace: str | None,
    config_path: str | None,
) -> None:
    """Bring files of the hive here: all, or those of a range or of the partitions that are named.

    Queries read the copies where there are any and S3 for the rest; the answers are the same. Files
    and bytes are told beforehand. A pull that was stopped goes on where it was when it is run again.
    Files that the hive has replaced meanwhile (compaction) are removed by the next pull, which
    fetches what took their place.

    \b
      penstock pull aws_cloudtrail_log.prod --from T-30d
      penstock pull "aws_*" --from 2026-01-01 --to 2026-02-01
      penstock pull --list
      penstock pull --drop aws_cloudtrail_log --to 2026-01-01

    * and ? are wild. --output is for --list.

    The exit status is 0 when all is well, 1 when it failed, 91 when cancelled, 254 for a wrong command.
    """
    if listing and dropping:
        raise UsageError("found --list and --drop, expected one of them")
    chosen, config = _workspace.workspace_of(workspace, config_path)
    place = _place.place_of(chosen, config)
    if not place.pulled:
        raise UsageError(f"the hive is a directory, {place.hive}: it is here already")
    filters = _place.filters_of(from_, to, (), ())
    state = query.newest(place)
    partitions = frozenset(choose(sorted(state.versions), names)) if names else None
    wanted = Wanted(partitions, filters.from_, filters.to)
    live = pulling.live(state, place.hive)
    if listing:
        _list(live, wanted, place.pulled, form)
    elif dropping:
        _drop(live, wanted, place.pulled[0])
    elif not _pull(_workspace.hive_of(chosen), live, wanted, place.pulled[0]):
        raise SystemExit(FAILED)


def _pull(hive: Hive, live: Sequence[File], wanted: Wanted, folder: Path) -> bool:
    """Whether all that is wanted is here."""
    with pulling.alone(folder):
        gone = pulling.tidy(folder, live)
        if gone.files:
            click.echo(f"removed {summed(gone.files, gone.bytes)} that the hive no longer has", err=True)
        meant = [file for file in live if wanted.means(file)]
        lacking = pulling.missing(meant, folder)
        click.echo(_plan(meant, lacking), err=True)
        came = fetch(hive, folder, lacking)
    click.echo(f"{summed(came.files, came.bytes)} pulled to {folder}")
    if came.gone:
        click.echo(f"{came.gone:,} files were replaced in the hive meanwhile: run it again", err=True)
    return not came.gone


def _plan(meant: Sequence[File], lacking: Sequence[File]) -> str:
    here = len(meant) - len(lacking)
    total = summed(len(meant), sum(file.bytes for file in meant))
    return f"{total} wanted, {here:,} here; {size(sum(file.bytes for file in lacking))} to fetch"


def _drop(live: Sequence[File], wanted: Wanted, folder: Path) -> None:
    with pulling.alone(folder):
        gone = pulling.tidy(folder, [] if wanted == Wanted() else live)
        more = pulling.drop(folder, [file.path for file in live if wanted.means(file)])
    click.echo(f"{summed(gone.files + more.files, gone.bytes + more.bytes)} removed")


def _list(live: Sequence[File], wanted: Wanted, folders: Sequence[Path], form: ListForm) -> None:
    """What is here in any of the folders; what has become of no use in the first one."""
    here = {path: n for folder in reversed(folders) for path, n in pulled.copies(folder).items()}
    groups: dict[str, list[File]] = {}
    for file in filter(wanted.means, live):
        groups.setdefault(str(file.partition), []).append(file)
    rows = [_row(name, files, here) for name, files in sorted(groups.items())]
    shown = [row for row in rows if row["files"]]
    _listing.show_all(shown, form, columns=_COLUMNS, nothing="nothing is pulled")
    known = {file.path: file.bytes for file in live}
    old = [n for path, n, whole in pulled.standing(folders[0]) if not whole or known.get(path) != n]
    if old:
        click.echo(
            f"{summed(len(old), sum(old))} are of no use any more; the next pull removes them", err=True
        )


def _row(name: str, files: Sequence[File], here: Mapping[str, int]) -> dict[str, Any]:
    """What is here of one partition, and out of how much; times are those of the rows that are here."""
    found = [file for file in files if here.get(file.path) == file.bytes]
    bytes_, of_bytes = (sum(file.bytes for file in some) for some in (found, files))
    return {
        "name": name,
        "files": len(found),
        "bytes": bytes_,
        "first": min((_begin(file) for file in found), default=None),
        "last": max((_end(file) for file in found), default=None),
        "of_files": len(files),
        "of_bytes": of_bytes,
        "percent": 100 * bytes_ // of_bytes if of_bytes else 0,
    }


def _begin(file: File) -> dt.datetime:
    return file.first or dt.datetime.combine(file.tp_date, dt.time(), dt.UTC)


def _end(file: File) -> dt.datetime:
    return file.last or dt.datetime.combine(file.tp_date, dt.time.max, dt.UTC)
