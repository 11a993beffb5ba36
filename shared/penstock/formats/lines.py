"""Format `lines`: each line is a row of one field."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from penstock.arguments import Argument
from penstock.formats._declaration import Format, Preset
from penstock.readers import Syntax

__all__ = ["FORMAT"]


def _build(values: Mapping[str, Any]) -> Syntax:  # noqa: ARG001 - it has nothing to be told
    return Syntax("pattern", {})


FORMAT = Format(
    name="lines",
    description="Each line is a row with the one field `line`; blank ones are none. Columns take it apart "
    "by their `transform`.",
    arguments=(Argument("description", "string", "What it is for."),),
    build=_build,
    reference="https://duckdb.org/docs/stable/sql/functions/text",
    presets=(Preset("default", "As it is."),),
    example="""\
table "boot_log" {
  format = format.lines.default
  column "tp_timestamp" {
    transform = "split_part(line, ' ', 1)"
  }
}
""",
)
