r"""Lines that a regular expression takes apart (RE2, https://github.com/google/re2/wiki/Syntax).

Options: `pattern`, whose named groups `(?P<name>…)` are the fields; it may match anywhere in the
line, so anchor it; `shown` is how messages call it. Without one the line itself is the field `line`.
`nullstr`: texts that mean nothing is there (an empty one always does). `comment`, `skip`: how lines
begin that are no rows. Names are matched as headers are: spelt alike first, then told alike.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from penstock.readers import _lines, _names
from penstock.readers._pieces import Head, Pieces, Whole
from penstock.readers._plain import exacts, readable, respelt
from penstock.sql import filled_object, literal, struct

__all__ = [
    "BUNDLES",
    "STREAMS",
    "absent",
    "complaint",
    "exacts",
    "fields",
    "groups",
    "head",
    "matched",
    "probe",
    "readable",
    "respelt",
    "rows",
    "slices",
    "texts",
]

BUNDLES = False
STREAMS = True

_GROUP = re.compile(r"\\.|\[\^?\]?(?:\\.|\[:\^?\w+:\]|[^\]\\])*\]|\((?:\?P?<(?P<name>[^>]*)>|\?)?", re.DOTALL)


def groups(pattern: str) -> tuple[str, tuple[str, ...]]:
    """The pattern with its groups renumbered (unnamed ones no longer capture), and the names in order."""
    names: list[str] = []

    def renumbered(found: re.Match[str]) -> str:
        text = found.group()
        if not text.startswith("("):
            return text
        if found["name"] is not None:
            names.append(found["name"])
            return "("
        return text if text == "(?" else "(?:"

    return _GROUP.sub(renumbered, pattern), tuple(names)


def matched(pattern: str, raw: str, nullstr: Iterable[str] = ()) -> tuple[str, dict[str, str]]:
    """SQL for a match of `raw` (its struct m, whose member 1 is the whole), and of each field over m."""
    bare, names = groups(pattern)
    told = ", ".join(literal(name) for name in ("_", *names))
    empty = ("", *nullstr)

    def field(name: str) -> str:
        value = f'm."{name}"'
        return f"CASE WHEN {' AND '.join(f'{value} <> {literal(text)}' for text in empty)} THEN {value} END"

    return f"regexp_extract({raw}, {literal(f'({bare})')}, [{told}])", {name: field(name) for name in names}


def fields(options: Mapping[str, object]) -> tuple[str, ...]:
    """The names of the fields that lines have."""
    return groups(str(options["pattern"]))[1] if "pattern" in options else ("line",)


def _row(record: Mapping[str, object], options: Mapping[str, object], raw: str) -> str:
    """SQL: the struct of the line, null where it does not match."""
    taken = _taken(record, options)
    if "pattern" not in options:
        return struct(dict.fromkeys(taken, raw)) if taken else "struct_pack(_ := true)"
    match, found = matched(str(options["pattern"]), raw, _lines.texts_option(options, "nullstr"))
    return f"list_transform([{match}], lambda m: CASE WHEN m._ <> '' THEN {_built(taken, found)} END)[1]"


def _built(taken: Mapping[str, str], found: Mapping[str, str]) -> str:
    fields_ = {field: found[name] for field, name in taken.items()}
    return struct(fields_) if taken else "struct_pack(_ := true)"


def _taken(record: Mapping[str, object], options: Mapping[str, object]) -> dict[str, str]:
    """The fields of the record that lines have, with the names of their groups."""
    given = fields(options)
    places = _names.assigned(given, record)
    return {field: given[places[field]] for field in record if field in places}


def _unknown(record: Mapping[str, object], options: Mapping[str, object]) -> tuple[str, ...]:
    taken = set(_taken(record, options).values())
    return tuple(name for name in fields(options) if name not in taken)


def _both(record: Mapping[str, object], options: Mapping[str, object]) -> str:
    """SQL over raw: (r, rest: JSON of the fields that the record does not name), from one match."""
    unknown, taken = _unknown(record, options), _taken(record, options)
    if "pattern" not in options:
        return struct({"r": _row(record, options, "raw"), "rest": "json_object('line', raw)"})
    match, found = matched(str(options["pattern"]), "raw", _lines.texts_option(options, "nullstr"))
    left = filled_object({name: found[name] for name in unknown})
    some = " OR ".join(f"({found[name]}) IS NOT NULL" for name in unknown) or "false"
    both = struct({"r": _built(taken, found), "rest": f"CASE WHEN {some} THEN {left} END"})
    return f"list_transform([{match}], lambda m: CASE WHEN m._ <> '' THEN {both} END)[1]"


def probe(pieces: Pieces, record: Mapping[str, object], options: Mapping[str, object]) -> str:
    """Counts lines; anything may be read so, a line that does not match is rejected alone."""
    unknown, lines = "true" if _unknown(record, options) else "false", f"coalesce(len({_data(options)}), 0)"
    return f"SELECT filename, true, {lines}, {unknown}, false, '' FROM {pieces.contents}"


def _data(options: Mapping[str, object]) -> str:
    return _lines.data_lines(options, "string_split(content, chr(10))", header=False)


def head(first: str, record: Mapping[str, object], options: Mapping[str, object]) -> Head:
    """All lines are alike."""
    del first
    return Head("", unknown=bool(_unknown(record, options)), before=0)


def absent(pieces: Pieces, record: Mapping[str, object], options: Mapping[str, object]) -> frozenset[str]:
    """Those that are no group of the pattern."""
    del pieces
    return frozenset(record).difference(_taken(record, options))


def rows(pieces: Pieces, record: Mapping[str, object], options: Mapping[str, object]) -> str:
    """Every line taken apart."""
    lines = _lines.numbered(pieces, _data(options))
    if not pieces.unknown:
        return f"SELECT * EXCLUDE (raw), {_row(record, options, 'raw')} AS r FROM ({lines})"
    both = f"SELECT *, {_both(record, options)} AS t FROM ({lines})"
    return f"SELECT * EXCLUDE (raw, t), t.r AS r, t.rest AS rest FROM ({both})"


def texts(pieces: Pieces, record: Mapping[str, object], options: Mapping[str, object]) -> str:
    """The lines themselves."""
    lines = _lines.numbered(pieces, _data(options))
    expected = options.get("shown") or options.get("pattern", "a line")
    refusal = literal(f"the line does not match the format: expected {expected}")
    row = _row(record, options, "raw")
    return f"SELECT _piece, _row, raw, {row} AS r, {refusal} AS refusal FROM ({lines})"


def slices(
    blocks: Iterable[bytes],
    limit: int,
    whole: Whole,
    record: Mapping[str, object],
    options: Mapping[str, object],
) -> Iterator[bytes]:
    """Cut at line ends."""
    del whole, record, options
    yield from _lines.cut(blocks, limit)


def complaint(head: bytes, options: Mapping[str, object]) -> str:
    """What lines could not be is text."""
    del options
    return f"it is no text of lines (it begins {head[:60]!r})"
