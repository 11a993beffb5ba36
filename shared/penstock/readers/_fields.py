"""Rows of delimited fields taken apart one by one, and made into what the table reads."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from penstock.readers import _names
from penstock.readers._headers import Header, Options, grouped, known_places, read_options
from penstock.readers.pattern import matched
from penstock.sql import filled_object, literal, struct

__all__ = ["absent", "built_record", "member_of", "one_of", "rest_of", "taken_apart"]


def absent(known: Header, record: Mapping[str, object]) -> frozenset[str]:
    """Fields of the record that are not among the names."""
    given = {*_names.assigned(known.names, record), *_names.prefixed(known.names, record)}
    return frozenset(record) - given


def built_record(
    known: Header, record: Mapping[str, object], values: Sequence[str], always: Collection[str] = ()
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


def rest_of(known: Header, record: Mapping[str, object], values: Sequence[str]) -> str:
    """SQL: JSON of the fields that the record does not name."""
    taken = known_places(known.names, record)
    left = {name: values[place] for place, name in enumerate(known.names) if place not in taken}
    return f"nullif({filled_object(left)}, '{{}}')"


def taken_apart(
    options: Mapping[str, object], known: Header, record: Mapping[str, object], *, unknown: bool
) -> str:
    """SQL over raw: the struct (r, rest, refusal) of a row, taken apart by delimiters, else by the pattern.

    A quote counts as one at the beginning of a field, and at its end, before a delimiter. A row in
    which one stands elsewhere was not written by those rules.
    """
    o = read_options(options)
    source = "trim(raw)" if o.delim == " " else "raw"
    found = f"regexp_extract_all({source}, {literal(_token(o))}, 1)"
    # The pattern also matches the empty text at the end, once.
    whole = f"CASE WHEN ends_with({source}, {literal(o.delim)}) THEN a ELSE a[:len(a) - 1] END"
    parts = f"list_transform([{found}], lambda a: {whole})[1]"
    parts = f"list_transform([{parts}], lambda p: {_ended(o, known)})[1]"
    values = [f"v[{place + 1}]" for place in range(len(known.names))]
    lone = _lone(o, known)
    built = built_record(known, record, values, grouped(o))
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
        gone = absent(known, record) - grouped(o)
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


def _token(o: Options) -> str:
    """A regular expression for a field and what ends it."""
    d = one_of(o.delim)
    gap = f"(?:{d}+|$)" if o.delim == " " else f"(?:{d}|$)"
    plain = f"[^{member_of(o.delim)}]*"
    if not o.quote:
        return f"({plain}){gap}"
    q = one_of(o.quote)
    inside = f"(?:[^{member_of(o.quote)}]|{q}{q}|{q}[^{member_of(o.delim)}{member_of(o.quote)}])*"
    if o.escape != o.quote:
        inside = f"(?:[^{member_of(o.quote)}{member_of(o.escape)}]|{one_of(o.escape)}.)*"
    blanks = "" if o.delim == " " else " *"
    return f"({blanks}{q}{inside}{q}{blanks}|{plain}){gap}"


def _lone(o: Options, known: Header) -> str:
    """SQL over p: whether a quote opens a field and does not close it.

    Or stands inside one, in a row that has another number of fields than the first; or closes one that none
    opened, where a pattern can tell.
    """
    if not o.quote:
        return "false"
    q = literal(o.quote)
    opened = f"starts_with(ltrim(x), {q})"
    closed = f"(strlen(trim(x)) > 1 AND ends_with(rtrim(x), {q}))"
    inside = f"len(p) <> {known.count} AND contains(x, {q})"
    if o.pattern:
        inside = f"({inside}) OR ends_with(rtrim(x), {q})"
    return f"len(list_filter(p, lambda x: CASE WHEN {opened} THEN NOT {closed} ELSE {inside} END)) > 0"


def _ended(o: Options, known: Header) -> str:
    """SQL over p: without empty fields beyond those of the first row, as the native way has it."""
    beyond = f"list_filter(p[{known.count + 1}:], lambda x: ({_value(o, 'x')}) IS NOT NULL)"
    return f"CASE WHEN len(p) > {known.count} AND len({beyond}) = 0 THEN p[:{known.count}] ELSE p END"


def _expected(o: Options, known: Header) -> str:
    if known.named:
        return (
            f"{o.required} to {len(known.names)}" if o.required < len(known.names) else f"{len(known.names)}"
        )
    return f"at least {o.required}"


def _beyond(known: Header, record: Mapping[str, object], values: Sequence[str]) -> str:
    """SQL over v: JSON of fields that the record does not name, those beyond the head's included."""
    rest = rest_of(known, record, values)
    count = len(known.names)
    more = f"json_object('more', v[{count + 1}:])"
    merged = f"json_merge_patch(coalesce({rest}, '{{}}'), {more})"
    return f"CASE WHEN len(v) > {count} THEN {merged} ELSE {rest} END"


def _value(o: Options, part: str) -> str:
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


def one_of(character: str) -> str:
    """A regular expression for one character."""
    return f"[{member_of(character)}]"


def member_of(character: str) -> str:
    return "\\" + character if character in "\\]^-|" else {"\t": "\\t"}.get(character, character)
