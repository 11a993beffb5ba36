"""Format `delimited`: fields between delimiters, such as CSV and tab-separated texts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from penstock.arguments import Argument, ArgumentError, ArgumentType
from penstock.formats._declaration import Format, Preset
from penstock.readers import Syntax

__all__ = ["FORMAT"]

_AGAIN = {"delimiter": ("delim", "sep"), "null_str": ("nullstr", "null_if"), "columns": ("names",)}
"""Other names of arguments: DuckDB's own and those people write."""

_TEXTS = "fields are texts here: a column's type and transform say what they become"
_KEPT = "no row is dropped: one that does not fit is kept in tp_rejected"


def _one(text: str) -> str | None:
    return None if len(text) == 1 and text not in "\r\n" else "expected one character"


def _one_or_none(text: str) -> str | None:
    return None if not text else _one(text)


def _columns(names: Sequence[str]) -> str | None:
    twice = [name for name, times in Counter(name.lower() for name in names).items() if times > 1]
    if twice:
        return f'expected each name once, and "{twice[0]}" comes again'
    return None if names and all(name.strip() for name in names) else "expected names"


def _whole(number: float) -> str | None:
    return None if number == int(number) and 0 <= number <= 1000 else "expected a whole number up to 1000"


def _ignored(name: str, type_: ArgumentType, why: str) -> Argument:
    return Argument(name, type_, "Accepted so that existing files load.", ignored=why)


def _build(values: Mapping[str, Any]) -> Syntax:
    given = dict(values)
    for name, others in _AGAIN.items():
        found = [one for one in (name, *others) if one in given]
        if len(found) > 1:
            raise ArgumentError(found[1], f"found beside {found[0]}, expected one of them")
        if found:
            given[name] = given.pop(found[0])
    quote, delim = given.get("quote", '"'), given.get("delimiter", ",")
    if quote == delim:
        raise ArgumentError("quote", f"found {quote!r}, which is the delimiter too")
    header = given.get("header_prefix") or given.get("header", "columns" not in given)
    options: dict[str, object] = {"delim": delim, "quote": quote, "header": header, "multiline": bool(quote)}
    if quote and given.get("escape", quote) != quote:
        options["escape"] = given["escape"]
    for name, option in (("null_str", "nullstr"), ("comment", "comment"), ("columns", "columns")):
        if given.get(name):
            options[option] = tuple(given[name])
    if given.get("skip"):
        options["skip_lines"] = int(given["skip"])
    return Syntax("delimited", options)


FORMAT = Format(
    name="delimited",
    description="Fields between delimiters, quoted or not, with a header or without; the options are DuckDB's. "
    "Fields are texts: the types of columns say what they become. A row with more fields than the header "
    "has names is rejected alone; missing ones at the end are null.",
    arguments=(
        Argument(
            "delimiter", "string", "What stands between fields; also `delim`, `sep`.", default=",", check=_one
        ),
        Argument("delim", "string", "The same as delimiter.", check=_one),
        Argument("sep", "string", "The same as delimiter.", check=_one),
        Argument("header", "bool", "The first line names the fields.", default="true, false with columns"),
        Argument(
            "header_prefix",
            "string",
            "How the line begins that names the fields with blanks between them: `#Fields: ` in W3C logs.",
        ),
        Argument(
            "columns",
            "strings",
            "Names of the fields where no header names them; also `names`. Without either they are column0, "
            "column1 and so on.",
            check=_columns,
        ),
        Argument("names", "strings", "The same as columns.", check=_columns),
        Argument("quote", "string", "What quotes a field; empty: nothing.", default='"', check=_one_or_none),
        Argument(
            "escape",
            "string",
            "What stands before a quote inside a quoted field.",
            default="the quote",
            check=_one_or_none,
        ),
        Argument(
            "null_str",
            "string(s)",
            "Texts of a field that mean nothing is there; also `nullstr`, `null_if`. An empty one always does.",
        ),
        Argument("nullstr", "string(s)", "The same as null_str."),
        Argument("null_if", "string(s)", "The same as null_str."),
        Argument("comment", "string(s)", "How lines begin that are no rows."),
        Argument("skip", "number", "How many lines at the beginning are no rows.", default=0, check=_whole),
        Argument("description", "string", "What it is for."),
        _ignored("all_varchar", "bool", _TEXTS),
        _ignored("allow_quoted_nulls", "bool", "a quoted null string is a null"),
        _ignored("decimal_separator", "string", _TEXTS),
        _ignored("filename", "bool", "tp_source_location says where a row came from"),
        _ignored("force_not_null", "strings", "an empty field is null"),
        _ignored("ignore_errors", "bool", _KEPT),
        _ignored("max_line_size", "number", "lines may be of any length that fits into memory"),
        _ignored("new_line", "string", "lines end with a line feed, a carriage return before it or not"),
        _ignored("normalize_names", "bool", "names are matched as they are spelt, then in snake case"),
        _ignored("null_padding", "bool", "missing fields at the end are null"),
        _ignored("sample_size", "number", _TEXTS),
        _ignored("dateformat", "string", _TEXTS),
        _ignored("timestamp_format", "string", _TEXTS),
        _ignored("timestampformat", "string", _TEXTS),
    ),
    build=_build,
    reference="https://duckdb.org/docs/stable/data/csv/overview",
    presets=(Preset("default", "Commas, double quotes, a header."),),
    example="""\
format "delimited" "export" {
  delimiter = "\\t"
  null_str  = "-"
  columns   = ["time", "user", "action"]
}
""",
)
