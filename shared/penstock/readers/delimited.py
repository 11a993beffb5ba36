"""Fields between delimiters: CSV, tab-separated and blank-separated logs, quoted or not.

Options, with DuckDB's names where it has them (https://duckdb.org/docs/stable/data/csv/overview):
`delim` (one character, default a comma), `quote` (default `"`; empty: none), `escape` (what stands
before a quote in a quoted field, default the quote), `nullstr` (texts that mean nothing is there, an
empty one always does), `comment` and `skip` (how lines begin that are no rows), `skip_lines` (how
many at the beginning are none), `header`: True, the first line names the fields; "auto", it does
where it names fields that the table knows; a text such as `#Fields: `, the line that begins so does;
else `columns` names them in order, or they are column0, column1 and so on. `multiline`: quoted fields
may hold line ends. `required`: how many fields a row has at least. `pattern`: a regular
expression with named groups for rows that delimiters do not take apart.

The native way is DuckDB's own CSV reader. It is strict: what it refuses, and texts in which it would
number the rows differently (blank lines, a header in mid-file), are read row by row instead, four
times as slowly.
"""

from __future__ import annotations

import csv
import itertools
import json
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from penstock.readers import _lines, _names
from penstock.readers._pieces import Head, Pieces
from penstock.readers.pattern import groups, matched
from penstock.sql import filled_object, literal, struct

__all__ = [
    "BUNDLES",
    "STREAMS",
    "absent",
    "complaint",
    "exacts",
    "head",
    "probe",
    "readable",
    "respelt",
    "rows",
    "slices",
    "texts",
]

BUNDLES = False
STREAMS = True

_FIRST = 64 << 10  # characters within which the header ends


@dataclass(frozen=True, slots=True)
class _Options:
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


