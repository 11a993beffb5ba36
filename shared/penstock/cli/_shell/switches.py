"""The meta-commands that change how answers are shown, what the tables are narrowed to, and the prompt.

Each without an argument says how it stands.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import cast

import click

from penstock import query
from penstock.cli import _output, _place
from penstock.cli._answer import DEFAULT_LIMIT, Manner
from penstock.cli._shell.state import Keys, Shell, narrow
from penstock.cli.query import separator_of
from penstock.errors import UsageError

__all__ = [
    "FORMS",
    "OFF",
    "ON_OFF",
    "autocomplete",
    "from_",
    "header",
    "index",
    "keys",
    "limit",
    "multi",
    "narrowed",
    "output",
    "pager",
    "partition",
    "separator",
    "timing",
    "to",
]

FORMS = tuple(form for form in _output.FORMS if form not in _output.BINARY)
"""The forms that a terminal can show."""
ON_OFF = ("on", "off")
OFF = "off"


def output(shell: Shell, form: str) -> None:
    """The form of answers."""
    if form in _output.BINARY:
        raise UsageError(f".output: {form} is not for a terminal, expected .save FILE.{form}")
    if form:
        chosen = cast(_output.Form, _one_of(".output", form, FORMS))
        shell.manner = replace(shell.manner, form=chosen)
    _say("output", shell.manner.form)


def header(shell: Shell, text: str) -> None:
    """Column names above csv, tsv and table."""
    shell.manner = replace(shell.manner, header=_switched(".header", text, shell.manner.header))
    _say("header", shell.manner.header)


def separator(shell: Shell, text: str) -> None:
    """What stands between the values of csv."""
    if text:
        shell.manner = replace(shell.manner, separator=separator_of(text, ".separator"))
    _say("separator", "tab" if shell.manner.separator == "\t" else shell.manner.separator)


def timing(shell: Shell, text: str) -> None:
    """Rows, time, requests and bytes read behind each answer."""
    stands = _timed(shell.manner)
    shell.manner = replace(shell.manner, timing=_switched(".timing", text, stands)) if text else shell.manner
    _say("timing", _timed(shell.manner))


def _timed(manner: Manner) -> bool:
    return manner.timing if manner.timing is not None else manner.form in ("table", "line")


def pager(shell: Shell, text: str) -> None:
    """Whether long answers are paged."""
    shell.manner = replace(shell.manner, pager=_switched(".pager", text, shell.manner.pager))
    _say("pager", shell.manner.pager)


def limit(shell: Shell, text: str) -> None:
    """Most rows shown."""
    if text in ("default", OFF):
        shell.manner = replace(shell.manner, limit=None if text == "default" else 0)
    elif text:
        plain = text.replace(",", "").replace("_", "")
        if not (plain.isascii() and plain.isdigit()):
            raise UsageError(f".limit: found {text}, expected a number of rows, 0 for all, or default")
        shell.manner = replace(shell.manner, limit=int(plain))
    stands = shell.manner.limit
    _say(
        "limit",
        f"{DEFAULT_LIMIT:,} for table and line" if stands is None else f"{stands:,}" if stands else OFF,
    )


def multi(shell: Shell, text: str) -> None:
    """Whether a statement goes on until its semicolon."""
    shell.multi = _switched(".multi", text, shell.multi)
    _say("multi", shell.multi)


def autocomplete(shell: Shell, text: str) -> None:
    """Whether suggestions come while typing."""
    shell.autocomplete = _switched(".autocomplete", text, shell.autocomplete)
    _say("autocomplete", shell.autocomplete)


def keys(shell: Shell, text: str) -> None:
    """The editor whose keys the prompt takes."""
    if text:
        shell.keys = cast(Keys, _one_of(".keys", text, ("emacs", "vi")))
    _say("keys", shell.keys)


def from_(shell: Shell, text: str) -> None:
    """Rows from this time on."""
    if text:
        narrow(shell, _ordered(replace(shell.session.filters, from_=_time(".from", text))))
    _say("from", _told(shell.session.filters.from_))


def to(shell: Shell, text: str) -> None:
    """Rows up to this time."""
    if text:
        narrow(shell, _ordered(replace(shell.session.filters, to=_time(".to", text))))
    _say("to", _told(shell.session.filters.to))


def partition(shell: Shell, text: str) -> None:
    """Only these partitions."""
    if text:
        try:
            narrow(shell, replace(shell.session.filters, partitions=_patterns(text)))
        except UsageError as error:  # it names the option of the command line
            raise UsageError(str(error).replace("--partition", ".partition", 1)) from error
    _say("partition", ", ".join(shell.session.filters.partitions) or OFF)


def index(shell: Shell, text: str) -> None:
    """Only these values of tp_index."""
    if text:
        narrow(shell, replace(shell.session.filters, indexes=_patterns(text)))
    _say("index", ", ".join(shell.session.filters.indexes) or OFF)


def narrowed(filters: query.Filters) -> str:
    """What the tables are narrowed to, on one line; empty when they are not."""
    told = (
        ("from", _told(filters.from_)),
        ("to", _told(filters.to)),
        ("partition", ",".join(filters.partitions) or OFF),
        ("index", ",".join(filters.indexes) or OFF),
    )
    return "  ".join(f"{name} {value}" for name, value in told if value != OFF)


def _ordered(filters: query.Filters) -> query.Filters:
    if filters.from_ and filters.to and filters.from_ > filters.to:
        raise UsageError(f".from {_told(filters.from_)} is after .to {_told(filters.to)}")
    return filters


def _time(command: str, text: str) -> dt.datetime | None:
    if text == OFF:
        return None
    return _place.time_of(command, text, dt.datetime.now().astimezone())


def _told(time: dt.datetime | None) -> str:
    return time.astimezone(dt.UTC).strftime("%Y-%m-%d %H:%M:%SZ") if time else OFF


def _patterns(text: str) -> tuple[str, ...]:
    return () if text == OFF else _place.filters_of(None, None, (text,), ()).partitions


def _switched(command: str, text: str, stands: bool) -> bool:
    return _one_of(command, text, ON_OFF) == "on" if text else stands


def _one_of(command: str, text: str, choices: tuple[str, ...]) -> str:
    if text.lower() not in choices:
        raise UsageError(f"{command}: found {text}, expected {', '.join(choices[:-1])} or {choices[-1]}")
    return text.lower()


def _say(name: str, value: object) -> None:
    click.echo(f"{name} {value}" if not isinstance(value, bool) else f"{name} {'on' if value else OFF}")
