"""Runs one statement for a person and shows its answer: progress, pager, limit, what it cost.

The one-shot command and the shell both answer through here. Rows go to standard output or a file;
what is said about them goes to standard error.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO, cast

import click

from penstock import query
from penstock.cli import _output
from penstock.cli._pager import Page, paged
from penstock.cli._progress import Bar
from penstock.errors import UsageError

if TYPE_CHECKING:
    from penstock.query.athena import Where

__all__ = ["DEFAULT_LIMIT", "Manner", "answer", "answer_by_athena", "estimated", "size"]

DEFAULT_LIMIT = 1000
"""Rows that a terminal is shown unless `--limit` says otherwise."""

_FOR_EYES = ("table", "line")


@dataclass(frozen=True, slots=True)
class Manner:
    """How answers are shown.

    `limit` None means DEFAULT_LIMIT on a terminal for table and line, else all; 0 means all.
    `timing` None means on a terminal. `file` takes the rows instead of standard output.
    """

    form: _output.Form = "table"
    header: bool = True
    separator: str = ","
    limit: int | None = None
    timing: bool | None = None
    pager: bool = True
    file: Path | None = None


def answer(session: query.Session, sql: str, manner: Manner) -> _output.Shown:
    """Run one statement that `query.prepare` gave and show its rows.

    QueryError when it fails, KeyboardInterrupt when it is cancelled: the session stays usable.
    UsageError when the form cannot go where it should.
    """
    begun = time.perf_counter()
    query.spent(session)  # what was asked before is not this statement's
    with Bar(session, sys.stderr) as bar:
        result = query.run(session, sql)
        with _written():
            shown = _show(result, manner, bar)
    _tell(manner, shown, bar.latest - begun, lambda: _read(query.spent(session)))
    return shown


def answer_by_athena(client: Any, sql: str, where: Where, manner: Manner, scratch: Path) -> None:
    """The same by Athena, which says what it scanned and what that costs; errors as with `athena.ask`."""
    from penstock.query.athena import ask

    begun = time.perf_counter()
    result, billed = ask(client, sql, where, scratch=scratch)
    try:
        with Bar(result.session, sys.stderr) as bar, _written():
            shown = _show(result, manner, bar)
    finally:
        result.session.close()
    cost = f"; {size(billed.bytes)} scanned, about ${billed.dollars:.4f}"
    _tell(manner, shown, bar.latest - begun, lambda: cost)


def _tell(manner: Manner, shown: _output.Shown, seconds: float, read: Callable[[], str]) -> None:
    on_screen = sys.stdout.isatty() and manner.file is None
    if shown.more:
        click.echo(f"only the first {shown.rows:,} rows are shown; --limit 0 shows all", err=True)
    if manner.timing if manner.timing is not None else on_screen and manner.form in _FOR_EYES:
        rows = f"{shown.rows:,} {'row' if shown.rows == 1 else 'rows'}"
        click.echo(f"{rows} in {seconds:.2f} s{read()}", err=True)


def estimated(estimate: query.Estimate) -> str:
    """What a statement may open, for a person: a line for each scan."""
    if not estimate.scans:
        return "no file is opened: the catalogue answers it"
    return "\n".join(
        f"{scan.table}: at most {scan.files:,} of {scan.of_files:,} files,"
        f" {size(scan.bytes)} of {size(scan.of_bytes)}, {scan.rows:,} rows"
        for scan in estimate.scans
    )


def size(number: int) -> str:
    """Bytes as a person reads them: 1.2 MB (of 1,000,000)."""
    value = float(number)
    for unit in ("B", "kB", "MB", "GB"):
        if value < 1000:
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:,.1f} TB"


def _read(spent: query.Spent) -> str:
    """From S3, and from what is kept of it here; nothing when the hive is here altogether."""
    asked = f"; {spent.requests:,} requests, {size(spent.bytes)} read" if spent.requests else ""
    return asked + (f"; {size(spent.kept)} from the cache" if spent.kept else "")


def _show(result: query.Result, manner: Manner, bar: Bar) -> _output.Shown:
    if manner.form in _output.BINARY:
        return _export(result, manner, bar)
    screen = manner.file is None and sys.stdout.isatty()
    page: Page | None = None
    limit = manner.limit
    if limit is None:
        limit = DEFAULT_LIMIT if screen and manner.form in _FOR_EYES else 0
    options: dict[str, Any] = {"header": manner.header, "separator": manner.separator, "limit": limit}

    def fetch(result: query.Result, expressions: Any) -> Iterator[list[tuple[object, ...]]]:
        for batch in bar.watch(query.batches(result, expressions), until_first=screen):
            yield batch
            if page is not None and page.left:
                return

    if manner.file is not None:
        with _whole(manner.file) as path, path.open("w", encoding="utf-8", newline="") as out:
            return _output.write(result, manner.form, out, fetch=fetch, **options)
    if screen and manner.form in _FOR_EYES:
        with paged(sys.stdout, wanted=manner.pager) as page:
            options |= {"width": page.width, "color": page.color}
            return _output.write(result, manner.form, cast(TextIO, page), fetch=fetch, **options)
    return _output.write(result, manner.form, sys.stdout, fetch=fetch, **options)


def _export(result: query.Result, manner: Manner, bar: Bar) -> _output.Shown:
    from penstock.query.export import export  # with pyarrow, which the other forms do without

    if manner.limit:
        result = query.limited(result, manner.limit)
    form: Any = manner.form
    if manner.file is not None:
        with _whole(manner.file) as path, path.open("wb") as out:
            return _output.Shown(export(result, form, out, watch=bar.watch))
    if sys.stdout.isatty():
        raise UsageError(f"--output {form} is not for a terminal; expected --to-file or a redirect (> file)")
    rows = export(result, form, sys.stdout.buffer, watch=bar.watch)
    sys.stdout.buffer.flush()
    return _output.Shown(rows)


@contextmanager
def _written() -> Iterator[None]:
    """Say that standard output takes no more: the disk is full. A reader that left is no such thing."""
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        # Or what is left fails again at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise UsageError(f"standard output: cannot be written: {error.strerror}") from error


@contextmanager
def _whole(target: Path) -> Iterator[Path]:
    """A path beside `target` that takes its place when all went well, and is removed when not."""
    beside = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        yield beside
        beside.replace(target)
    except OSError as error:
        raise UsageError(f"{target}: cannot be written: {error.strerror}") from error
    finally:
        beside.unlink(missing_ok=True)
