"""The meta-commands that write an answer or a statement to a file, and read a statement from one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import click

from penstock.cli._output import Form
from penstock.cli._shell.state import Shell, ask_again
from penstock.errors import UsageError

__all__ = ["FORM_OF_ENDING", "open_file", "save"]

FORM_OF_ENDING: dict[str, Form] = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".json": "json",
    ".jsonl": "jsonl",
    ".md": "markdown",
    ".txt": "table",
    ".parquet": "parquet",
    ".arrow": "arrow",
}


def save(shell: Shell, name: str) -> None:
    """Write all rows of the last statement to a file in the form of its ending; to .sql the statement."""
    if not name:
        raise UsageError(f".save: found no file, expected one that ends in {_endings()}")
    if not shell.last:
        raise UsageError(f".save {name}: nothing was asked yet")
    path = Path(name).expanduser()
    if path.suffix.lower() == ".sql":
        _write(path, shell.last.strip().removesuffix(";") + ";\n")
        click.echo(f"the last statement is in {path}")
        return
    form = FORM_OF_ENDING.get(path.suffix.lower())
    if form is None:
        raise UsageError(f".save {name}: found the ending {path.suffix or 'none'}, expected {_endings()}")
    shown = ask_again(shell, replace(shell.manner, form=form, limit=0, file=path))
    click.echo(f"{shown.rows:,} rows are in {path}")


def open_file(shell: Shell, name: str) -> None:
    """Put the text of a file at the next prompt."""
    if not name:
        raise UsageError(".open: found no file, expected one with SQL")
    try:
        shell.draft = Path(name).expanduser().read_text(encoding="utf-8").rstrip()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f".open {name}: {error}") from error


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{path}: cannot be written: {error.strerror}") from error


def _endings() -> str:
    return f"{', '.join(FORM_OF_ENDING)} or .sql"
