"""A cheap look at lists of JSON records: how many they are, and whether all their names are known.

One parse makes maps of the names, of all levels that the table's structs have, without their
values. Level by level they are unnested, and what is known falls away; what is left is an
unknown name, or a value that should have been an object. Which it is, the exact look tells
(`_json_fields`), at three times the cost.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from penstock.sql import literal

__all__ = ["glanced", "names_of"]

_FEW = 12  # names up to which comparing one after another costs less than looking them up


@dataclass(frozen=True, slots=True)
class _Struct:
    """A struct of the record, by its number at its level: names of values, and structs in it."""

    number: int
    values: Sequence[str]
    inner: Mapping[str, Mapping[str, object]]

    @classmethod
    def of(cls, number: int, fields: Mapping[str, object]) -> _Struct:
        inner = {name: kind for name, kind in fields.items() if isinstance(kind, Mapping)}
        return cls(number, [name for name in fields if name not in inner], inner)


def names_of(record: Mapping[str, object]) -> str:
    """The type, for `from_json`, of a record's names and those in its structs."""
    inner = [names_of(kind) for kind in record.values() if isinstance(kind, Mapping)]
    return f"MAP(VARCHAR, {max(inner, key=len)})" if inner else 'MAP(VARCHAR, "NULL")'


def glanced(lists: str, record: Mapping[str, object]) -> str:
    """SQL over (key, recs: lists of `names_of` the record) for (key, n: how many, doubtful).

    Doubtful: there is more in it than `record` names, or perhaps. A list of which nothing can be
    told is left out. A row with a `mark` is not filtered away: 1, a known name of the first
    record, so that the list is among the answers; 2, what is doubtful.
    """
    top = _Struct.of(0, record)
    # Lists of one length: padding a shorter one would copy the longer.
    rows = (
        "SELECT key, n, 0 AS place, unnest(recs) AS v, unnest(range(n)) = 0 AS first "
        f"FROM (SELECT key, recs, len(recs) AS n FROM ({lists}))"
    )
    rows = (
        "SELECT key, n, first, place, unnest(map_keys(v)) AS k, unnest(map_values(v)) AS v, "
        f"NULL::UTINYINT AS mark FROM ({rows})"
    )
    level = [top]
    rows, level = _left(rows, level, f"first OR {_unknown(top)}", _known(top))
    while level:
        unnested = (
            "SELECT key, n, place, unnest(map_keys(v)) AS k, unnest(map_values(v)) AS v, "
            f"unnest(CASE WHEN mark IS NOT NULL THEN [mark] END) AS mark FROM ({rows})"
        )
        unknown = " OR ".join(f"(place = {struct.number} AND {_unknown(struct)})" for struct in level)
        rows, level = _left(unnested, level, f"mark IS NOT NULL OR {unknown}", "false")
    return f"SELECT key, any_value(n) AS n, bool_or(mark = 2) AS doubtful FROM ({rows}) GROUP BY key"


def _left(rows: str, level: Sequence[_Struct], test: str, known: str) -> tuple[str, list[_Struct]]:
    """Of the names `k` at this level those for which `test` holds, marked; and the structs below."""
    inner = [(struct.number, name, fields) for struct in level for name, fields in struct.inner.items()]
    cases = "".join(
        f" WHEN place = {above} AND k = {literal(name)} THEN {number}"
        for number, (above, name, _) in enumerate(inner)
    )
    place = f"CASE{cases} END" if cases else "NULL::INTEGER"
    mark = (
        "CASE WHEN mark IS NOT NULL THEN mark WHEN place IS NOT NULL AND v IS NOT NULL THEN NULL "
        f"WHEN {known} THEN 1 ELSE 2 END"
    )
    left = (
        f"SELECT key, n, place, v, {mark} AS mark "
        f"FROM (SELECT * REPLACE ({place} AS place) FROM ({rows}) WHERE {test})"
    )
    return left, [_Struct.of(number, fields) for number, (_, _, fields) in enumerate(inner)]


def _unknown(struct: _Struct) -> str:
    """SQL: whether a name `k` of this struct is none of its values'."""
    if len(struct.values) > _FEW:
        return f"k NOT IN ({', '.join(map(literal, struct.values))})"
    return " AND ".join(f"k <> {literal(name)}" for name in struct.values) or "true"


def _known(struct: _Struct) -> str:
    return f"list_contains([{', '.join(map(literal, struct.values))}], k)" if struct.values else "false"
