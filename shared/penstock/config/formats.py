"""Turns `format` blocks into syntaxes, each checked before a log is read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from penstock import formats
from penstock.arguments import ArgumentError
from penstock.config.check import Report, arguments, nearest, title
from penstock.config.nodes import Block
from penstock.readers import Syntax

__all__ = ["decode_formats", "unknown_format"]


def decode_formats(blocks: Sequence[Block], report: Report) -> Mapping[str, Syntax | None]:
    """The syntax of each format by `<type>.<name>`, those that need no block among them.

    None for one that is defined wrongly: a reference to it is no further problem.
    """
    found: dict[str, Syntax | None] = dict(formats.presets())
    for block in blocks:
        found[".".join(block.labels)] = _decode(block, report)
    return found


def unknown_format(name: str, syntaxes: Mapping[str, Syntax | None]) -> tuple[str, str]:
    """(message, hint) for a reference to a format that is not there."""
    valid = [f"format.{known}" for known in sorted(syntaxes)]
    alike = [known for known in valid if known.split(".")[1] == name.partition(".")[0]] or valid
    return (
        f"unknown format.{name}, expected one of {', '.join(alike)}",
        nearest(f"format.{name}", alike) or nearest(f"format.{name}", valid),
    )


def _decode(block: Block, report: Report) -> Syntax | None:
    kind = block.labels[0]
    if kind not in formats.names():
        valid = formats.names()
        message = f'unknown format type "{kind}", expected one of {", ".join(valid)}'
        report.problem(block.file, block.line, message, nearest(kind, valid))
        return None
    before = len(report.problems)
    declared = formats.find(kind)
    values = arguments(block, declared.arguments, report)
    for inner in block.blocks:
        message = f'unknown block "{inner.type}" in {title(block)}, which holds arguments only'
        report.problem(inner.file, inner.line, message)
    if len(report.problems) > before:
        return None
    lines = {setting.name: setting.value.line or setting.line for setting in block.settings}
    try:
        syntax = declared.build(values)
        _check(syntax)
    except ArgumentError as error:
        message = f"{error.argument}: {error.message}"
        report.problem(block.file, lines.get(error.argument, block.line), message, error.hint)
        return None
    return syntax


def _check(syntax: Syntax) -> None:
    """ArgumentError for a pattern that RE2 cannot run."""
    from penstock.condition import check_pattern  # brings DuckDB

    if syntax.reader == "pattern" and "pattern" in syntax.options:
        wrong = check_pattern(str(syntax.options["pattern"]))
        if wrong:
            raise ArgumentError("layout", wrong)
