"""Writes the SQL by which plain DuckDB sees a hive as `penstock query` does: views with filters.

The script is for `duckdb -init` or any DuckDB client: it loads extensions, takes credentials from
the AWS chain of whoever runs it (no secret stands in it), attaches the catalogue read-only and
makes the same views. It holds no lock: the person's own DuckDB stays their own.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import duckdb

from penstock import extensions
from penstock.catalogue import State
from penstock.catalogue.lake import root
from penstock.query.filters import Filters, NamedViews
from penstock.query.session import elsewhere, whereabouts
from penstock.query.views import view_statements
from penstock.sql import literal

__all__ = ["keep", "script"]


def keep(state: State, path: Path) -> State:
    """The same state in a file of its own, which no refresh replaces."""
    shutil.copyfile(state.path, path)
    return replace(state, path=path)


def script(
    state: State,
    hive: str,
    *,
    filters: Filters,
    views: Sequence[NamedViews] = (),
    region: str = "",
    profile: str = "",
    endpoint_url: str = "",
) -> str:
    """The statements, one a line; `state.path` is what they attach, so it must stay where it is.

    UsageError when a filter names no partition.
    """
    path = Path(state.path).absolute()
    with extensions.connect() as connection:
        extensions.load(connection, "ducklake", *(("httpfs",) if "://" in hive else ()))
        connection.execute(f"ATTACH {literal(f'ducklake:{path}')} AS lake (READ_ONLY)")
        made = list(view_statements(connection, state, filters, views))
        roots = [root(hive), *elsewhere(connection, root(hive))]
    on_s3 = any("://" in place for place in roots)
    lines = [
        f"-- Made by penstock connect for DuckDB {duckdb.__version__} or newer: duckdb -init <this file>",
        *(f"INSTALL {name}; LOAD {name};" for name in _extensions(on_s3)),
        "SET TimeZone = 'UTC';",
        *(_secret(roots, region, profile, endpoint_url) if on_s3 else ()),
        f"ATTACH {literal(f'ducklake:{path}')} AS lake (READ_ONLY);",
        *(f"{statement};" for statement in made),
    ]
    return "\n".join(lines) + "\n"


def _extensions(on_s3: bool) -> Sequence[str]:
    return ("ducklake", "inet", *(("httpfs", "aws") if on_s3 else ()))


def _secret(roots: Sequence[str], region: str, profile: str, endpoint_url: str) -> list[str]:
    """https://duckdb.org/docs/stable/core_extensions/aws: keys come from the chain of whoever runs it."""
    options = {"TYPE": "s3", "PROVIDER": "credential_chain"}
    options |= {"REGION": literal(region)} if region else {}
    options |= {"CHAIN": "'sso;config'", "PROFILE": literal(profile)} if profile else {}
    options |= whereabouts(endpoint_url, roots)
    inside = ", ".join(f"{name} {value}" for name, value in options.items())
    return [f"CREATE OR REPLACE SECRET penstock ({inside});"]
