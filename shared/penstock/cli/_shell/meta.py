"""The meta-commands of the shell, declared as data: help, completion and what they do come from here."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

import click

from penstock.cli._shell import files, looks, switches
from penstock.cli._shell.state import Shell, renew
from penstock.cli._shell.vocabulary import Vocabulary
from penstock.config.check import nearest
from penstock.errors import UsageError

__all__ = ["COMMANDS", "MetaCommand", "Takes", "is_meta", "run", "split"]

Takes = Literal["nothing", "word", "words", "path", "sql"]
"""What a meta-command's argument is made of; `words` have commas between."""


def _nothing(_: Vocabulary) -> Iterable[str]:
    return ()


def _fixed(*choices: str) -> Callable[[Vocabulary], Iterable[str]]:
    return lambda _: choices


def _tables(vocabulary: Vocabulary) -> Iterable[str]:
    return vocabulary.tables


def _partitions(vocabulary: Vocabulary) -> Iterable[str]:
    return [f"{table}.{name}" for table in vocabulary.tables for name in vocabulary.partitions(table)]


def _indexes(vocabulary: Vocabulary) -> Iterable[str]:
    return sorted({value for table in vocabulary.tables for value in vocabulary.indexes(table)})


def _commands(_: Vocabulary) -> Iterable[str]:
    return [command.name for command in COMMANDS]


@dataclass(frozen=True, slots=True)
class MetaCommand:
    """One meta-command.

    `argument` is how its argument is written in its help, `summary` a line of what it does, `more`
    what else there is to say. `takes` says how an argument is read, `choices` what it can be
    completed to. `run` gets the shell and the argument (empty: none); its errors are the shell's.
    """

    name: str
    argument: str
    summary: str
    run: Callable[[Shell, str], None]
    takes: Takes = "word"
    choices: Callable[[Vocabulary], Iterable[str]] = _nothing
    more: str = ""


def _help(_: Shell, name: str) -> None:
    if name:
        command = _found(name if name.startswith(".") else f".{name}")
        click.echo(f"{command.name} {command.argument}".strip() + f"\n  {command.summary}")
        if command.more:
            click.echo(f"  {command.more}")
        return
    left = {command.name: f"{command.name} {command.argument}" for command in COMMANDS}
    wide = max(map(len, left.values()))
    for command in COMMANDS:
        click.echo(f"{left[command.name]:{wide}}  {command.summary}")
    click.echo(
        "\nEverything else is SQL. A statement ends with a semicolon (.multi off: with Enter; Esc Enter "
        "always ends it).\n"
        "Tab completes, Ctrl-R searches what was asked before, Ctrl-C cancels, Ctrl-D leaves."
    )


def _leave(shell: Shell, _: str) -> None:
    shell.leaving = True


def _clear(_: Shell, __: str) -> None:
    click.clear()


def _refresh(shell: Shell, _: str) -> None:
    for line in renew(shell) or ["nothing is new"]:
        click.echo(line)


_SWITCH = _fixed(*switches.ON_OFF)
_TIMES = "2026-01-31, 2026-01-31T15:04:05Z, T-7d (units Y m W d H M)."
_WILD = "* and ? stand for any text and any character"
_SEVERAL = f"{_WILD}; commas between several."

