"""Source `command`: what a program prints, on the machine where a person runs `penstock collect`."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from penstock.sources._declaration import Argument, Source
from penstock.tables import Table

__all__ = ["SOURCE", "CommandSource"]

_TIMEOUT = 3600


@dataclass(frozen=True, slots=True)
class CommandSource:
    """The lines that `command` (program and arguments, no shell) writes to its standard output.

    `timeout` is in seconds. `format` names a format as `<type>.<name>`, None for the table's own.
    """

    command: tuple[str, ...]
    timeout: float = _TIMEOUT
    format: str | None = None
    type: str = "command"

    @property
    def place(self) -> str:
        """The command as a shell would take it."""
        return shlex.join(self.command)


def _check_command(words: Sequence[str]) -> str | None:
    return None if words and words[0].strip() else "expected the program and its arguments"


def _build(values: Mapping[str, Any], table: Table) -> CommandSource:  # noqa: ARG001 - the same for every table
    return CommandSource(
        tuple(values["command"]), float(values.get("timeout", _TIMEOUT)), values.get("format")
    )


SOURCE = Source(
    name="command",
    description="What a program prints. It runs only where a person runs `penstock collect`, never in a "
    "function. The output of a run is collected whole, once: a run that prints the same again adds "
    "nothing, one that ends with another status than 0 adds nothing and fails.",
    arguments=(
        Argument(
            "command",
            "strings",
            "Program and arguments; no shell comes between. `{from}` and `{to}` in an argument become the "
            "times of `--from` and `--to` (2026-01-31T00:00:00Z).",
            required=True,
            check=_check_command,
        ),
        Argument(
            "timeout",
            "number",
            "How long it may run before it is stopped.",
            default=_TIMEOUT,
            unit="s",
            check=lambda seconds: None if seconds > 0 else "expected a number of seconds above 0",
        ),
        Argument("format", "format", "How the output becomes rows.", default="the table's"),
    ),
    build=_build,
    example="""\
source "command" {
  command = ["journalctl", "--output", "json", "--since", "{from}", "--until", "{to}"]
}
""",
)
