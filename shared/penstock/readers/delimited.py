"""Fields between delimiters: CSV, tab-separated and blank-separated logs, quoted or not.

Options, with DuckDB's names where it has them (https://duckdb.org/docs/stable/data/csv/overview):
`delim` (one character, default a comma), `quote` (default `"`; empty: none), `escape` (what stands
before a quote in a quoted field, default the quote), `nullstr` (texts that mean nothing is there, an
empty one always does), `comment` and `skip` (how lines begin that are no rows), `skip_lines` (how
many at the beginning are none), `header`: True, the first line names the fields; "auto", it does
where it names fields that the table knows; a text such as `#Fields: `, the line that begins so does;
else `columns` names them in order, or they are column0, column1 and so on. `multiline`: quoted fields
may hold line ends. `required`: how many fields a row has at least. `pattern`: a regular
expression with named groups for rows that delimiters do not take apart. `unwrap`: the JSON path at
which a row stands in an object, if the text is one of JSON objects.

The native way is DuckDB's own CSV reader. It is strict: what it refuses, and texts in which it would
number the rows differently (blank lines, a header in mid-file), are read row by row instead, four
times as slowly.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from penstock import envelopes
from penstock.readers import _fields, _lines, _respelling
from penstock.readers._fields import built_record, member_of, one_of, rest_of, taken_apart
from penstock.readers._headers import Header, Options, grouped, header_of, known_places, read_options
from penstock.readers._pieces import Head, Pieces, Whole
from penstock.readers._plain import readable
from penstock.sql import literal

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


def probe(pieces: Pieces, record: Mapping[str, object], options: Mapping[str, object]) -> str:
    """Counts line ends; the head is made of the first lines."""
    del record
    o = read_options(options)
    first = f"substr(content, 1, {_FIRST})"
    if pieces.exact:
        known = Header.read(pieces.head)
        counted = f"coalesce(len({_data(o, options, known)}), 0)"
        # Any row may have more fields than the first one.
        beyond = "false" if known.named else "true"
        return f"SELECT filename, true, {counted}, {beyond}, true, '' FROM {pieces.contents}"
    ended = "CASE WHEN content = '' OR ends_with(content, chr(10)) THEN 1 ELSE 0 END"
    counted = f"len(string_split(content, chr(10))) - ({ended})"
    return f"SELECT filename, true, {counted}, false, {_odd(o)}, {first} FROM {pieces.contents}"


def _odd(o: Options) -> str:
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
        tests.append(f"contains(content, chr(10) || {line} || chr(10))")
    for prefix in o.comment:
        # Those before the rows belong to the head.
        block = f"^(?:{re.escape(prefix)}[^\n]*\n)*"
        leading = f"regexp_extract({first}, {literal(block)})"
        tests.append(f"contains(substr(content, length({leading}) + 1), chr(10) || {literal(prefix)})")
    return " OR ".join([*tests, *(f"contains(content, {sign})" for sign in signs)])


def _doubled(o: Options) -> str:
    """SQL over content: whether two blanks stand between fields. User agents often hold some, quoted."""
    anywhere = "contains(content, '  ')"
    if not o.quote:
        return anywhere
    q, member = one_of(o.quote), member_of(o.quote)
    field = f"(?:{q}(?:[^{member}\n]|{q}{q})*{q}|[^{member} \n][^ \n]*)"
    # By a case: an AND would look for the expression everywhere, which costs as much as ten searches.
    within = f"regexp_matches(content, {literal(f'(?m)^(?:{field} )* ')})"
    return f"CASE WHEN {anywhere} THEN {within} ELSE false END"


def head(first: str, record: Mapping[str, object], options: Mapping[str, object]) -> Head:
    """Names and places of the fields, from the first lines."""
    o = read_options(options)
    known = header_of(o, first.split("\n"), record)
    return Head(
        known.text(),
        unknown=len(known_places(known.names, record)) < len(known.names),
        before=known.lines,
        exact=known.odd or not known.count,  # the first row is blank: a tab, a space of Unicode's
    )


def absent(pieces: Pieces, record: Mapping[str, object], options: Mapping[str, object]) -> frozenset[str]:
    """Those that are not among the names of the head; the slow way finds what the pattern names, too."""
    known = Header.read(pieces.head)
    if pieces.exact:
        return _fields.absent(known, record) - grouped(read_options(options))
    return _fields.absent(_counted(known), record)


def rows(pieces: Pieces, record: Mapping[str, object], options: Mapping[str, object]) -> str:
    """By DuckDB's CSV reader, or row by row."""
    o, known = read_options(options), Header.read(pieces.head)
    if pieces.exact:
        lines = _lines.numbered(pieces, _data(o, options, known))
        rest = ", t.rest AS rest" if pieces.unknown else ""
        return (
            f"SELECT * EXCLUDE (raw, t), t.r AS r{rest} FROM "
            f"(SELECT *, {taken_apart(options, known, record, unknown=pieces.unknown)} AS t FROM ({lines}))"
        )
    known = _counted(known)
    values = [f"c{place}" for place in range(known.count)]
    built = built_record(known, record, values)
    rest = f", {rest_of(known, record, values)} AS rest" if pieces.unknown else ""
    columns = ", ".join(f"'{value}': 'VARCHAR'" for value in values)
    nulls = ", ".join(literal(text) for text in ("", *o.nullstr))
    read = (
        f"read_csv({pieces.paths}, auto_detect = false, header = false, skip = {known.lines}, "
        f"delim = {literal(o.delim)}, quote = {literal(o.quote)}, escape = {literal(o.escape)}, "
        f"columns = {{{columns}}}, nullstr = [{nulls}], strict_mode = true)"
    )
    return pieces.numbered(
        f"SELECT (file_index + 1)::BIGINT AS _piece, row_number() OVER () - 1 AS _n, {built} AS r{rest} "
        f"FROM {read}"
    )


