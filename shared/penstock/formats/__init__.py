"""Formats: how the bytes of an object become raw rows, as a configuration says it, one file each.

The file's name is the type in `format "<type>" "<name>" { … }` and registers it; its `FORMAT`
declares the block once, with its docs and presets. What it makes is a `Syntax`: the reader that
does the work (`readers/`) and its options. Objects may be compressed in any way that `inflate`
knows, and records that CloudWatch Logs wrapped are unwrapped, whatever the format.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping
from functools import cache

from penstock import readers
from penstock.formats._declaration import Format, Preset
from penstock.readers import Syntax

__all__ = ["Format", "Preset", "fields", "find", "names", "presets"]


@cache
def names() -> tuple[str, ...]:
    """Types of format, sorted."""
    return tuple(sorted(m.name for m in pkgutil.iter_modules(__path__) if not m.name.startswith("_")))


def find(name: str) -> Format:
    """The type of format of that name; KeyError when there is none."""
    if name not in names():
        raise KeyError(name)
    found = importlib.import_module(f"{__name__}.{name}").FORMAT
    assert isinstance(found, Format)  # noqa: S101 - a wrong catalogue file is our own bug
    return found


@cache
def presets() -> Mapping[str, Syntax]:
    """The formats that exist without being written, by `<type>.<name>`."""
    return {
        f"{kind.name}.{preset.name}": kind.build(preset.values)
        for kind in map(find, names())
        for preset in kind.presets
    }


def fields(syntax: Syntax) -> tuple[str, ...] | None:
    """The names of the fields of every row, in order; None where only the log itself tells them."""
    if syntax.reader == "pattern":
        return readers.find("pattern").fields(syntax.options)  # type: ignore[attr-defined, no-any-return]
    columns = syntax.options.get("columns", ())
    return tuple(columns) if syntax.reader == "delimited" and isinstance(columns, tuple) and columns else None
