"""Check the configuration: what it says, or everything that is wrong with it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import click
from rich.console import Console
from rich.markup import escape

from penstock import aws, query
from penstock.catalogue import change
from penstock.cli import _workspace
from penstock.cli._place import place_of
from penstock.condition import check_expression
from penstock.config import Config, Connection, Partition, load, search_path, workspace_name
from penstock.errors import ConfigError, PenstockError, Problem

__all__ = ["config"]


@click.group()
def config() -> None:
    """Look at the configuration."""


@config.command()
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path))
@click.option("--workspace", help="Whose hive to compare with; else PENSTOCK_WORKSPACE, else default.")
def check(paths: tuple[Path, ...], workspace: str | None) -> None:
    """Read the configuration and say what it says, or everything that is wrong with it.

    PATHS are files, or directories with *.tpc and *.hcl files. Without any, the directories of
    PENSTOCK_CONFIG_PATH (colons between them) are read, else the working directory and
    ~/.penstock/config.

    Tables are held against the files that the workspace's ledger knows: what these hold must be
    readable as the columns that are configured. Where there is no ledger within reach, that is said.

    The exit status is 0 when all is well, 1 when something is wrong, 254 for a wrong command.

    A file that collects CloudTrail logs:

    \b
      connection "aws" "logs" {
        profile = "logging-account"
      }
      partition "aws_cloudtrail_log" "prod" {
        source "aws_s3_bucket" {
          connection = connection.aws.logs
          bucket     = "my-cloudtrail-logs"
        }
        filter   = "event_source <> 'kms.amazonaws.com'"
        tp_index = "recipient_account_id"
      }
    """
    out = Console(highlight=False, soft_wrap=True, emoji=False)
    where = paths or search_path()
    try:
        found = load(where, check_expression=check_expression)
    except ConfigError as error:
        _show_problems(out, error.problems)
        raise SystemExit(1) from None
    compared = _compare(found, workspace_name(workspace))
    if compared.problems:
        _show_problems(out, compared.problems)
        raise SystemExit(1)
    _show(out, found, where)
    if found.files:
        out.print(escape(compared.said))


@dataclass(frozen=True, slots=True)
class _Compared:
    """What holding the tables against a hive came to."""

    said: str
    problems: tuple[Problem, ...] = ()


def _compare(found: Config, name: str) -> _Compared:
    """Hold the tables against what the live files of the workspace hold."""
    try:
        workspace = found.workspace(name)
        if not _workspace.ledger_stands(workspace):
            return _Compared(f"not compared with a hive: workspace {name} has none yet")
        place = place_of(workspace, found)
        holds = change.held(query.newest(place).path)
    except (PenstockError, OSError, *aws.AwsError) as error:
        return _Compared(f"not compared with a hive: workspace {name}: {error}")
    problems = [
        Problem(*_place(found, table, misfit.column), misfit.reason)
        for table, columns in place.declared.items()
        for misfit in change.unreadable(table, columns, holds)
    ]
    files = _count(sum(one.files or 0 for one in holds), "live file")
    said = f"compared with {files} of workspace {name}: readable as configured"
    return _Compared(said, tuple(sorted(problems)))


def _place(found: Config, table: str, column: str) -> tuple[str, int]:
    """File and line of a column, of its table where it has no block, or what else there is to say."""
    known = f"{table}.{column.lower()}", table
    return next((found.places[name] for name in known if name in found.places), (f'table "{table}"', 0))


def _show_problems(out: Console, problems: tuple[Problem, ...]) -> None:
    for problem in problems:
        place = f"{problem.file}:{problem.line}" if problem.line else problem.file
        hint = f" [yellow]({escape(problem.hint)})[/]" if problem.hint else ""
        out.print(f"[bold]{escape(place)}:[/] [red]{escape(problem.message)}[/]{hint}")
    files = len({problem.file for problem in problems})
    out.print(
        f"{_count(len(problems), 'problem')} in {_count(files, 'file')}; nothing is used until they are gone"
    )


def _show(out: Console, found: Config, where: tuple[Path, ...]) -> None:
    if not found.files:
        places = f" {', '.join(str(path) for path in where)}" if where else " any search directory"
        out.print(f"no *.tpc or *.hcl file in{escape(places)}; nothing is configured")
        return
    connections = [name for name in found.connections if found.connections[name] != Connection("default")]
    counts = [
        _count(len(found.files), "file"),
        _count(len(connections), "connection"),
        _count(len(found.partitions), "partition"),
        _count(len(found.workspaces), "workspace"),
    ]
    out.print(f"[green]all well[/]: {', '.join(counts)}")
    for name in connections:
        out.print(f"connection [bold]{escape(name)}[/]")
    for name in found.formats:
        out.print(f"format [bold]{escape(name)}[/]")
    for table in found.tables.values():
        names = ", ".join(column.name for column in table.columns)
        out.print(f"table [bold]{escape(table.name)}[/]")
        out.print(f"  {escape(names)}")
    for partition in found.partitions.values():
        _show_partition(out, partition)
    for workspace in found.workspaces.values():
        out.print(f"workspace [bold]{escape(workspace.name)}[/]")
        out.print(f"  hive {escape(workspace.hive)}, ledger {escape(workspace.ledger)}")
    for notice in found.notices:
        out.print(f"[yellow]{escape(str(notice))}[/]")


def _show_partition(out: Console, partition: Partition) -> None:
    out.print(f"partition [bold]{escape(str(partition.id))}[/]")
    for source in partition.sources:
        connection = getattr(source, "connection", None)
        by = f" by connection.{connection}" if connection else ""
        out.print(f"  {source.type} {escape(source.place)}{by}")
        if layout := getattr(source, "layout", None):
            out.print(f"    {escape(layout.text)}")
        if delivers := getattr(source, "delivers", None):
            out.print(f"    and of what such a manifest names: {escape(delivers.text)}")
    if partition.filter:
        out.print(f"  filter {escape(' '.join(partition.filter.split()))}")
    if partition.tp_index:
        out.print(f"  tp_index {escape(partition.tp_index)}")


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