def _counted(known: Header) -> Header:
    """What the native way reads of it: rows of another count than the first are refused, and then read
    row by row.
    """
    return replace(known, names=known.names[: known.count])


def texts(pieces: Pieces, record: Mapping[str, object], options: Mapping[str, object]) -> str:
    """The rows as they stand in the log."""
    o, known = read_options(options), Header.read(pieces.head)
    lines = _lines.numbered(pieces, _data(o, options, known))
    return (
        f"SELECT _piece, _row, raw, t.r AS r, t.refusal AS refusal "
        f"FROM (SELECT *, {taken_apart(options, known, record, unknown=False)} AS t FROM ({lines}))"
    )


def _data(o: Options, options: Mapping[str, object], known: Header) -> str:
    """SQL over content: the list of its rows as text."""
    if o.multiline and o.quote:
        q = o.quote
        records = f"regexp_extract_all(content, {literal(f'(?:[^{q}' + chr(10) + f']|{q}[^{q}]*{q}?)+')})"
    else:
        records = "string_split(content, chr(10))"
    if o.skip_lines:
        records = f"({records})[{o.skip_lines + 1}:]"
    return _lines.data_lines(options, records, header=known.named and o.header in (True, "auto"))


def respelt(path: str, beginning: bytes, options: Mapping[str, object], *, odd: bool) -> str | None:
    """Rows that stand in JSON objects are taken out of them."""
    del odd
    return _respelling.messages(path, beginning, str(options["unwrap"])) if "unwrap" in options else None


def slices(
    blocks: Iterable[bytes],
    limit: int,
    whole: Whole,
    record: Mapping[str, object],
    options: Mapping[str, object],
) -> Iterator[bytes]:
    """Cut at line ends; what names the fields stands before each slice. ValueError as `head` has it."""
    del whole
    o = read_options(options)
    stream = iter(blocks)
    start = bytearray()
    if "unwrap" in options:
        start += next(stream, b"")
        cut = _lines.cut if b"\n" in start else envelopes.slices
        yield from cut(itertools.chain([bytes(start)], stream), limit)
        return
    while len(start) < _FIRST and (block := next(stream, b"")):
        start += block
    known = header_of(o, bytes(start[:_FIRST]).decode("utf-8", "replace").split("\n"), record)
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
