"""Format `regex`: lines that a regular expression with named groups takes apart."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from penstock.arguments import Argument
from penstock.formats import _pattern
from penstock.formats._declaration import Format, Preset
from penstock.formats.apache_access_log import ANY
from penstock.readers import Syntax

__all__ = ["FORMAT"]


def _build(values: Mapping[str, Any]) -> Syntax:
    return _pattern.syntax(values["layout"], values)


FORMAT = Format(
    name="regex",
    description="Each line is taken apart by a regular expression of the RE2 kind: its named groups are the "
    "fields. A line that does not match is rejected alone.",
    arguments=(
        Argument(
            "layout",
            "string",
            "The expression, with groups such as `(?P<status>\\d+)`. It may match anywhere in the line unless "
            "`^` and `$` stand at its ends. Write it in backticks: nothing inside is special.",
            required=True,
        ),
        *_pattern.ARGUMENTS,
    ),
    build=_build,
    reference="https://github.com/google/re2/wiki/Syntax",
    presets=(
        Preset(
            "apache_default",
            "Lines of Apache's common and combined formats, with the server before them or without.",
            {"layout": ANY, "null_if": ["-"]},
        ),
    ),
    example="""\
format "regex" "app" {
  layout = `^(?P<time>\\S+) (?P<level>[A-Z]+) +(?P<message>.*)$`
}
""",
)
