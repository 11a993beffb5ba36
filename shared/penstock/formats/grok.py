"""Format `grok`: lines that grok takes apart; it becomes one regular expression."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from typing import Any

from penstock.arguments import Argument, ArgumentError
from penstock.formats import _pattern
from penstock.formats._declaration import Format
from penstock.formats._grok_lines import LINES
from penstock.layout.grok import PATTERNS
from penstock.readers import Syntax

__all__ = ["FORMAT"]

_TOKEN = re.compile(r"%\{(?P<pattern>[^:}]*)(?::(?P<name>[^:}]*))?(?::(?P<kind>[^}]*))?\}")
_NAME = re.compile(r"[A-Za-z_@][\w.@-]*|(?:\[[\w.@-]+\])+")
_LONGEST = 100_000
_STANDARD = {**PATTERNS, **LINES}


def _compiled(text: str, own: Mapping[str, str], within: tuple[str, ...] = ()) -> str:
    """The regular expression of a grok text. ArgumentError with what is wrong and where."""
    where = ("patterns", f"in pattern {within[-1]}: ") if within else ("layout", "")

    def expanded(found: re.Match[str]) -> str:
        pattern, name = found["pattern"], found["name"]
        known = {**_STANDARD, **own}
        if pattern not in known:
            near = difflib.get_close_matches(pattern.upper(), known, 1)
            hint = f"did you mean {near[0]}?" if near else ""
            raise ArgumentError(where[0], f"{where[1]}unknown pattern {pattern!r}", hint)
        if pattern in within:
            raise ArgumentError(where[0], f"{where[1]}pattern {pattern} contains itself")
        if name and not _NAME.fullmatch(name):
            raise ArgumentError(
                where[0], f"{where[1]}found the name {name!r} in {found[0]!r}, expected a word"
            )
        inner = _compiled(known[pattern], own, (*within, pattern))
        return f"(?P<{_field(name)}>{inner})" if name else f"(?:{inner})"

    made = _TOKEN.sub(expanded, text)
    if len(made) > _LONGEST:
        raise ArgumentError(
            where[0], f"{where[1]}it is more than {_LONGEST:,} characters long when written out"
        )
    if "%{" in _TOKEN.sub("", text):
        raise ArgumentError(where[0], f"{where[1]}found '%{{' without its end, expected %{{PATTERN:name}}")
    return made


def _field(name: str) -> str:
    """`[http][method]` is `http.method`."""
    return name[1:-1].replace("][", ".") if name.startswith("[") else name


def _build(values: Mapping[str, Any]) -> Syntax:
    return _pattern.syntax(_compiled(values["layout"], values.get("patterns", {})), values)


FORMAT = Format(
    name="grok",
    description="Each line is taken apart by grok: `%{PATTERN:name}` takes a named field, the rest is a "
    "regular expression of the RE2 kind. All of it becomes one expression. A line that does not match is "
    "rejected alone. A conversion as in `%{INT:bytes:int}` is accepted and left to the column's type.",
    arguments=(
        Argument(
            "layout",
            "string",
            "The grok text. It may match anywhere in the line unless `^` and `$` stand at its ends. Write it "
            "in backticks: nothing inside is special.",
            required=True,
        ),
        Argument("patterns", "map", "Further patterns by name; they may use each other and grok's own."),
        *_pattern.ARGUMENTS,
    ),
    build=_build,
    vocabulary=_STANDARD,
    reference="https://www.elastic.co/docs/reference/logstash/plugins/plugins-filters-grok",
    example="""\
format "grok" "app" {
  layout   = `%{TIMESTAMP_ISO8601:time} %{LOGLEVEL:level} %{REQUEST:request_id} %{GREEDYDATA:message}`
  patterns = { REQUEST = `req-[0-9a-f]{8}` }
}
""",
)
