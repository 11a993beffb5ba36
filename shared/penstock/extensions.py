"""Loads DuckDB's extensions from their PyPI packages, so that nothing is downloaded at run time.

Each package `duckdb-extension-<name>` carries the signed binary for one DuckDB version under
`extensions/v<version>/`; DuckDB checks the signature when it loads it.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

import duckdb

from penstock.errors import PenstockError

__all__ = ["SEALED", "begin", "connect", "load", "path"]

SEALED: Final = {
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "python_enable_replacements": "false",
}
"""Settings under which DuckDB neither fetches an extension nor reads Python's variables as tables."""


def connect(**settings: str | int) -> duckdb.DuckDBPyConnection:
    """A new in-memory database that loads nothing by itself; `settings` are DuckDB's own."""
    return duckdb.connect(":memory:", config={**SEALED, **{k: str(v) for k, v in settings.items()}})


def path(name: str) -> Path:
    """Where the package of extension `name` keeps the binary for this DuckDB; PenstockError if nowhere."""
    found = importlib.util.find_spec(f"duckdb_extension_{name}")
    for folder in (found.submodule_search_locations or ()) if found else ():
        binary = Path(folder, "extensions", f"v{duckdb.__version__}", f"{name}.duckdb_extension")
        if binary.is_file():
            return binary
    raise PenstockError(
        f"DuckDB's extension {name} for version {duckdb.__version__} is not installed:"
        f" expected the package duckdb-extension-{name}=={duckdb.__version__}"
    )


def load(connection: duckdb.DuckDBPyConnection, *names: str) -> None:
    """Load the extensions into `connection`, in order."""
    for name in names:
        connection.execute("LOAD '" + str(path(name)).replace("'", "''") + "'")


def begin(*names: str) -> Callable[[], duckdb.DuckDBPyConnection]:
    """Connect and load beside what the caller does until it calls for the connection; errors come then.

    DuckDB reads the whole of an extension to check its signature: a third of a second for three.
    """
    pool = ThreadPoolExecutor(1)
    ready = pool.submit(_loaded, names)
    pool.shutdown(wait=False)
    return ready.result


def _loaded(names: tuple[str, ...]) -> duckdb.DuckDBPyConnection:
    connection = connect()
    load(connection, *names)
    return connection
