"""Ask the hive in SQL."""

from __future__ import annotations

import glob
import json
import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from penstock import query as asking
from penstock.cli import _output, _workspace
from penstock.cli._answer import Manner, answer, answer_by_athena, estimated
from penstock.cli._flags import Valued
from penstock.cli._place import filter_options, filters_of, moment_of, open_place
from penstock.errors import PenstockError, QueryError, Retry, UsageError

if TYPE_CHECKING:
    from penstock.query.athena import Where

__all__ = ["query", "separator_of"]

QUERY_FAILED, CANCELLED, NOT_STARTED = 41, 91, 250


class _Query(Valued):
    """SQL may begin with a comment, which is no option."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Keep what begins with two dashes and a space from being taken for one."""
        return super().parse_args(ctx, [f"\n{text}" if re.match(r"--\s", text) else text for text in args])


@click.command(cls=_Query)
@click.argument("statements", nargs=-1, metavar="[SQL or FILE.sql or -] ...")
@filter_options
@click.option("--at", metavar="TIME or VERSION", help="The hive as it was; a version is one partition's.")
@click.option(
    "--param", "given", metavar="NAME=VALUE", multiple=True, help="What $NAME stands for in the statements."
)
@click.option("--output", "form", type=click.Choice(_output.FORMS), default="table", show_default=True)
@click.option("--header/--no-header", default=True, help="Column names above csv, tsv and table.")
@click.option("--separator", default=",", show_default=True, help="Between the values of csv.")
@click.option("-o", "--to-file", type=click.Path(dir_okay=False, path_type=Path), help="Where the rows go.")
@click.option(
    "--limit", type=click.IntRange(min=0), help="Most rows shown; 0 for all. A terminal is shown 1000."
)
@click.option("--explain", is_flag=True, help="Say how many files and bytes may be read, and stop.")
@click.option("--timing/--no-timing", default=None, help="Say rows, time, requests and bytes read.")
@click.option("--pager/--no-pager", default=True, help="Page what is longer than the terminal.")
@click.option("--engine", type=click.Choice(["duckdb", "athena"]), default="duckdb", show_default=True)
@click.option("--athena-database", default="penstock", show_default=True, help="Glue database of the tables.")
@click.option("--athena-workgroup", default="primary", show_default=True, help="Whose limits hold.")
@click.option("--athena-output", default="", metavar="S3 URL", help="Results; else where the workgroup says.")
@_workspace.options
def query(
    statements: tuple[str, ...],
    from_: str | None,
    to: str | None,
    partitions: tuple[str, ...],
    indexes: tuple[str, ...],
    at: str | None,
    given: tuple[str, ...],
    form: _output.Form,
    header: bool,
    separator: str,
    to_file: Path | None,
    limit: int | None,
    explain: bool,
    timing: bool | None,
    pager: bool,
    engine: Literal["duckdb", "athena"],
    athena_database: str,
    athena_workgroup: str,
    athena_output: str,
    workspace: str | None,
    config_path: str | None,
) -> None:
    """Run SQL on the hive and print the rows; with nothing, at a terminal, open the shell.

    Each argument is a statement, a .sql file (or a pattern of them), or - for standard input; they
    run in turn. With no argument the shell opens, narrowed and shown as the options say; .help there
    tells what it can. The statement sees one table for each kind of log, and tp_rejected; SHOW TABLES
    and DESCRIBE say what there is. It reads the hive and nothing else.

    \b
      penstock query --from T-1d
      penstock query "select event_name, count(*) from aws_cloudtrail_log group by 1 order by 2 desc"
      penstock query --from T-1d --output csv failed_logins.sql > failed.csv
      penstock query --from T-7d --output parquet -o week.parquet "from aws_cloudtrail_log"
      penstock query --explain "select * from aws_cloudtrail_log where tp_date = '2026-01-31'"

    --at asks an earlier state of the hive: as it was at a time, or a partition's version (penstock
    partition show tells the newest). Earlier states are there for PENSTOCK_HISTORY_SECONDS.

    --engine athena sends each argument, one statement in Athena's SQL, to Amazon Athena, which
    reads the hive by its Glue tables and charges for what it scans.

    Long answers are paged on a terminal (PENSTOCK_PAGER, else PAGER, else less). What is said about
    the rows goes to standard error. Ctrl-C cancels.

    The exit status is 0 when all is well, 41 when a statement failed, 91 when cancelled, 250 when
    the hive could not be reached, 254 for a wrong command.
    """
    manner = Manner(form, header, separator_of(separator), limit, timing, pager, to_file)
    values = _values(given)
    filters, moment = filters_of(from_, to, partitions, indexes), moment_of("--at", at)
    if not (statements or explain or to_file or engine == "athena" or at) and _at_terminal():
        _converse(manner, filters, workspace, config_path)
        return
    texts = _texts(statements)
    if len(texts) > 1 and not explain:
        _require_one(Manner(form, file=to_file), len(texts))
    if engine == "athena":
        if explain or at or given or filters != asking.Filters():
            raise UsageError(
                "--engine athena takes the statement as it is: no --from, --to, --partition, "
                "--index, --at, --param or --explain"
            )
        from penstock.query.athena import Where  # with boto3 and pyarrow

        where = Where(athena_database, athena_workgroup, athena_output)
        _by_athena(texts, where, manner, workspace, config_path)
        return
    with _starting():
        chosen, config = _workspace.workspace_of(workspace, config_path)
        _, session = open_place(chosen, config, filters, at=moment)
    failed = False
    try:
        for text in texts:
            failed |= not _run(session, text, manner, values, explain=explain)
    except KeyboardInterrupt:
        click.echo("cancelled", err=True)
        raise SystemExit(CANCELLED) from None
    finally:
        session.close()
    if failed:
        raise SystemExit(QUERY_FAILED)


