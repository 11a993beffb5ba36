"""Prints what a `list` or `show` command found: for eyes, as plain text, or as JSON."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Literal

import click
from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from penstock.arguments import Argument
from penstock.cli._answer import size
from penstock.cli._render import visible
from penstock.config.check import nearest
from penstock.errors import UsageError

__all__ = ["ListForm", "arguments", "chosen", "form_option", "show_all", "show_one"]

ListForm = Literal["pretty", "plain", "json"]
Row = Mapping[str, Any]
"""A thing by the names of its facts: texts, numbers, bools, times, None, lists or maps of those."""

_BYTES = ("bytes",)
_LINE = 100  # characters of a list that stand on one line
_LEAST = {"description": 24}
_LEAST_TEXT = 16
_LEAST_TIME = 10
"""Cells that a column keeps: names and figures stay whole, a time folds behind its day."""


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
        _print(rows, columns)


def _print(rows: Sequence[Row], columns: Sequence[str]) -> None:
    """A table as wide as the terminal; where its columns cannot be so narrow, the terminal breaks lines."""
    grid = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    texts = {name: [_text(name, row[name], people=True) for row in rows] for name in columns}
    room = Console().width - 3 * len(columns)
    widths = _fitted({name: _range(name, [row[name] for row in rows], texts[name]) for name in columns}, room)
    for name in columns:
        side: Any = "right" if all(isinstance(row[name], int | None) for row in rows) else "left"
        grid.add_column(name.replace("_", " "), justify=side, overflow="fold", width=widths[name])
    for number in range(len(rows)):
        grid.add_row(*(Text(texts[name][number]) for name in columns))
    across = max(Console().width, sum(widths.values()) + 3 * len(columns))
    Console(highlight=False, width=across).print(grid)


def _range(name: str, values: Sequence[object], texts: Sequence[str]) -> tuple[int, int]:
    """Cells of a column: the fewest that will do, and those that show everything on one line."""
    widest = max(map(cell_len, [name, *texts]))
    if name == "name" or all(isinstance(value, int | None) for value in values):
        return widest, widest
    times = any(isinstance(value, dt.datetime) for value in values)
    least = _LEAST_TIME if times else _LEAST.get(name, _LEAST_TEXT)
    return min(widest, least), widest


def _fitted(ranges: Mapping[str, tuple[int, int]], room: int) -> dict[str, int]:
    """The widths with the widest shrunk, none beyond its least, until all fit or nothing gives."""
    limit = max(widest for _, widest in ranges.values())
    while True:
        widths = {name: max(least, min(widest, limit)) for name, (least, widest) in ranges.items()}
        if sum(widths.values()) <= room or limit == 0:
            return widths
        limit -= 1


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
        first, *more = _shown(name, value)
        click.echo(f"{name.replace('_', ' '):{wide}}  {first}".rstrip())
        for text in more:
            click.echo(f"{'':{wide}}  {text}")
    for name, things in inner.items():
        click.echo(f"\n{name.replace('_', ' ')}")
        show_all(things, form, columns=list(things[0]), nothing="")


def _shown(name: str, value: object) -> list[str]:
    """A value as lines: a long list has one for each of its texts."""
    text = visible(_text(name, value, people=True))
    if isinstance(value, list) and len(value) > 1 and len(text) > _LINE:
        return [visible(str(one)) for one in value]
    return [text]


def arguments(declared: Iterable[Argument]) -> list[Row]:
    """The arguments of a block, to be shown within it."""
    return [
        {
            "name": argument.name,
            "type": argument.type,
            "required": argument.required,
            "default": argument.default,
            "description": argument.description,
        }
        for argument in declared
    ]


def chosen(rows: Sequence[Row], name: str, what: str) -> Row:
    """The thing of that name (case does not matter); UsageError names the nearest, or all there are."""
    for row in rows:
        if str(row["name"]).lower() == name.lower():
            return row
    names = [str(row["name"]) for row in rows]
    near = nearest(name, names)
    known = f"expected one of {', '.join(names)}" if names else "there is none"
    raise UsageError(f"unknown {what} {name}, {known}" + (f" ({near})" if near else ""))


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
