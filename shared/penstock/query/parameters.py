"""Puts values in the place of a statement's named parameters (`$name`), before it is checked and run.

As text, and not by DuckDB's binding: a bound statement is answered whole into memory, and the values
choose files as written ones do. https://duckdb.org/docs/stable/sql/query_syntax/prepared_statements
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import duckdb

from penstock.errors import QueryError
from penstock.sql import literal

__all__ = ["filled"]

_NAME = re.compile(rb"\$([A-Za-z_]\w*)")
_NUMBER = re.compile(rb"\$\d+|\?")


def filled(sql: str, values: Mapping[str, str]) -> str:
    """`sql` with each `$name` as a string literal, which DuckDB casts to what it is compared with.

    In strings, quoted names and comments it is none. QueryError for one without a name or a value.
    """
    data = sql.encode()
    for place, kind in reversed(duckdb.tokenize(sql)):
        if kind != duckdb.token_type.operator:  # a string may begin with it: $a$ … $a$
            continue
        if number := _NUMBER.match(data, place):
            found = f"found the parameter {number[0].decode()}, which has no name"
            raise QueryError(f"{found}; expected $name, and --param name=<value>")
        match = _NAME.match(data, place)
        if match is None:
            continue
        name = match[1].decode()
        if name not in values:
            given = ", ".join(sorted(values)) or "none"
            raise QueryError(f"found the parameter ${name}, expected --param {name}=<value>; given: {given}")
        data = data[: match.start()] + literal(values[name]).encode() + data[match.end() :]
    return data.decode()
