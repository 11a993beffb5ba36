"""Decides the columns that files of several schemas are merged to: the newest, and nothing is lost.

The declared table is the newest. A column or a struct member that only older files have (dropped
or renamed since) stays, so that a merge never throws away what was collected; it is null in new rows.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from penstock.catalogue.shape import Columns, union
from penstock.model import Schema
from penstock.tables import PATH_COLUMNS

__all__ = ["target"]


def target(
    table: str, schemas: Mapping[str, Schema], used: Collection[str], declared: Columns | None
) -> Schema:
    """The schema of a merge of files of the fingerprints `used`; `schemas` are the table's known ones.

    `declared` are the columns that the table has today, None when no declaration is left of it:
    then the files' own. Where types differ, the declared one stands, and values are cast to it, unless
    it could not hold them all: then the one that can.
    """
    old = [schemas[fingerprint].columns for fingerprint in sorted(used)]
    newest = _stored(declared) if declared is not None else old[0]
    if len(set(old)) == 1 and old[0] == newest:
        return schemas[next(iter(used))]
    together = union(old, newest)
    if together == union([newest]):
        return Schema.of(table, newest)
    return Schema.of(table, _stored(together))


def _stored(columns: Columns) -> Columns:
    return tuple(pair for pair in columns if pair[0] not in PATH_COLUMNS)
