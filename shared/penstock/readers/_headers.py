"""What the beginning of a delimited text says: its options told, its header read."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from penstock.readers import _lines, _names
from penstock.readers.pattern import groups

__all__ = ["Header", "Options", "grouped", "header_of", "known_places", "read_options"]


@dataclass(frozen=True, slots=True)
class Options:
    """The options with their defaults."""

    delim: str
    quote: str
    escape: str
    nullstr: tuple[str, ...]
    comment: tuple[str, ...]
    skip: tuple[str, ...]
    skip_lines: int
    header: bool | str
    columns: tuple[str, ...]
    multiline: bool
    required: int
    pattern: str


def read_options(options: Mapping[str, object]) -> Options:
    header = options.get("header", False)
    return Options(
        delim=str(options.get("delim", ",")),
        quote=(quote := str(options.get("quote", '"'))),
        escape=str(options.get("escape", quote)),
        nullstr=_lines.texts_option(options, "nullstr"),
        comment=_lines.texts_option(options, "comment"),
        skip=_lines.texts_option(options, "skip"),
        skip_lines=int(str(options.get("skip_lines", 0))),
        header=header if isinstance(header, str) else bool(header),
        columns=_lines.texts_option(options, "columns"),
        multiline=bool(options.get("multiline", False)),
        required=int(str(options.get("required", 1))),
        pattern=str(options.get("pattern", "")),
    )


@dataclass(frozen=True, slots=True)
class Header:
    """What a piece's beginning says: the names of the fields, how many lines stand before the rows,
    whether one of those names the fields, and how many fields the first row has that is not `odd`; whether
    the first one of all is: with quotes inside its fields.
    """

    names: tuple[str, ...]
    lines: int
    named: bool
    count: int
    odd: bool = False

    def text(self) -> str:
        return json.dumps([self.names, self.lines, self.named, self.count, self.odd])

    @classmethod
    def read(cls, text: str) -> Header:
        names, lines, named, count, odd = json.loads(text)
        return cls(tuple(names), lines, named, count, odd)


def grouped(o: Options) -> frozenset[str]:
    return frozenset(groups(o.pattern)[1]) if o.pattern else frozenset()


def header_of(o: Options, lines: Sequence[str], record: Mapping[str, object]) -> Header:
    before = o.skip_lines
    names: tuple[str, ...] = ()
    for line in lines[before:]:
        if isinstance(o.header, str) and o.header != "auto" and line.startswith(o.header):
            names = tuple(line[len(o.header) :].split())
        elif line.strip(" \t\r") and not any(line.startswith(prefix) for prefix in o.comment):
            break
        before += 1
    line = lines[before].rstrip("\r") if before < len(lines) else ""
    if names:
        return Header(names, before, named=True, count=len(names))
    given = _split(o, line)
    if o.header is True and given and record and not known_places(given, record):
        raise ValueError(
            f"its first line names no field of this table (it begins {line[:60]!r}); "
            f"expected a header with names such as {', '.join(list(record)[:4])}"
        )
    if (o.header is True and given) or (o.header == "auto" and _is_header(given, record)):
        return Header(given, before + 1, named=True, count=len(given))
    if o.header is False and not o.columns:
        unnamed = tuple(f"column{n}" for n in range(len(given)))
        return Header(unnamed, before, named=False, count=len(given))
    if line and not o.columns:
        begins = f" begins {o.header!r} and" if isinstance(o.header, str) else ""
        raise ValueError(f"it begins {line[:60]!r}; expected a line that{begins} names the fields")
    plain = next((one for one in lines[before:-1] if one.strip() and _is_plain(o, one)), "")
    odd = bool(line) and not _is_plain(o, line)
    if odd:
        given = _split(o, plain.rstrip("\r")) if plain else o.columns
    beyond = tuple(f"field_{n}" for n in range(len(o.columns) + 1, len(given) + 1))
    return Header((*o.columns, *beyond), before, named=False, count=len(given), odd=odd)


def _is_plain(o: Options, line: str) -> bool:
    """Whether a quote in it stands at the beginning of a field or at its end, or is escaped."""
    if not o.quote or o.quote not in line:
        return True
    q, d = re.escape(o.quote), re.escape(o.delim)
    inside = (
        f"[^{q}]|{q}{q}" if o.escape == o.quote else rf"[^{q}{re.escape(o.escape)}]|{re.escape(o.escape)}."
    )
    blanks = "" if o.delim == " " else " *+"
    field = f"{blanks}{q}(?:{inside})*+{q}{blanks}|[^{q}{d}]++"
    return re.fullmatch(rf"{d}*+(?:(?:{field})(?:{d}++|$))*+", line.rstrip("\r")) is not None


def known_places(given: Sequence[str], record: Mapping[str, object]) -> set[int]:
    """Places of the names that the record has a field for."""
    places = set(_names.assigned(given, record).values())
    return places.union(*(group.values() for group in _names.prefixed(given, record).values()))


def _is_header(given: Sequence[str], record: Mapping[str, object]) -> bool:
    """Whether most of the fields are names that the table knows; values hardly ever are."""
    return len(known_places(given, record)) > len(given) / 2


def _split(o: Options, line: str) -> tuple[str, ...]:
    """The fields of one line. ValueError where a line end stands in it that is none here."""
    if not line.strip():
        return ()
    if o.delim == " ":
        line = re.sub(r"[^\S\r]+", " ", line).strip()
    reader = csv.reader(
        [line],
        delimiter=o.delim,
        quotechar=o.quote or None,
        quoting=csv.QUOTE_MINIMAL if o.quote else csv.QUOTE_NONE,
    )
    try:
        return tuple(name.strip() for name in next(reader))
    except csv.Error:  # a carriage return beside quotes; many lines would be taken for one
        raise ValueError(
            f"a carriage return stands in its first line (it begins {line[:60]!r}); "
            "expected lines that end with a line feed"
        ) from None
