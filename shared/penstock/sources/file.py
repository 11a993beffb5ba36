"""Source `file`: logs on the machine where a person runs `penstock collect`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from penstock.layout import Layout, LayoutError, compile_layout
from penstock.sources._declaration import Argument, ArgumentError, Source
from penstock.tables import Table

__all__ = ["SOURCE", "FileSource"]


@dataclass(frozen=True, slots=True)
class FileSource:
    """Files below or named by `paths` (directories, files, patterns) that `layout` matches, if there is one.

    `format` names a format as `<type>.<name>`, None for the table's own.
    """

    paths: tuple[str, ...]
    layout: Layout | None = None
    format: str | None = None
    type: str = "file"

    @property
    def place(self) -> str:
        """The paths as they are written."""
        return ", ".join(self.paths)


def _check_paths(paths: Sequence[str]) -> str | None:
    return None if paths and all(path.strip() for path in paths) else "expected one path or more"


def _build(values: Mapping[str, Any], table: Table) -> FileSource:  # noqa: ARG001 - S3's layouts do not apply
    layout = None
    if "file_layout" in values:
        try:
            layout = compile_layout(values["file_layout"], values.get("patterns", {}))
        except LayoutError as error:
            place = f"column {error.position}: {error.message}"
            raise ArgumentError("file_layout", place, error.hint) from None
    return FileSource(tuple(values["paths"]), layout, values.get("format"))


SOURCE = Source(
    name="file",
    description="Files of the machine where `penstock collect` runs: directories with everything below them, "
    "single files, patterns (`*`, `?`, `[ ]`, `**`). Compressed files and the members of archives (zip, "
    "tar) are read. Names that begin with a dot are left alone. A file is known by its path, size and "
    "time of change: one that changed since it was collected is told and left alone, unless the partition "
    "says what it `replaces`.",
    arguments=(
        Argument(
            "paths",
            "strings",
            "Directories, files or patterns. Relative ones begin where the command runs; `~` is the home.",
            required=True,
            check=_check_paths,
        ),
        Argument(
            "file_layout",
            "string",
            "Grok pattern that tells the wanted files and their dates. It is compared with the path below "
            "the directory, or with the whole path of a file that is named itself.",
            default="every file",
            check=lambda text: None if text else "expected a layout; leave it out for every file",
        ),
        Argument("patterns", "map", "Further patterns for file_layout, by name.", default={}),
        Argument("format", "format", "How a file's bytes become rows.", default="the table's"),
    ),
    build=_build,
    example="""\
source "file" {
  paths       = ["~/cloudtrail", "exports/*.zip"]
  file_layout = `%{YEAR:year}/%{MONTHNUM:month}/%{MONTHDAY:day}/%{DATA}.json.gz`
}
""",
)
