"""Reads configurations: from files and directories, or from texts that somebody else fetched."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from penstock import tables
from penstock.config.check import Report
from penstock.config.decode import CheckExpression, FindTable, decode
from penstock.config.nodes import Block
from penstock.config.values import Config
from penstock.errors import ConfigError, Problem

__all__ = ["SUFFIXES", "load", "loads"]

SUFFIXES = (".tpc", ".hcl")
"""Endings of configuration files. Names that begin with a dot are left alone."""


def loads(
    texts: Mapping[str, str],
    *,
    find_table: FindTable = tables.find,
    check_expression: CheckExpression | None = None,
    now: Callable[[], dt.datetime] = lambda: dt.datetime.now(dt.UTC),
) -> Config:
    """The configuration in these texts, by file name.

    `check_expression(table, condition)` says what is wrong with a partition's filter, or None;
    without it filters are taken as they are. `now` is what `timestamp()` gives. ConfigError holds
    every problem of every file.
    """
    return _loads(texts, Report(), find_table, check_expression, now)


def load(
    paths: Sequence[Path],
    *,
    find_table: FindTable = tables.find,
    check_expression: CheckExpression | None = None,
    now: Callable[[], dt.datetime] = lambda: dt.datetime.now(dt.UTC),
) -> Config:
    """The configuration in these files, and in the `*.tpc` and `*.hcl` files of these directories.

    Directories are not descended into. Otherwise as `loads`; a path that does not exist or cannot
    be read is a problem like any other.
    """
    report = Report()
    texts: dict[str, str] = {}
    seen: set[Path] = set()
    for path in _files(paths, report):
        if path.resolve() in seen:
            continue
        seen.add(path.resolve())
        try:
            texts[str(path)] = path.read_bytes().decode("utf-8")
        except UnicodeDecodeError as error:
            line = error.object[: error.start].count(b"\n") + 1
            report.problem(str(path), line, "found bytes that are not UTF-8, expected UTF-8 text")
        except OSError as error:
            report.problem(str(path), 0, f"cannot be read: {error.strerror}")
    return _loads(texts, report, find_table, check_expression, now)


def _files(paths: Iterable[Path], report: Report) -> Iterable[Path]:
    for path in paths:
        if path.is_dir():
            yield from sorted(
                file for file in path.iterdir() if file.suffix in SUFFIXES and not file.name.startswith(".")
            )
        elif path.exists():
            yield path
        else:
            report.problem(str(path), 0, "does not exist, expected a file or a directory")


def _loads(
    texts: Mapping[str, str],
    report: Report,
    find_table: FindTable,
    check_expression: CheckExpression | None,
    now: Callable[[], dt.datetime],
) -> Config:
    from penstock.config.syntax import read  # brings the parser

    whole = not report.problems
    files: list[Block] = []
    moment = now()
    for file, text in texts.items():
        block, problems = read(text, file, moment)
        report.problems += problems
        if block is None:
            whole = False
        else:
            files.append(block)
    config = decode(files, report, find_table, check_expression, whole)
    if report.problems:
        raise ConfigError(_distinct(report.problems))
    return config


def _distinct(problems: Iterable[Problem]) -> list[Problem]:
    return sorted(set(problems))
