"""Prints what a `list` or `show` command found: for eyes, as plain text, or as JSON."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import click
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from penstock.cli._answer import size
from penstock.cli._render import visible
from penstock.config.check import nearest
from penstock.errors import UsageError

__all__ = ["ListForm", "chosen", "form_option", "show_all", "show_one"]

ListForm = Literal["pretty", "plain", "json"]
Row = Mapping[str, Any]
"""A thing by the names of its facts: texts, numbers, bools, times, None, lists or maps of those."""

_BYTES = ("bytes",)


def form_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """`--output json|plain|pretty`."""
    forms = click.Choice(["json", "plain", "pretty"])
    return click.option("--output", "form", type=forms, default="pretty", show_default=True)(command)


def show_all(rows: Sequence[Row], form: ListForm, *, columns: Sequence[str], nothing: str) -> None:
    """Print the things: `columns` of them in `pretty` and `plain`, whole in `json`.

    `plain` has a line for each, tabs between, no heading: for scripts. `nothing` is said (to
    standard error) when there are none.
    """
    if form == "json":
        click.echo(json.dumps([_plain_values(row) for row in rows], indent=2, ensure_ascii=False))
    elif not rows:
        click.echo(nothing, err=True)
    elif form == "plain":
        for row in rows:
            click.echo("\t".join(_line(_text(name, row[name], people=False)) for name in columns))
    else:
        grid = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
        for name in columns:
            numbers = all(isinstance(row[name], int | None) for row in rows)
            side: Any = "right" if numbers else "left"
            times = any(isinstance(row[name], dt.datetime) for row in rows)
            title = name.replace("_", " ")
            least = 10 if times else None  # a time folds behind its day
            whole = numbers or name == "name"
            grid.add_column(title, justify=side, overflow="fold", no_wrap=whole, min_width=least)
        for row in rows:
            grid.add_row(*(Text(_text(name, row[name], people=True)) for name in columns))
        Console(highlight=False).print(grid)


def show_one(row: Row, form: ListForm) -> None:
    """Print one thing whole; lists of things within it as tables in `pretty`."""
    if form == "json":
        click.echo(json.dumps(_plain_values(row), indent=2, ensure_ascii=False))
        return
    inner = {name: value for name, value in row.items() if _is_table(value)}
    facts = {name: value for name, value in row.items() if name not in inner}
    if form == "plain":
        for name, value in facts.items():
            click.echo(f"{name}\t{_line(_text(name, value, people=False))}")
        for name, things in inner.items():
            for thing in things:
                texts = (_line(_text(key, value, people=False)) for key, value in thing.items())
                click.echo("\t".join([name, *texts]))
        return
    wide = max(map(len, facts))
    for name, value in facts.items():
        click.echo(f"{name.replace('_', ' '):{wide}}  {visible(_text(name, value, people=True))}".rstrip())
    for name, things in inner.items():
        click.echo(f"\n{name.replace('_', ' ')}")
        show_all(things, form, columns=list(things[0]), nothing="")


def chosen(rows: Sequence[Row], name: str, what: str) -> Row:
    """The thing of that name (case does not matter); UsageError names the nearest, or all there are."""
    for row in rows:
        if str(row["name"]).lower() == name.lower():
            return row
    names = [str(row["name"]) for row in rows]
    near = nearest(name, names)
    known = ", ".join(names) or "none at all"
    raise UsageError(f"unknown {what} {name}, expected one of {known}" + (f" ({near})" if near else ""))


def _is_table(value: object) -> bool:
    return isinstance(value, list) and bool(value) and isinstance(value[0], Mapping)


def _text(name: str, value: object, *, people: bool) -> str:
    if value is None:
        return "" if people else "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return (size(value) if name in _BYTES else f"{value:,}") if people else str(value)
    if isinstance(value, dt.datetime):
        return value.astimezone(dt.UTC).strftime("%Y-%m-%d %H:%M:%SZ" if people else "%Y-%m-%dT%H:%M:%SZ")
    if isinstance(value, Mapping):
        return ", ".join(f"{key}={item}" for key, item in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    return str(value)


def _line(text: str) -> str:
    return visible(" ".join(text.split()) if "\n" in text else text) or "-"


def _plain_values(value: object) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain_values(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain_values(item) for item in value]
    if isinstance(value, dt.datetime):
        return value.astimezone(dt.UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    return value if value is None or isinstance(value, str | int | float | bool) else str(value)