def _at_terminal() -> bool:
    return sys.stdin.isatty() and sys.stdout.isatty()


def _converse(
    manner: Manner, filters: asking.Filters, workspace: str | None, config_path: str | None
) -> None:
    from penstock.cli import _shell  # with the terminal libraries, which a single statement does without

    if manner.form in _output.BINARY:
        raise UsageError(f"--output {manner.form}: the shell shows rows, expected a statement and --to-file")
    with _starting():
        chosen, config = _workspace.workspace_of(workspace, config_path)
        place, session = open_place(chosen, config, filters)
    debug = bool(click.get_current_context().find_root().params.get("debug"))
    _shell.start(place, chosen, config, session, manner, home=Path("~/.penstock").expanduser(), debug=debug)


def _by_athena(
    texts: list[str], where: Where, manner: Manner, workspace: str | None, config_path: str | None
) -> None:
    """Each text is one statement, as Athena takes it."""
    with _starting():
        chosen, _ = _workspace.workspace_of(workspace, config_path)
        client = _workspace.client_of("athena", chosen)
    failed = False
    for text in texts:
        try:
            answer_by_athena(client, text, where, manner, _workspace.cache_of(chosen) / "spill")
        except (QueryError, Retry) as error:
            click.echo(str(error), err=True)
            failed = True
        except KeyboardInterrupt:
            click.echo("cancelled", err=True)
            raise SystemExit(CANCELLED) from None
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


def _values(given: tuple[str, ...]) -> dict[str, str]:
    for one in given:
        if not re.match(r"[A-Za-z_]\w*=", one):
            raise UsageError(f"--param {one}: expected NAME=VALUE, such as --param day=2026-01-31")
    return dict(_utf8(one, one).split("=", 1) for one in given)


def _run(
    session: asking.Session, text: str, manner: Manner, values: Mapping[str, str], *, explain: bool
) -> bool:
    """Run one argument's statements; False when one failed, with its reason on standard error."""
    try:
        statements = asking.prepare(session, asking.filled(text, values))
        if not statements:
            raise QueryError("found comments alone, expected a statement")
        if len(statements) > 1 and not explain:
            _require_one(manner, len(statements))
        for one in statements:
            if explain:
                _explain(asking.estimate(session, one), manner.form)
            else:
                answer(session, one, manner)
    except QueryError as error:
        sys.stdout.flush()
        click.echo(str(error), err=True)
        return False
    return True


def _require_one(manner: Manner, count: int) -> None:
    if manner.file is not None or manner.form in _output.BINARY:
        where = "--to-file" if manner.file is not None else f"--output {manner.form}"
        raise UsageError(f"{where} takes the answer of one statement, found {count}")


def _explain(estimate: asking.Estimate, form: _output.Form) -> None:
    if form in ("json", "jsonl"):
        scans = [asdict(scan) for scan in estimate.scans]
        click.echo(json.dumps({"files": estimate.files, "bytes": estimate.bytes, "scans": scans}))
    else:
        click.echo(estimated(estimate))


def _texts(arguments: tuple[str, ...]) -> list[str]:
    """The SQL of every argument; UsageError when one names no readable file or holds nothing."""
    if not arguments:
        raise UsageError("found no statement, expected SQL, a .sql file or - for standard input")
    found = [(argument, text) for argument in arguments for text in _text(argument)]
    for argument, text in found:
        if not text.strip():
            raise UsageError(f"{argument!r}: found nothing, expected SQL")
    return [_utf8(argument, text) for argument, text in found]


def _utf8(argument: str, text: str) -> str:
    """The text, whatever the terminal's locale took its bytes for."""
    try:
        return text.encode("utf-8", "surrogateescape").decode()
    except UnicodeDecodeError as error:
        raise UsageError(f"{argument!r}: {error}; expected UTF-8") from error


def _text(argument: str) -> list[str]:
    if argument == "-":
        return [_standard_input()]
    if argument.lower().endswith(".sql"):
        return [_read(Path(name)) for name in _files(argument)]
    return [argument]


def _standard_input() -> str:
    try:
        return sys.stdin.read()
    except UnicodeDecodeError as error:
        raise UsageError(f"standard input: {error}; expected UTF-8") from error


def _files(pattern: str) -> list[str]:
    return [pattern] if Path(pattern).is_file() else sorted(glob.glob(pattern)) or [pattern]  # noqa: PTH207


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise UsageError(f"{path}: does not exist, expected a file of SQL") from None
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}: {error}; expected UTF-8") from error
    except OSError as error:
        raise UsageError(f"{path}: {error}") from error


def separator_of(text: str, option: str = "--separator") -> str:
    """The one character that a person means; UsageError names the option."""
    text = {"\\t": "\t", "tab": "\t"}.get(text, text)
    if len(text) != 1 or text in '"\r\n':
        raise UsageError(f"{option}: found {text!r}, expected one character")
    return text
