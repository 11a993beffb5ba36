"""Sources: where log objects come from and how they are found, one file each.

The file's name is the name in `source "<name>" { … }` and registers it; its `SOURCE` declares the
block once, with its docs. Reading, checking, the reference page and completion derive from that.
"""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache

from penstock.sources._declaration import Argument, ArgumentError, ArgumentType, Configured, Source

__all__ = ["Argument", "ArgumentError", "ArgumentType", "Configured", "Source", "find", "names"]


@cache
def names() -> tuple[str, ...]:
    """Names of all kinds of source, sorted."""
    return tuple(sorted(m.name for m in pkgutil.iter_modules(__path__) if not m.name.startswith("_")))


def find(name: str) -> Source:
    """The kind of source of that name; KeyError when there is none."""
    if name not in names():
        raise KeyError(name)
    source = importlib.import_module(f"{__name__}.{name}").SOURCE
    assert isinstance(source, Source)  # noqa: S101 - a wrong catalogue file is our own bug
    return source