COMMANDS: tuple[MetaCommand, ...] = (
    MetaCommand(".help", "[command]", "What there is, or all about one command.", _help, choices=_commands),
    MetaCommand(
        ".tables", "[pattern]", "The tables, with rows, bytes and days.", looks.show_tables, choices=_tables,
        more="* and ? in the pattern. What they hold is shown whole, whatever .from and the others say.",
    ),
    MetaCommand(
        ".inspect", "[table]", "The columns of a table with types and meaning; else the tables.",
        looks.inspect, choices=_tables, more="Its own columns come first, the common tp_ ones last.",
    ),
    MetaCommand(
        ".partitions", "[name]", "Partitions, with files, rows and the last commit.", looks.partitions,
        choices=_partitions, more=f"A table, a partition or both, table.partition; {_WILD}.",
    ),
    MetaCommand(
        ".schemas", "", "The configured schemas and their views.", looks.schemas, "nothing",
        more="A schema is a block of the configuration; its views are asked as schema.table.",
    ),
    MetaCommand(
        ".explain", "[statement]", "Files and bytes that a statement may read; else the last one.",
        looks.explain, "sql", more="Nothing of the hive is read for it.",
    ),
    MetaCommand(
        ".from", "[time | off]", "Only rows from this time on.", switches.from_, choices=_fixed("off"),
        more=_TIMES,
    ),
    MetaCommand(
        ".to", "[time | off]", "Only rows up to this time.", switches.to, choices=_fixed("off"), more=_TIMES
    ),
    MetaCommand(
        ".partition", "[names | off]", "Only these partitions.", switches.partition, "words",
        lambda vocabulary: ["off", *_partitions(vocabulary)], _SEVERAL,
    ),
    MetaCommand(
        ".index", "[values | off]", "Only these values of tp_index.", switches.index, "words",
        lambda vocabulary: ["off", *_indexes(vocabulary)], _SEVERAL,
    ),
    MetaCommand(
        ".output", "[form]", "How answers are shown.", switches.output, choices=_fixed(*switches.FORMS),
        more=f"{', '.join(switches.FORMS)}; parquet and arrow go to a file, by .save.",
    ),
    MetaCommand(
        ".header", "[on | off]", "Column names above csv, tsv and table.", switches.header, choices=_SWITCH
    ),
    MetaCommand(
        ".separator", "[character]", "What stands between the values of csv.", switches.separator,
        choices=_fixed("tab"),
    ),
    MetaCommand(
        ".limit", "[rows | off | default]", "Most rows that are shown.", switches.limit,
        choices=_fixed("off", "default"), more="It cuts what is shown, not what .save writes.",
    ),
    MetaCommand(
        ".timing", "[on | off]", "Rows, time, requests and bytes read, behind each answer.", switches.timing,
        choices=_SWITCH,
    ),
    MetaCommand(
        ".pager", "[on | off]", "Page what is longer than the screen.", switches.pager, choices=_SWITCH
    ),
    MetaCommand(
        ".refresh", "", "See the newest commits; take credentials anew.", _refresh, "nothing",
        more="Every statement sees the newest commits; this says which they are, and empties the cache.",
    ),
    MetaCommand(
        ".save", "file", "Write all rows of the last statement to a file, in the form of its ending.",
        files.save, "path",
        more=f"The statement runs again. {', '.join(files.FORM_OF_ENDING)}; .sql holds the statement itself.",
    ),
    MetaCommand(".open", "file", "Put the text of a file at the prompt.", files.open_file, "path"),
    MetaCommand(
        ".multi", "[on | off]", "Whether a statement goes on until its semicolon.", switches.multi,
        choices=_SWITCH, more="Off, Enter ends it.",
    ),
    MetaCommand(
        ".autocomplete", "[on | off]", "Whether suggestions come while typing.", switches.autocomplete,
        choices=_SWITCH, more="Tab asks for them in any case.",
    ),
    MetaCommand(
        ".keys", "[emacs | vi]", "Whose keys the prompt takes.", switches.keys, choices=_fixed("emacs", "vi")
    ),
    MetaCommand(".clear", "", "Clear the screen.", _clear, "nothing"),
    MetaCommand(".exit", "", "Leave, as Ctrl-D on an empty line does.", _leave, "nothing"),
    MetaCommand(".quit", "", "The same.", _leave, "nothing"),
)  # fmt: skip
"""Every meta-command, in the order of `.help`."""

_WORDS = {"exit": ".exit", "quit": ".quit", "help": ".help"}


def is_meta(text: str) -> bool:
    """Whether a line is for the shell itself: it begins with a dot, or is exit, quit or help."""
    return text.lstrip().startswith(".") or _bare(text) in _WORDS


def _bare(text: str) -> str:
    return text.strip().removesuffix(";").lower()


def split(text: str) -> tuple[str, str]:
    """The name and the argument of a meta-command's line."""
    name, _, argument = text.strip().partition(" ")
    return name, argument.strip()


def run(shell: Shell, text: str) -> None:
    """Do what the line of a meta-command says. UsageError when there is none such, or as it says itself."""
    name, argument = split(_WORDS.get(_bare(text), text))
    if not argument:
        name = name.removesuffix(";")
    elif len(argument) > 1:
        argument = argument.removesuffix(";").rstrip()
    command = _found(name)
    if argument and command.takes == "nothing":
        raise UsageError(f"{command.name}: found {argument}, expected nothing behind it")
    command.run(shell, argument)


def _found(name: str) -> MetaCommand:
    known = {command.name: command for command in COMMANDS}
    if name.lower() not in known:
        near = nearest(name.lower(), known)
        raise UsageError(f"unknown command {name}, expected one of .help" + (f" ({near})" if near else ""))
    return known[name.lower()]