def _read(options: Mapping[str, object]) -> _Options:
    header = options.get("header", False)
    return _Options(
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
class _Head:
    """What a piece's beginning says: the names of the fields, how many lines stand before the rows,
    whether one of those names the fields, and how many fields the first row has.
    """

    names: tuple[str, ...]
    lines: int
    named: bool
    count: int

    def text(self) -> str:
        return json.dumps([self.names, self.lines, self.named, self.count])

    @classmethod
    def read(cls, text: str) -> _Head:
        names, lines, named, count = json.loads(text)
        return cls(tuple(names), lines, named, count)


def probe(pieces: Pieces, record: Mapping[str, object], options: Mapping[str, object]) -> str:
    """Counts line ends; the head is made of the first lines."""
    del record
    o = _read(options)
    first = f"substr(content, 1, {_FIRST})"
    if pieces.exact:
        known = _Head.read(pieces.head)
        counted = f"coalesce(len({_data(o, options, known)}), 0)"
        # Any row may have more fields than the first one.
        beyond = "false" if known.named else "true"
        return f"SELECT filename, true, {counted}, {beyond}, true, '' FROM {pieces.contents}"
    ended = "CASE WHEN content = '' OR ends_with(content, chr(10)) THEN 1 ELSE 0 END"
    counted = f"len(string_split(content, chr(10))) - ({ended})"
    return f"SELECT filename, true, {counted}, false, {_odd(o)}, {first} FROM {pieces.contents}"


def _odd(o: _Options) -> str:
    """SQL over content: whether the native way would number its rows, or take them apart, otherwise."""
    signs = ["chr(13)", "chr(0)", "chr(10) || chr(10)"]
    signs += [f"chr(10) || {literal(prefix)}" for prefix in o.skip]
    tests = [f"starts_with(content, {literal(prefix)})" for prefix in (chr(10), *o.skip)]
    if o.delim == " ":
        tests += ["starts_with(content, ' ')", _doubled(o)]
        signs.append("chr(10) || ' '")
    if o.quote and o.escape != "\\":
        signs.append(literal("\\" + o.quote))
    first = f"substr(content, 1, {_FIRST})"
    if o.header in (True, "auto"):
        line = f"split_part({first}, chr(10), 1)"
        tests.append(f"contains(substr(content, length({line}) + 1), chr(10) || {line} || chr(10))")
    for prefix in o.comment:
        # Those before the rows belong to the head.
        block = f"^(?:{re.escape(prefix)}[^\n]*\n)*"
        leading = f"regexp_extract({first}, {literal(block)})"
        tests.append(f"contains(substr(content, length({leading}) + 1), chr(10) || {literal(prefix)})")
    return " OR ".join([*tests, *(f"contains(content, {sign})" for sign in signs)])


def _doubled(o: _Options) -> str:
    """SQL over content: whether two blanks stand between fields. User agents often hold some, quoted."""
    anywhere = "contains(content, '  ')"
    if not o.quote:
        return anywhere
    q, member = _class(o.quote), _member(o.quote)
    field = f"(?:{q}(?:[^{member}\n]|{q}{q})*{q}|[^{member} \n][^ \n]*)"
    return f"({anywhere} AND regexp_matches(content, {literal(f'(?m)^(?:{field} )* ')}))"


def head(first: str, record: Mapping[str, object], options: Mapping[str, object]) -> Head:
    """Names and places of the fields, from the first lines."""
    o = _read(options)
    known = _head(o, first.split("\n"), record)
    return Head(known.text(), unknown=len(_known(known.names, record)) < len(known.names), before=known.lines)


def _head(o: _Options, lines: Sequence[str], record: Mapping[str, object]) -> _Head:
    before = o.skip_lines
    names: tuple[str, ...] = ()
    for line in lines[before:]:
        if isinstance(o.header, str) and o.header != "auto" and line.startswith(o.header):
            names = tuple(line[len(o.header) :].split())
        elif not any(line.startswith(prefix) for prefix in o.comment):
            break
        before += 1
    line = lines[before].rstrip("\r") if before < len(lines) else ""
    if names:
        return _Head(names, before, named=True, count=len(names))
    given = _split(o, line)
    if o.header is True and given and record and not _known(given, record):
        raise ValueError(
            f"its first line names no field of this table (it begins {line[:60]!r}); "
            f"expected a header with names such as {', '.join(list(record)[:4])}"
        )
    if (o.header is True and given) or (o.header == "auto" and _is_header(given, record)):
        return _Head(given, before + 1, named=True, count=len(given))
    if o.header is False and not o.columns:
        unnamed = tuple(f"column{n}" for n in range(len(given)))
        return _Head(unnamed, before, named=False, count=len(given))
    if line and not o.columns:
        raise ValueError(
            f"it begins {line[:60]!r}; expected a line that begins {o.header!r} and names the fields"
        )
    beyond = tuple(f"field_{n}" for n in range(len(o.columns) + 1, len(given) + 1))
    return _Head((*o.columns, *beyond), before, named=False, count=len(given))


def _known(given: Sequence[str], record: Mapping[str, object]) -> set[int]:
    """Places of the names that the record has a field for."""
    places = set(_names.assigned(given, record).values())
    return places.union(*(group.values() for group in _names.prefixed(given, record).values()))


def _is_header(given: Sequence[str], record: Mapping[str, object]) -> bool:
    """Whether most of the fields are names that the table knows; values hardly ever are."""
    return len(_known(given, record)) > len(given) / 2


def _split(o: _Options, line: str) -> tuple[str, ...]:
    """The fields of one line."""
    if not line.strip():
        return ()
    if o.delim == " ":
        line = " ".join(line.split())
    reader = csv.reader(
        [line],
        delimiter=o.delim,
        quotechar=o.quote or None,
        quoting=csv.QUOTE_MINIMAL if o.quote else csv.QUOTE_NONE,
    )
    return tuple(name.strip() for name in next(reader))


def absent(head: str, record: Mapping[str, object], options: Mapping[str, object]) -> frozenset[str]:
    """Those that are not among the names of the head."""
    o, names = _read(options), _Head.read(head).names
    given = {*_names.assigned(names, record), *_names.prefixed(names, record)}
    return frozenset(record) - given - _grouped(o)


def _grouped(o: _Options) -> frozenset[str]:
    return frozenset(groups(o.pattern)[1]) if o.pattern else frozenset()


def readable(options: Mapping[str, object]) -> str:
    """Any text is lines."""
    del options
    return "true"


def rows(pieces: Pieces, record: Mapping[str, object], options: Mapping[str, object]) -> str:
    """By DuckDB's CSV reader, or row by row."""
    o, known = _read(options), _Head.read(pieces.head)
    if pieces.exact:
        lines = _lines.numbered(pieces, _data(o, options, known))
        rest = ", t.rest AS rest" if pieces.unknown else ""
        return (
            f"SELECT * EXCLUDE (raw, t), t.r AS r{rest} "
            f"FROM (SELECT *, {_taken(options, known, record, unknown=pieces.unknown)} AS t FROM ({lines}))"
        )
    # Rows of another count are refused, and then read row by row.
    known = replace(known, names=known.names[: known.count])
    values = [f"c{place}" for place in range(known.count)]
    built = _built(known, record, values, _grouped(o) | set(_names.assigned(o.columns, record)))
    rest = f", {_rest(known, record, values)} AS rest" if pieces.unknown else ""
    columns = ", ".join(f"'{value}': 'VARCHAR'" for value in values)
    nulls = ", ".join(literal(text) for text in ("", *o.nullstr))
    read = (
        f"read_csv({pieces.paths}, auto_detect = false, header = false, skip = {known.lines}, "
        f"delim = {literal(o.delim)}, quote = {literal(o.quote)}, escape = {literal(o.escape)}, "
        f"columns = {{{columns}}}, nullstr = [{nulls}], filename = true, "
        "strict_mode = true)"
    )
    return pieces.inherit(f"SELECT filename, row_number() OVER () - 1 AS _n, {built} AS r{rest} FROM {read}")


def texts(pieces: Pieces, record: Mapping[str, object], options: Mapping[str, object]) -> str:
    """The rows as they stand in the log."""
    o, known = _read(options), _Head.read(pieces.head)
    lines = _lines.numbered(pieces, _data(o, options, known))
    return (
        f"SELECT id_prefix, _row, raw, t.r AS r, t.refusal AS refusal "
        f"FROM (SELECT *, {_taken(options, known, record, unknown=False)} AS t FROM ({lines}))"
    )


def _data(o: _Options, options: Mapping[str, object], known: _Head) -> str:
    """SQL over content: the list of its rows as text."""
    if o.multiline and o.quote:
        q = o.quote
        records = f"regexp_extract_all(content, {literal(f'(?:[^{q}' + chr(10) + f']|{q}[^{q}]*{q}?)+')})"
    else:
        records = "string_split(content, chr(10))"
    if o.skip_lines:
        records = f"({records})[{o.skip_lines + 1}:]"
    return _lines.data_lines(options, records, header=known.named and o.header in (True, "auto"))


def _built(
    known: _Head, record: Mapping[str, object], values: Sequence[str], always: Collection[str] = ()
) -> str:
    """SQL: the struct of the record from the values of the fields."""
    places = _names.assigned(known.names, record)
    groups = _names.prefixed(known.names, record)
    fields = {}
    for name in record:
        if name in groups:
            fields[name] = filled_object({key: values[place] for key, place in groups[name].items()})
        elif name in places:
            fields[name] = values[places[name]]
        elif name in always:
            fields[name] = "NULL::VARCHAR"
    return struct(fields) if fields else "struct_pack(_ := true)"


def _rest(known: _Head, record: Mapping[str, object], values: Sequence[str]) -> str:
    """SQL: JSON of the fields that the record does not name."""
    taken = _known(known.names, record)
    left = {name: values[place] for place, name in enumerate(known.names) if place not in taken}
    return f"nullif({filled_object(left)}, '{{}}')"


def _taken(
    options: Mapping[str, object], known: _Head, record: Mapping[str, object], *, unknown: bool
) -> str:
    """SQL over raw: the struct (r, rest, refusal) of a row, taken apart by delimiters, else by the pattern.

    A quote counts as one at the beginning of a field, and at its end, before a delimiter. A row in
    which one stands elsewhere was not written by those rules.
    """
    o = _read(options)
    source = "trim(raw)" if o.delim == " " else "raw"
    found = f"regexp_extract_all({source}, {literal(_token(o))}, 1)"
    # The pattern also matches the empty text at the end, once.
    whole = f"CASE WHEN ends_with({source}, {literal(o.delim)}) THEN a ELSE a[:len(a) - 1] END"
    parts = f"list_transform([{found}], lambda a: {whole})[1]"
    parts = f"list_transform([{parts}], lambda p: {_ended(o, known)})[1]"
    values = [f"v[{place + 1}]" for place in range(len(known.names))]
    lone = _lone(o, known)
    built = _built(known, record, values, _grouped(o))
    rest = _beyond(known, record, values) if unknown else "NULL::JSON"
    fit = f"len(p) >= {o.required} AND NOT ({lone})"
    if known.named:
        fit += f" AND len(p) <= {len(known.names)}"
    wrong = (
        f"CASE WHEN {lone} THEN 'found a quote in the middle of a field' "
        f"ELSE 'found ' || len(p) || ' fields, expected ' || "
        f"{literal(_expected(o, known))} END"
    )
    good = struct({"r": built, "rest": rest, "refusal": "NULL::VARCHAR"})
    # Each value is made once and then taken: what stands twice in a lambda is computed twice.
    good = f"list_transform([list_transform(p, lambda x: {_value(o, 'x')})], lambda v: {good})[1]"
    bad = struct({"r": "NULL", "rest": "NULL::JSON", "refusal": wrong})
    if o.pattern:
        match, taken = matched(o.pattern, "raw", o.nullstr)
        gone = absent(known.text(), record, options)
        left = filled_object({name: sql for name, sql in taken.items() if name not in record})
        other = struct(
            {
                "r": struct({name: taken.get(name, "NULL::VARCHAR") for name in record if name not in gone}),
                "rest": f"nullif({left}, '{{}}')" if unknown else "NULL::JSON",
                "refusal": "NULL::VARCHAR",
            }
        )
        bad = f"list_transform([{match}], lambda m: CASE WHEN m._ <> '' THEN {other} ELSE {bad} END)[1]"
    return f"list_transform([{parts}], lambda p: CASE WHEN {fit} THEN {good} ELSE {bad} END)[1]"


def _token(o: _Options) -> str:
    """A regular expression for a field and what ends it."""
    d = _class(o.delim)
    gap = f"(?:{d}+|$)" if o.delim == " " else f"(?:{d}|$)"
    plain = f"[^{_member(o.delim)}]*"
    if not o.quote:
        return f"({plain}){gap}"
    q = _class(o.quote)
    inside = f"(?:[^{_member(o.quote)}]|{q}{q}|{q}[^{_member(o.delim)}{_member(o.quote)}])*"
    if o.escape != o.quote:
        inside = f"(?:[^{_member(o.quote)}{_member(o.escape)}]|{_class(o.escape)}.)*"
    blanks = "" if o.delim == " " else " *"
    return f"({blanks}{q}{inside}{q}{blanks}|{plain}){gap}"


def _lone(o: _Options, known: _Head) -> str:
    """SQL over p: whether a quote opens a field and does not close it.

    Or stands inside one, in a row that has another number of fields than the first.
    """
    if not o.quote:
        return "false"
    q = literal(o.quote)
    opened = f"starts_with(ltrim(x), {q})"
    closed = f"(strlen(trim(x)) > 1 AND ends_with(rtrim(x), {q}))"
    inside = f"len(p) <> {known.count} AND contains(x, {q})"
    return f"len(list_filter(p, lambda x: CASE WHEN {opened} THEN NOT {closed} ELSE {inside} END)) > 0"


def _ended(o: _Options, known: _Head) -> str:
    """SQL over p: without empty fields beyond those of the first row, as the native way has it."""
    beyond = f"list_filter(p[{known.count + 1}:], lambda x: ({_value(o, 'x')}) IS NOT NULL)"
    return f"CASE WHEN len(p) > {known.count} AND len({beyond}) = 0 THEN p[:{known.count}] ELSE p END"


def _expected(o: _Options, known: _Head) -> str:
    if known.named:
        return (
            f"{o.required} to {len(known.names)}" if o.required < len(known.names) else f"{len(known.names)}"
        )
    return f"at least {o.required}"


def _beyond(known: _Head, record: Mapping[str, object], values: Sequence[str]) -> str:
    """SQL over v: JSON of fields that the record does not name, those beyond the head's included."""
    rest = _rest(known, record, values)
    count = len(known.names)
    more = f"json_object('more', v[{count + 1}:])"
    merged = f"json_merge_patch(coalesce({rest}, '{{}}'), {more})"
    return f"CASE WHEN len(v) > {count} THEN {merged} ELSE {rest} END"


def _value(o: _Options, part: str) -> str:
    """SQL: the value of a field as it stands in the row."""
    nothing = ("", *o.nullstr)
    if not o.quote:
        return f"CASE WHEN {part} IN ({_texts(nothing)}) THEN NULL ELSE {part} END"
    q = literal(o.quote)
    nothing += tuple(f"{o.quote}{text}{o.quote}" for text in nothing)
    bare = f"trim({part})"
    inner = f"replace({bare}[2:-2], {literal(o.escape + o.quote)}, {q})"
    if o.escape != o.quote:
        inner = f"replace({inner}, {literal(o.escape * 2)}, {literal(o.escape)})"
    return (
        f"CASE WHEN {part} IN ({_texts(nothing)}) THEN NULL "
        f"WHEN NOT starts_with(ltrim({part}), {q}) THEN {part} "
        f"WHEN {bare} IN ({_texts(nothing)}) THEN NULL ELSE {inner} END"
    )


def _texts(texts: Iterable[str]) -> str:
    return ", ".join(literal(text) for text in texts)


def _class(character: str) -> str:
    """A regular expression for one character."""
    return f"[{_member(character)}]"


def _member(character: str) -> str:
    return "\\" + character if character in "\\]^-|" else {"\t": "\\t"}.get(character, character)


def respelt(path: str, beginning: bytes, options: Mapping[str, object], *, odd: bool) -> str | None:
    """Fields are as they are."""
    del path, beginning, options, odd
    return None


def slices(
    blocks: Iterable[bytes],
    limit: int,
    whole: Callable[[bytes], bool],
    record: Mapping[str, object],
    options: Mapping[str, object],
) -> Iterator[bytes]:
    """Cut at line ends; what names the fields stands before each slice. ValueError as `head` has it."""
    del whole
    o = _read(options)
    stream = iter(blocks)
    start = bytearray()
    while len(start) < _FIRST and (block := next(stream, b"")):
        start += block
    known = _head(o, bytes(start[:_FIRST]).decode("utf-8", "replace").split("\n"), record)
    quote = o.quote.encode() if o.multiline else b""
    yield from _lines.cut(itertools.chain([bytes(start)], stream), limit, heads=known.lines, quote=quote)


def exacts(options: Mapping[str, object]) -> bool:
    """Always: row by row."""
    del options
    return True


def complaint(head: bytes, options: Mapping[str, object]) -> str:
    """What rows of fields could not be is text."""
    del options
    return f"it is no text of delimited fields (it begins {head[:60]!r})"
