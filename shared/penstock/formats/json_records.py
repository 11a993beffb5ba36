"""Format `json_records`: a JSON document with its records in an array, as CloudTrail writes them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from penstock.arguments import Argument
from penstock.formats._declaration import Format, Preset
from penstock.readers import Syntax

__all__ = ["FORMAT"]


def _check(path: str) -> str | None:
    return None if all(path.split(".")) else "expected keys with dots between them, such as Records"


def _build(values: Mapping[str, Any]) -> Syntax:
    return Syntax("json_text", {"shape": "records", "path": values.get("path", "Records")})


FORMAT = Format(
    name="json_records",
    description="A JSON document that holds its records in an array, or several such one after another.",
    arguments=(
        Argument(
            "path",
            "string",
            "Key of the array; of one in an inner object the keys with dots between them.",
            default="Records",
            check=_check,
        ),
        Argument("description", "string", "What it is for."),
    ),
    build=_build,
    reference="https://www.rfc-editor.org/rfc/rfc8259",
    presets=(Preset("default", "The array is called Records."),),
    example="""\
format "json_records" "events" {
  path = "data.events"
}
""",
)
