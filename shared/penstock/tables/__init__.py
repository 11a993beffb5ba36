"""Tables: the standard shape of each kind of log, one file each; the file's name registers it.

A table is a declaration. The SELECT that standardizes a log, the Parquet schema, the docs page and
the tests derive from it. To add one, write `tables/<name>.py` with a `TABLE` and samples under
`tests/tables/<name>/`; nothing else is edited.
"""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache

from penstock.readers import Syntax
from penstock.tables._billing import BILLING
from penstock.tables._conversion import ADDRESSES, converted
from penstock.tables._declaration import (
    COMMON_COLUMNS,
    PATH_COLUMNS,
    Column,
    Deliveries,
    Example,
    Replaces,
    Table,
)
from penstock.tables._kinds import (
    any_time,
    dashed,
    dashed_number,
    epoch,
    filled,
    flag,
    json_map,
    json_value,
    listed,
    number,
    text,
    text_list,
    time,
    typed,
    utc,
)

__all__ = [
    "ADDRESSES",
    "BILLING",
    "COMMON_COLUMNS",
    "PATH_COLUMNS",
    "Column",
    "Deliveries",
    "Example",
    "Replaces",
    "Syntax",
    "Table",
    "any_time",
    "converted",
    "dashed",
    "dashed_number",
    "epoch",
    "filled",
    "find",
    "flag",
    "json_map",
    "json_value",
    "listed",
    "names",
    "number",
    "text",
    "text_list",
    "time",
    "typed",
    "utc",
]


@cache
def names() -> tuple[str, ...]:
    """Names of all built-in tables, sorted."""
    return tuple(sorted(m.name for m in pkgutil.iter_modules(__path__) if not m.name.startswith("_")))


def find(name: str) -> Table:
    """The built-in table of that name; KeyError when there is none."""
    if name not in names():
        raise KeyError(name)
    table = importlib.import_module(f"{__name__}.{name}").TABLE
    assert isinstance(table, Table)  # noqa: S101 - a wrong catalogue file is our own bug
    return table
