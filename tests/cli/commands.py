"""Runs `penstock` in this process, with a home and a configuration of its own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

__all__ = ["Run", "configure"]

Run = Callable[..., int]


def configure(folder: Path, more: str = "", **workspaces: dict[str, str]) -> None:
    """Write a configuration with these workspaces, and `more`, where the command looks."""
    blocks = [
        f'workspace "{name}" {{\n' + "".join(f'  {k} = "{v}"\n' for k, v in given.items()) + "}\n"
        for name, given in workspaces.items()
    ]
    (folder / "home" / "main.tpc").write_text("\n".join([*blocks, more]))
