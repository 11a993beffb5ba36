"""Format `jsonl`: a JSON document a line."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from penstock.arguments import Argument
from penstock.formats._declaration import Format, Preset
from penstock.readers import Syntax

__all__ = ["FORMAT"]


def _build(values: Mapping[str, Any]) -> Syntax:  # noqa: ARG001 - it has nothing to be told
    return Syntax("json_text", {"shape": "lines"})


FORMAT = Format(
    name="jsonl",
    description="One JSON object a line. Objects that spread over several lines or follow each other "
    "without line ends, and arrays of them, are read too, more slowly.",
    arguments=(Argument("description", "string", "What it is for."),),
    build=_build,
    reference="https://jsonlines.org",
    presets=(Preset("default", "As it is."),),
    example="""\
table "my_app" {
  format = format.jsonl.default
  column "tp_timestamp" { source = "time" }
}
""",
)
