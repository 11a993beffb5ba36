"""List, show and delete partitions."""

from __future__ import annotations

import datetime as dt

import click

from penstock import delete as deleting
from penstock import query
from penstock.cli import _facts, _listing, _place, _workspace
from penstock.cli._listing import ListForm
from penstock.collect.bad import bad_objects
from penstock.compact import Site
from penstock.config import settings_of

__all__ = ["partition"]

_COLUMNS = ("name", "files", "rows", "bytes", "first", "last", "last_commit", "rejected")


_BAD_SHOWN = 10


@click.group()
def partition() -> None:
    """Look at partitions and what they hold, or delete from one."""


@partition.command("list")
@_listing.form_option
@_workspace.options
def list_(form: ListForm, workspace: str | None, config_path: str | None) -> None:
    """Every partition that is configured or holds rows.

    \b
      penstock partition list
      penstock partition list --output plain | cut -f 1,3

    plain has name, files, rows, bytes, first, last, last commit, rejected, with tabs between.
    """
    place, config = _place.placed(workspace, config_path)
    found = _facts.partitions(place, config)
    _listing.show_all(found, form, columns=_COLUMNS, nothing="no partition is configured or holds rows")


@partition.command()
@click.argument("name")
@_listing.form_option
@_workspace.options
def show(name: str, form: ListForm, workspace: str | None, config_path: str | None) -> None:
    """One partition: where it comes from, what it holds, and which objects could not be read, and why.

    Bad objects stay known, so that nothing tries them for ever; `penstock collect --redrive` does.

    \b
      penstock partition show aws_cloudtrail_log.prod --output json
    """
    place, config = _place.placed(workspace, config_path)
    state = query.newest(place)
    known = [{"name": str(p), "id": p} for p in sorted({*state.versions, *config.partitions})]
    one = _listing.chosen(known, name, "partition")["id"]
    told = _facts.partitions(place, config, only=one)[0]
    bad = bad_objects(place.ledger, one)
    reasons = [f"{record.identity}: {record.reason}" for record in bad]
    most = len(reasons) if form == "json" else _BAD_SHOWN
    more = [f"and {len(reasons) - most:,} more (--output json tells all)"] if len(reasons) > most else []
    _listing.show_one(told | {"bad": len(bad), "bad_objects": [*reasons[:most], *more]}, form)


@partition.command()
@click.argument("name")
@click.option("--from", "from_", metavar="TIME", help="Rows from this time on, itself included.")
@click.option("--to", metavar="TIME", help="Rows up to this time, itself included; a date is its midnight.")
@click.option("--force", is_flag=True, help="Do not ask.")
@_workspace.options
def delete(
    name: str, from_: str | None, to: str | None, force: bool, workspace: str | None, config_path: str | None
) -> None:
    """Delete the rows of one partition, all or those between two times.

    It is one commit: readers see all of the rows or none. Files wholly inside the range go; a file
    that lies across its ends is written anew without the rows. Rejected rows go by the same times.
    The objects stay collected, so nothing comes back by itself; `penstock collect --overwrite`
    brings it back. The files stand in the hive until compaction clears them.

    \b
      penstock partition delete aws_cloudtrail_log.prod --to 2025-01-01
      penstock partition delete aws_cloudtrail_log.test --force

    The exit status is 0 when all is well, 1 when it failed, 91 when it was not confirmed, 254 for a
    wrong command.
    """
    chosen, config = _workspace.workspace_of(workspace, config_path)
    place = _place.place_of(chosen, config)
    filters = _place.filters_of(from_, to, (), ())
    wanted = deleting.Range(filters.from_, filters.to)
    state = query.newest(place)
    known = [{"name": str(p), "id": p} for p in sorted({*state.versions, *config.partitions})]
    which = _listing.chosen(known, name, "partition")["id"]
    found = deleting.look(state, place.hive, which, wanted)
    if not (found.whole or found.cut):
        click.echo(f"{which} has no rows there; nothing is deleted", err=True)
        return
    if not force:
        click.confirm(_asked(found), abort=True, err=True)
    place.scratch.mkdir(parents=True, exist_ok=True)
    site = Site(_workspace.hive_of(chosen), place.ledger, grace=dt.timedelta())
    memory = settings_of(chosen.hive, chosen.ledger).memory_mb
    done = deleting.delete(
        site, lambda: query.newest(place), which, wanted, scratch=place.scratch, memory_mb=memory
    )
    anew = f", {done.rewritten:,} of them written anew without the rows" if done.rewritten else ""
    click.echo(f"{done.rows:,} rows in {done.files:,} files of {which} are deleted{anew}")


def _asked(found: deleting.Found) -> str:
    rows = sum(file.rows for file in found.whole)
    some = f" and some of {sum(f.rows for f in found.cut):,} rows in {len(found.cut):,}" if found.cut else ""
    return f"Delete {rows:,} rows in {len(found.whole):,} files{some} of {found.partition}?"
