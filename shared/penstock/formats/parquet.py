"""Format `parquet`: Parquet files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from penstock.arguments import Argument
from penstock.formats._declaration import Format, Preset
from penstock.readers import Syntax

__all__ = ["FORMAT"]


def _build(values: Mapping[str, Any]) -> Syntax:  # noqa: ARG001 - it has nothing to be told
    return Syntax("parquet")


FORMAT = Format(
    name="parquet",
    description="Parquet files. A table reads them without being told, whatever its format; this one says "
    "that there is nothing else. Columns are matched as they are spelt, then in snake case.",
    arguments=(Argument("description", "string", "What it is for."),),
    build=_build,
    reference="https://parquet.apache.org/docs/file-format/",
    presets=(Preset("default", "As it is."),),
    example="""\
table "exported" {
  format = format.parquet.default
  column "tp_timestamp" { source = "event_time" }
}
""",
)
