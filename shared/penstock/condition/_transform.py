"""Transforms of columns: expressions over a log's raw fields by their bare names, made to read `r`."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import duckdb

from penstock.condition._tree import explained, locked, nodes, parsed, refused, unstable
from penstock.sql import identifier, kind_type, literal

__all__ = ["Transform", "UnknownField", "read_transform"]

_LAMBDAS = frozenset(
    f"{kind}{name}" for kind in ("", "list_", "array_") for name in ("transform", "apply", "filter", "reduce")
)


class UnknownField(ValueError):
    """A transform reads a field that lines of the format do not have."""

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(f'found the unknown field "{name}"')


@dataclass(frozen=True, slots=True)
class Transform:
    """`sql` reads the raw row as `r` and gives a value of `type`; `reads` are the fields with their kinds."""

    sql: str
    type: str
    reads: Mapping[str, object]


@dataclass(slots=True)
class _Fields:
    """Puts SQL over `r` in the place of field names, by way of names that stand for it."""

    prefix: str
    known: Mapping[str, str] | None
    kinds: Mapping[str, object]
    value: Callable[[str], str]
    sql: dict[str, str] = field(default_factory=dict)
    reads: dict[str, object] = field(default_factory=dict)

    def stand_in(self, path: Sequence[str]) -> str:
        name, rest = self._named(path)
        kind = self.reads.setdefault(name, self.kinds.get(name, "VARCHAR"))
        if isinstance(kind, Mapping):
            sql = "r." + ".".join(identifier(step) for step in (name, *rest))
        elif rest:
            steps = "".join(f'."{step}"' for step in rest)
            sql = f"({self.value(name)}->>{literal('$' + steps)})"
        else:
            sql = f"r.{identifier(name)}" if kind != "VARCHAR" else self.value(name)
        mark = f"{self.prefix}{len(self.sql)}_"
        self.sql[mark] = sql
        return mark

    def _named(self, path: Sequence[str]) -> tuple[str, Sequence[str]]:
        """The field that a name with dots means, and the steps into its value."""
        if self.known is None:
            return path[0], path[1:]
        for length in range(len(path), 0, -1):
            name = self.known.get(".".join(path[:length]).lower())
            if name is not None:
                return name, path[length:]
        raise UnknownField(path[0])


def read_transform(
    expression: str,
    *,
    known: Sequence[str] | None = None,
    kinds: Mapping[str, object] | None = None,
    null_if: str | None = None,
) -> Transform:
    """What a transform means. ValueError with found and expected; UnknownField for a field not among `known`.

    Fields are texts, unless `kinds` says otherwise; members of JSON objects have dots before them.
    It must bind, over the row alone: no subquery, no file, nothing that differs from one run to the
    next (G5).
    """
    prefix = "_field_"
    while prefix in expression:
        prefix += "_"
    names = None if known is None else {name.lower(): name for name in known}

    def value(name: str) -> str:
        raw = f"r.{identifier(name)}"
        return raw if null_if is None else f"nullif({raw}, {literal(null_if)})"

    fields = _Fields(prefix, names, kinds or {}, value)
    with locked() as connection:
        try:
            tree = parsed(connection, expression)
            where = tree["statements"][0]["node"]["where_clause"]
            wrong = refused(where, unstable() - set(names or ()))
            if wrong:
                raise ValueError(wrong)
            _rename(where, fields, frozenset())
            ((text,),) = connection.execute("SELECT json_deserialize_sql(?)", [json.dumps(tree)]).fetchall()
            sql = str(text).partition(" WHERE ")[2]
            for mark, meant in reversed(fields.sql.items()):
                sql = sql.replace(mark, meant)
            return Transform(sql, _type(connection, sql, fields.reads), fields.reads)
        except duckdb.Error as error:
            raise ValueError(explained(error)) from None


def _rename(tree: Any, fields: _Fields, parameters: frozenset[str]) -> None:
    """Put stand-ins for all field names; `parameters` of lambdas are none."""
    if isinstance(tree, list):
        for node in tree:
            _rename(node, fields, parameters)
        return
    if not isinstance(tree, dict):
        return
    if tree.get("class") == "COLUMN_REF":
        if tree["column_names"][0].lower() not in parameters:
            tree["column_names"] = [fields.stand_in(tree["column_names"])]
        return
    takes = tree.get("class") == "FUNCTION" and str(tree.get("function_name")).lower() in _LAMBDAS
    for key, child in tree.items():
        for node in child if isinstance(child, list) else [child]:
            if takes and key == "children" and isinstance(node, dict) and node.get("class") == "LAMBDA":
                own = {n["column_names"][0].lower() for n in nodes(node["lhs"]) if "column_names" in n}
                _rename(node["expr"], fields, parameters | own)
            else:
                _rename(node, fields, parameters)


def _type(connection: duckdb.DuckDBPyConnection, sql: str, reads: Mapping[str, object]) -> str:
    """What the expression gives; binding it in a condition refuses what goes over several rows."""
    row = f"(SELECT NULL::{kind_type(dict(reads) or {'_': 'VARCHAR'})} AS r)"
    connection.execute(f"DESCRIBE SELECT 1 FROM {row} WHERE ({sql}) IS NULL")
    ((_, type_, *_),) = connection.execute(f"DESCRIBE SELECT ({sql}) AS value FROM {row}").fetchall()
    # A row of nulls shows constants that cannot be: a strptime format that is none.
    connection.execute(f"SELECT ({sql}) FROM {row}").fetchall()
    return str(type_)
