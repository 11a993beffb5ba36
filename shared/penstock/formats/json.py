"""Format `json`: an object holds one JSON document, an array of them, or several after each other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from penstock.arguments import Argument
from penstock.formats._declaration import Format, Preset
from penstock.readers import Syntax

__all__ = ["FORMAT"]


def _build(values: Mapping[str, Any]) -> Syntax:  # noqa: ARG001 - it has nothing to be told
    return Syntax("json_text", {"shape": "document"})


FORMAT = Format(
    name="json",
    description="One JSON object, an array of them, or several after each other: each is a row. For an "
    "object a line, `jsonl` is faster and refuses a bad line alone.",
    arguments=(Argument("description", "string", "What it is for."),),
    build=_build,
    reference="https://www.rfc-editor.org/rfc/rfc8259",
    presets=(Preset("default", "As it is."),),
    example="""\
table "scan_report" {
  format = format.json.default
  column "tp_timestamp" { source = "finished" }
}
""",
)
