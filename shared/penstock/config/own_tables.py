"""Turns `table` blocks into tables: of people's own, or built-in ones with further columns."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from penstock import formats
from penstock.config.blocks import BLOCKS
from penstock.config.check import Report, arguments, nearest, title
from penstock.config.formats import unknown_format
from penstock.config.nodes import Block
from penstock.config.own_blocks import COLUMN
from penstock.config.own_columns import Asked, Fields, Filled, Unfit, filled, plain_name
from penstock.errors import Problem
from penstock.model import REJECTED_TABLE
from penstock.readers import Syntax
from penstock.tables import COMMON_COLUMNS, Column, Table

__all__ = ["decode_table"]

_COMMON = {column.name: column for column in COMMON_COLUMNS}
_SET = (
    "tp_date", "tp_id", "tp_index", "tp_ingest_timestamp", "tp_partition", "tp_source_location",
    "tp_source_name", "tp_source_type", "tp_table",
)  # fmt: skip
_RESERVED = ("r", "rest", "unmapped")


def decode_table(
    block: Block,
    syntaxes: Mapping[str, Syntax | None],
    used: Sequence[Syntax],
    find: Callable[[str], Table],
    report: Report,
) -> Table | None:
    """The table of a block, None when something in it is wrong. `used` are formats of its sources."""
    before = len(report.problems)
    name = block.labels[0]
    if name == REJECTED_TABLE or name.startswith("tp_") or not re.fullmatch(r"[A-Za-z_]\w*", name):
        expected = "expected letters, digits and underscores, not tp_…"
        message = f'{title(block)}: found the name "{name}", {expected}'
        report.problem(block.file, block.line, message)
        return None
    values = arguments(block, BLOCKS["table"].arguments, report)
    try:
        base: Table | None = find(name)
    except KeyError:
        base = None
    making = _Making(block, values, syntaxes, used, base, report)
    made = making.table()
    return made if len(report.problems) == before else None


@dataclass(slots=True)
class _Making:
    """A table in the making."""

    block: Block
    values: Mapping[str, Any]
    syntaxes: Mapping[str, Syntax | None]
    used: Sequence[Syntax]
    base: Table | None
    report: Report
    columns: dict[str, Column] = field(default_factory=dict)
    enrichment: dict[str, str] = field(default_factory=dict)
    reads: dict[str, object] = field(default_factory=dict)
    required: list[str] = field(default_factory=list)

    def problem(self, line: int, message: str, hint: str = "") -> None:
        self.report.problem(self.block.file, line, message, hint)

    def table(self) -> Table | None:
        syntax = self._syntax()
        known = self._known(syntax)
        asked = list(self._asked())
        if known is None and syntax is None and "format" in self.values:
            return None  # what is wrong with the format would come again for every column
        taken = self._fields(syntax, known, asked)
        for one in asked:
            if one.name in _SET:
                notice = f"{one.name} has no effect here: {self._remedy(one)}"
                self.report.notices.append(Problem(self.block.file, one.line, notice))
                continue
            try:
                self._add(one, filled(one, taken, _COMMON.get(one.name)))
            except Unfit as error:
                message = f'column "{one.name}": {error}'
                hint = error.hint
                if not one.lines and one.name in (known or ()):
                    hint = f'field_map has the column first: {one.source} = "{one.name}"'
                self.problem(one.lines.get(error.argument, one.line), message, hint)
        self._rest(taken, known, asked)
        if self.base is None and "tp_timestamp" not in self.enrichment:
            named = [one.name for one in asked]
            if "tp_timestamp" not in named:
                lacks = f'{title(self.block)} lacks the column "tp_timestamp"'
                message = f"{lacks}, expected a column block of that name"
                self.problem(self.block.line, message, "it says when the logged thing happened")
        return self._made(syntax)

    @staticmethod
    def _remedy(one: Asked) -> str:
        if one.name != "tp_index":
            return "Penstock sets it"
        wanted = one.values.get("source", one.values.get("transform", "<expression>"))
        return f'write tp_index = "{wanted}" in a partition block'

    def _syntax(self) -> Syntax | None:
        name = self.values.get("format")
        if name is None:
            return None
        if name in self.syntaxes:
            return self.syntaxes[name]
        line = next(s.value.line or s.line for s in self.block.settings if s.name == "format")
        self.problem(line, *unknown_format(name, self.syntaxes))
        return None

    def _known(self, syntax: Syntax | None) -> tuple[str, ...] | None:
        """The fields of every row; where the sources have formats of their own, of all of those."""
        if self.base is not None:
            return None
        found = [formats.fields(one) for one in ([syntax] if syntax else self.used)]
        if not found or any(names is None for names in found):
            return None
        return tuple(dict.fromkeys(name for names in found for name in names or ()))

    def _asked(self) -> Iterator[Asked]:
        """What the blocks and the short form ask for; wrong heads and names that come again are problems."""
        null_if = self._null_if()
        seen: dict[str, int] = {}
        for inner in self.block.blocks:
            if inner.type != "column":
                hint = nearest(inner.type, ["column", *(a.name for a in BLOCKS["table"].arguments)])
                message = f'unknown block "{inner.type}" in {title(self.block)}, expected column'
                self.problem(inner.line, message, hint)
            elif len(inner.labels) != 1:
                self.problem(inner.line, f'found {title(inner)}, expected column "<name>"')
            else:
                values = arguments(inner, COLUMN.arguments, self.report)
                lines = {s.name: s.value.line or s.line for s in inner.settings}
                asked = Asked(inner.labels[0], values, lines, inner.line, values.get("null_if", null_if))
                if self._good(asked, seen):
                    yield asked
        place = next((s.line for s in self.block.settings if s.name == "field_map"), 0)
        for name, source in self.values.get("field_map", {}).items():
            asked = Asked(name, {"source": source}, {}, place, null_if)
            if self._good(asked, seen):
                yield asked

    def _null_if(self) -> str | None:
        """Text that means nothing is there; the older name of the argument counts where the other is not."""
        found: str | None = self.values.get("null_if", self.values.get("null_value"))
        return found

    def _good(self, asked: Asked, seen: dict[str, int]) -> bool:
        """Whether a column may have its name."""
        name, own = asked.name, {column.name.lower() for column in self.base.columns} if self.base else set()
        first = seen.setdefault(name.lower(), asked.line)
        message = hint = ""
        if not re.fullmatch(r"[A-Za-z_]\w{0,127}", name):
            message = "expected letters, digits and underscores"
        elif name.lower() in _RESERVED or name.startswith("_"):
            message = "expected another name: this one is Penstock's own"
        elif name.startswith("tp_") and name not in _COMMON:
            message, hint = f"expected one of {', '.join(_COMMON)}", nearest(name, _COMMON)
        elif name.lower() in own or (self.base and name in self.base.enrichment):
            message = f"expected a new column: {self.block.labels[0]} has it already"
        elif first != asked.line:
            message, hint = "expected it once", f"it first stands on line {first}"
        if message:
            self.problem(asked.line, f'column "{name}": {message}', hint)
        return not message

    def _fields(self, syntax: Syntax | None, known: tuple[str, ...] | None, asked: Sequence[Asked]) -> Fields:
        base = self.base.record() if self.base else {}
        found = syntax or (self.base.syntax if self.base else None)
        readers = {one.reader for one in (found, *self.used) if one is not None}
        texts = ("pattern", "delimited")
        return Fields.of(
            known,
            base,
            asked,
            empty_is_null=found is not None and found.reader in texts,
            texts_only=not readers.isdisjoint(texts),
        )

    def _add(self, one: Asked, made: Filled) -> None:
        if one.name in _COMMON:
            self.enrichment[one.name] = made.column.expression
            self.reads |= made.reads
        else:
            self.columns[one.name] = replace(
                made.column, reads={k: v for k, v in made.reads.items() if k != made.column.source}
            )
        if one.values.get("required"):
            self.required.append(one.name)

    def _rest(self, taken: Fields, known: tuple[str, ...] | None, asked: Sequence[Asked]) -> None:
        """Fields that no column names, if they are known, and those that other columns read."""
        named = {one.source.lower() for one in asked if one.source and one.name not in _COMMON}
        read = [name for column in self.columns.values() for name in column.reads]
        base = self.base.record() if self.base else {}
        wanted = re.compile(self._kept() or ".*", re.DOTALL)
        own = self.base.columns if self.base else ()
        used = {name.lower() for name in (*self.columns, *(column.name for column in own))}
        for name in dict.fromkeys((*(known or ()), *read, *self.reads)):
            if name.lower() in named or name in base or not wanted.fullmatch(name):
                continue
            if name in _COMMON:
                if name not in _SET and name not in self.enrichment:
                    one = Asked(name, {}, {}, self.block.line, self._null_if())
                    self._add(one, filled(one, taken, _COMMON[name]))
                continue
            column = plain_name(name)
            if column.lower() in _RESERVED or column.startswith("tp_"):
                column = f"f_{column}"
            # Where a column that something else fills has the name, the field is only what that reads.
            if column.lower() not in used:
                used.add(column.lower())
                one = Asked(column, {"source": name}, {}, self.block.line, self._null_if())
                self._add(one, filled(one, taken, None))

    def _kept(self) -> str:
        """The names that map_fields takes, as a regular expression; empty for all."""
        globs = self.values.get("map_fields", ["*"])
        if "*" in globs:
            return ""
        signs = {"*": ".*", "?": "."}
        return "|".join("".join(signs.get(c, re.escape(c)) for c in glob) for glob in globs) or "[^\\s\\S]"

    def _made(self, syntax: Syntax | None) -> Table:
        description = self.values.get("description", "")
        columns = tuple(self.columns.values())
        changes: dict[str, Any] = {"required": tuple(self.required), "kept": self._kept()}
        if self.base is not None:
            if syntax is not None:
                changes |= {"syntax": syntax, "syntaxes": ()}
            return replace(
                self.base,
                columns=(*self.base.columns, *columns),
                enrichment={**self.base.enrichment, **self.enrichment},
                reads={**self.base.reads, **self.reads},
                **changes,
            )
        return Table(
            name=self.block.labels[0],
            description=description,
            reference="",
            syntax=syntax or Syntax(""),
            columns=columns,
            enrichment=self.enrichment,
            reads=self.reads,
            **changes,
        )
