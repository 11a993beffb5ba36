"""JSON that is written otherwise than its shape says, spelt anew: documents, arrays, envelopes."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import cast

from penstock import envelopes
from penstock.readers._json_options import array_path, keys_of, shape_of
from penstock.readers._lines import texts_option
from penstock.sql import literal

__all__ = ["ARRAY", "inside", "messages", "respelt"]

_EXPORTED = envelopes.EXPORTED + r"\{"
"""How a line begins that an export of CloudWatch Logs wrote: its time, then the record."""

_LARGEST = 32 << 20
"""Bytes of one document, at most: what is read at once is not larger."""

ARRAY = re.compile(rb"\s*\[\s*\{")
"""How a text begins that is an array of records."""


def respelt(path: str, beginning: bytes, options: Mapping[str, object], *, odd: bool) -> str | None:
    """SQL for the text of a file as the shape has it: (text); None if nothing is to be done.

    Of an array each element is a document; of a document, what stands at the first path of `unwrap`
    that is there is its record, or its records. Where such a text is `odd`, it was tried as a whole
    before: then lines that are no JSON are the oddity, and they stay as they are. Documents that hold
    their records, one after another (gzip files that were put together), become one, if each of them
    does. Where an export put its time before each record, that goes.
    """
    exported = re.match(envelopes.EXPORTED.encode(), beginning)
    if exported and re.search(b"(?m)^" + _EXPORTED.encode(), beginning):
        lines = rf"regexp_replace(content, {literal('(?m)^' + _EXPORTED)}, '{{', 'g')"
        return f"SELECT {lines} FROM read_text([{literal(path)}])"
    wrapped, shape = inside(beginning, options), shape_of(options)
    if not wrapped and not odd and not (shape == "lines" and ARRAY.match(beginning)):
        return None
    if not wrapped and shape == "records":
        return _joined(path, options)
    documents = _lines_of(path) if wrapped and odd and shape == "lines" else _documents(path)
    records, order = _records(documents, options, wrapped=wrapped)
    # A line end inside a JSON value stands between its tokens only.
    spelt = "coalesce(replace(value::VARCHAR, chr(10), ' '), raw)"
    if shape == "lines":
        return f"SELECT coalesce(string_agg({spelt}, chr(10) ORDER BY {order}), '') FROM ({records})"
    text = f"coalesce(string_agg({spelt}, ',' ORDER BY {order}), '')"
    return f"SELECT {_enclosed(text, options)} FROM ({records})"


def messages(path: str, beginning: bytes, member: str) -> str | None:
    """SQL for the log lines in a text of JSON objects that have nothing else: (text); None if it is none.

    `member` is the JSON path of the line. What is no such object stays as it is.
    """
    if not re.match(rb"\s*\{", beginning):
        return None
    documents = _lines_of(path) if re.search(rb"\}\s*\n", beginning) else _documents(path)
    line = f"coalesce(json_extract_string(json, {literal(member)}), raw, json::VARCHAR)"
    lines = f"SELECT i, rtrim({line}, E'\\r\\n') AS line FROM ({documents})"
    return f"SELECT coalesce(string_agg(line, chr(10) ORDER BY i), '') FROM ({lines})"


def _joined(path: str, options: Mapping[str, object]) -> str:
    """SQL: the documents of a text as one with all their records; the text itself if one has none."""
    array = array_path(options)
    records = f"array_to_string(json_extract(json, {literal(array + '[*]')}), ',')"
    joined = f"coalesce(string_agg(nullif({records}, ''), ',' ORDER BY i), '')"
    each = f"coalesce(bool_and(json_type(json, {literal(array)}) IS NOT DISTINCT FROM 'ARRAY'), false)"
    return (
        f"SELECT CASE WHEN count(*) > 1 AND {each} THEN {_enclosed(joined, options)} "
        f"ELSE (SELECT content FROM read_text([{literal(path)}])) END FROM ({_documents(path)})"
    )


def _enclosed(records: str, options: Mapping[str, object]) -> str:
    """SQL: texts of records, with commas between them, as the document that holds them."""
    keys = keys_of(options) if shape_of(options) == "records" else []
    opening = "".join(f"{{{json.dumps(key)}:" for key in keys)
    return f"{literal(opening + '[')} || {records} || {literal(']' + '}' * len(keys))}"


def inside(beginning: bytes, options: Mapping[str, object]) -> bool:
    """Whether records stand inside other documents: not those that were named when they were taken out."""
    when, name = str(options.get("unwrap_when", "")), str(options.get("unwrap_name", ""))
    if not when or (name and re.match(rb'\s*\[?\{"' + re.escape(name.encode()), beginning)):
        return False
    return envelopes.found(when.encode(), beginning)


def _documents(path: str) -> str:
    """SQL: documents that follow each other, however they are spread over lines: (i, json, raw)."""
    return (
        "SELECT row_number() OVER () AS i, json, NULL::VARCHAR AS raw "
        f"FROM read_json_objects({literal(path)}, format = 'unstructured', maximum_object_size = {_LARGEST})"
    )


def _lines_of(path: str) -> str:
    """SQL: the same, one a line; `json` is null where a line is no JSON."""
    lines = f"SELECT string_split(content, chr(10)) AS lines FROM read_text([{literal(path)}])"
    return (
        "SELECT i, TRY(raw::JSON) AS json, raw FROM (SELECT unnest(range(len(lines))) AS i, "
        f"unnest(lines) AS raw FROM ({lines})) WHERE trim(raw, E' \\t\\r') <> ''"
    )


def _records(documents: str, options: Mapping[str, object], *, wrapped: bool) -> tuple[str, str]:
    """SQL: the records of documents (i, json, raw) as `value`, and by what they are in order."""
    paths = texts_option(options, "unwrap") if wrapped else ()
    lists = paths
    if shape_of(options) == "records":
        lists = (*paths, array_path(options))
    each = _exploded("json", "j", documents)
    if not lists:
        return f"SELECT *, json AS value FROM ({each})", "i, j"
    found = ", ".join(f"nullif(json_extract(json, {literal(one)}), 'null')" for one in lists)
    records = _exploded("value", "k", f"SELECT *, coalesce({found}, json) AS value FROM ({each})")
    name = str(options.get("unwrap_name", ""))
    if wrapped and name:
        records = f"SELECT * REPLACE ({_named(name, paths)} AS value) FROM ({records})"
    return records, "i, j, k"


def _exploded(column: str, place: str, rows: str) -> str:
    """SQL: of an array each element, at its `place`; anything else as it is."""
    array = f"json_extract({column}, '$[*]')"
    elements = f"CASE json_type({column}) WHEN 'ARRAY' THEN {array} ELSE [{column}] END"
    return (
        f"SELECT * EXCLUDE ({column}, elements), unnest(elements) AS {column}, "
        f"unnest(range(len(elements))) AS {place} FROM (SELECT *, {elements} AS elements FROM ({rows}))"
    )


def _named(name: str, paths: Sequence[str]) -> str:
    """SQL over value and json: the record, its names after `name`, then what stands around it in `json`.

    A document that is itself the record has nothing around it.
    """
    gone: dict[str, object] = {}
    for path in paths:
        inner = gone
        *above, last = path.removeprefix("$.").split(".")
        for step in above:
            inner = cast("dict[str, object]", inner.setdefault(step, {}))
        inner[last] = None
    around = f"CASE WHEN value <> json THEN json_merge_patch(json, {literal(json.dumps(gone))}) END"
    pairs = f"{_pairs('value', name)} || coalesce({_pairs(around, '')}, [])"
    text = f"'{{' || array_to_string({pairs}, ',') || '}}'"
    return f"CASE json_type(value) WHEN 'OBJECT' THEN {text} ELSE value END"


def _pairs(value: str, name: str) -> str:
    """SQL: the members of an object as texts, each name after `name`; without one, no empty objects."""
    kept = "true" if name else "pair[2] <> '{}'"
    zipped = f"list_zip(json_keys({value}), json_extract({value}, '$.*')::VARCHAR[])"
    return (
        f"list_transform(list_filter({zipped}, lambda pair: {kept}), "
        f"lambda pair: to_json({literal(name)} || pair[1])::VARCHAR || ':' || coalesce(pair[2], 'null'))"
    )
