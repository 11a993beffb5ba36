"""Ask the hive in SQL."""

from __future__ import annotations

import datetime as dt
import glob
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from penstock import catalogue, times
from penstock import query as asking
from penstock.cli import _output, _workspace
from penstock.config import Config, Workspace
from penstock.errors import ConfigError, PenstockError, Problem, QueryError, UsageError

__all__ = ["query"]

QUERY_FAILED, CANCELLED, NOT_STARTED = 41, 91, 250


@click.command()
@click.argument("statements", nargs=-1, metavar="[SQL or FILE.sql or -] ...")
@click.option(
    "--from", "from_", metavar="TIME", help="Rows from this time on (2026-01-31, T-7d, ...), itself included."
)
@click.option("--to", metavar="TIME", help="Rows up to this time, itself included; a date is its midnight.")
@click.option(
    "--partition",
    "partitions",
    multiple=True,
    metavar="NAME",
    help="Only these; table.partition or either, * and ?, commas.",
)
@click.option(
    "--index",
    "indexes",
    multiple=True,
    metavar="VALUE",
    help="Only these values of tp_index; * and ?, commas.",
)
@click.option("--output", "form", type=click.Choice(_output.FORMS), default="table", show_default=True)
@click.option("--header/--no-header", default=True, help="Column names above csv and table.")
@click.option("--separator", default=",", show_default=True, help="Between the values of csv.")
@_workspace.options
def query(
    statements: tuple[str, ...],
    from_: str | None,
    to: str | None,
    partitions: tuple[str, ...],
    indexes: tuple[str, ...],
    form: _output.Form,
    header: bool,
    separator: str,
    workspace: str | None,
    config_path: str | None,
) -> None:
    """Run SQL on the hive and print the rows.

    Each argument is a statement, a .sql file (or a pattern of them), or - for standard input; they
    run in turn. The statement sees one table for each kind of log, and tp_rejected; SHOW TABLES
    and DESCRIBE say what there is. It reads the hive and nothing else.

    \b
      penstock query "select event_name, count(*) from aws_cloudtrail_log group by 1 order by 2 desc"
      penstock query --from T-1d --output csv failed_logins.sql > failed.csv

    The exit status is 0 when all is well, 41 when a statement failed, 91 when cancelled, 250 when
    the hive could not be reached, 254 for a wrong command.
    """
    texts = _texts(statements)
    filters = _filters(from_, to, partitions, indexes)
    separator = _separator(separator)
    with _starting():
        chosen, config = _workspace.workspace_of(workspace, config_path)
        session = _open(chosen, config, filters)
    failed = False
    try:
        for text in texts:
            failed |= not _run(session, text, form, chosen, header=header, separator=separator)
    except KeyboardInterrupt:
        click.echo("cancelled", err=True)
        raise SystemExit(CANCELLED) from None
    finally:
        session.close()
    if failed:
        raise SystemExit(QUERY_FAILED)


@contextmanager
def _starting() -> Iterator[None]:
    """What keeps the first statement from running ends in a status of its own."""
    try:
        yield
    except UsageError:
        raise
    except PenstockError as error:
        click.echo(str(error), err=True)
        raise SystemExit(NOT_STARTED) from None


def _open(workspace: Workspace, config: Config, filters: asking.Filters) -> asking.Session:
    cache = _workspace.cache_of(workspace)
    declared = catalogue.built_in() | {
        partition.table.name: partition.table.all_columns() for partition in config.partitions.values()
    }
    access = _workspace.access_of(workspace)
    ledger = _workspace.ledger_of(workspace)
    state = asking.bring_up(
        cache / "catalogue.ducklake", ledger, workspace.hive, source=workspace.ledger, declared=declared
    )
    if access is not None and not state.versions:
        _require_bucket(workspace)
    return asking.open_session(state, workspace.hive, access=access, filters=filters, scratch=cache / "spill")


def _require_bucket(workspace: Workspace) -> None:
    """An empty hive and a mistyped bucket look alike; ask S3 which it is."""
    if not _workspace.bucket_exists(workspace):
        bucket = _workspace.bucket_of(workspace)
        place = f'workspace "{workspace.name}"'
        raise ConfigError(Problem(place, 0, f"hive: found bucket {bucket}, which does not exist"))


def _run(
    session: asking.Session,
    text: str,
    form: _output.Form,
    workspace: Workspace,
    *,
    header: bool,
    separator: str,
) -> bool:
    """Run one argument's statements; False when one failed, with its reason on standard error."""
    terminal = sys.stdout.isatty()
    width = shutil.get_terminal_size().columns if terminal else 0
    try:
        for one in asking.prepare(session, text):
            begun = time.perf_counter()
            result = asking.run(session, one)
            count = _output.write(result, form, sys.stdout, header=header, separator=separator, width=width)
            if terminal and form in ("table", "line"):
                click.echo(
                    f"\n{count:,} {'row' if count == 1 else 'rows'} ({time.perf_counter() - begun:.2f} s)"
                )
    except QueryError as error:
        sys.stdout.flush()
        click.echo(_explained(str(error), workspace), err=True)
        return False
    return True


def _explained(message: str, workspace: Workspace) -> str:
    """An HTTP status in the words of what stands behind it."""
    if (
        "HTTP" in message
        and "404" in message
        and _workspace.bucket_of(workspace)
        and not _workspace.bucket_exists(workspace)
    ):
        return f"the hive's bucket {_workspace.bucket_of(workspace)} does not exist\n\n{message}"
    return message


def _texts(arguments: tuple[str, ...]) -> list[str]:
    """The SQL of every argument; UsageError when one names no readable file or holds nothing."""
    if not arguments:
        raise UsageError("found no statement, expected SQL, a .sql file or - for standard input")
    found = []
    for argument in arguments:
        if argument == "-":
            found.append(sys.stdin.read())
        elif argument.lower().endswith(".sql"):
            found += [_read(Path(name)) for name in _files(argument)]
        else:
            found.append(argument)
    for argument, text in zip(arguments, found, strict=False):
        if not text.strip():
            raise UsageError(f"{argument!r}: found nothing, expected SQL")
    return found


def _files(pattern: str) -> list[str]:
    return [pattern] if Path(pattern).is_file() else sorted(glob.glob(pattern)) or [pattern]  # noqa: PTH207


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: {error}") from error


def _filters(
    from_: str | None, to: str | None, partitions: tuple[str, ...], indexes: tuple[str, ...]
) -> asking.Filters:
    now = dt.datetime.now().astimezone()
    begin, end = _time("--from", from_, now), _time("--to", to, now)
    if begin and end and begin > end:
        raise UsageError(f"--from {from_} is after --to {to}")
    return asking.Filters(begin, end, _split(partitions), _split(indexes))


def _time(option: str, text: str | None, now: dt.datetime) -> dt.datetime | None:
    try:
        return times.parse(text, now) if text is not None else None
    except UsageError as error:
        raise UsageError(f"{option}: {error}") from error


def _split(values: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(part.strip() for value in values for part in value.split(",") if part.strip())


def _separator(text: str) -> str:
    text = {"\\t": "\t", "tab": "\t"}.get(text, text)
    if len(text) != 1 or text in '"\r\n':
        raise UsageError(f"--separator: found {text!r}, expected one character")
    return text
