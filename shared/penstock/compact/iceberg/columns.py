"""Turns a table's columns into an Iceberg schema, and says which files Iceberg can read by it.

Files carry no field ids: a name mapping finds their columns, and identity partitions give the values
that stand in the path only (https://iceberg.apache.org/spec/#column-projection).
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from typing import Any

import duckdb
from pyiceberg.exceptions import ResolveError
from pyiceberg.partitioning import PartitionField, PartitionSpec
from pyiceberg.schema import Schema, promote
from pyiceberg.transforms import IdentityTransform
from pyiceberg.types import (
    BinaryType,
    BooleanType,
    DateType,
    DecimalType,
    DoubleType,
    FloatType,
    IcebergType,
    IntegerType,
    ListType,
    LongType,
    MapType,
    NestedField,
    StringType,
    StructType,
    TimestampType,
    TimeType,
    UUIDType,
)

from penstock.catalogue.lake import PARTITION_KEYS
from penstock.catalogue.shape import Columns
from penstock.errors import PenstockError

__all__ = ["promotes", "replaced", "schema_of", "spec_of"]

_PLAIN: dict[str, IcebergType] = {
    "BOOLEAN": BooleanType(),
    "TINYINT": IntegerType(),
    "SMALLINT": IntegerType(),
    "INTEGER": IntegerType(),
    "BIGINT": LongType(),
    "FLOAT": FloatType(),
    "DOUBLE": DoubleType(),
    "VARCHAR": StringType(),
    "JSON": StringType(),
    "DATE": DateType(),
    "TIME": TimeType(),
    "TIMESTAMP": TimestampType(),
    "UUID": UUIDType(),
    "BLOB": BinaryType(),
}
_FIRST_PARTITION_ID = 1000


def schema_of(table: str, columns: Columns) -> Schema:
    """The schema of these columns, numbered; PenstockError names a column of a type that Iceberg has not."""
    ids = count(1)
    fields = []
    for name, type_ in columns:
        number = next(ids)
        try:
            fields.append(NestedField(number, name, _type(duckdb.sqltype(type_), ids), required=False))
        except ValueError as error:
            raise PenstockError(f"{table}.{name}: {error}") from error
    return Schema(*fields)


def spec_of(schema: Schema) -> PartitionSpec:
    """The path columns as identity partitions: their values stand nowhere else."""
    return PartitionSpec(
        *(
            PartitionField(schema.find_field(key).field_id, number, IdentityTransform(), key)
            for number, key in enumerate(PARTITION_KEYS, _FIRST_PARTITION_ID)
        )
    )


def promotes(old: str, new: str) -> bool:
    """Whether a reader of Iceberg takes what a file holds as `old` for `new`; fewer do than ours.

    https://iceberg.apache.org/spec/#schema-evolution
    """
    return _promotes(duckdb.sqltype(old), duckdb.sqltype(new))


def _promotes(old: Any, new: Any) -> bool:
    if old.id == new.id == "struct":
        have = {name.lower(): type_ for name, type_ in old.children}
        return all(_promotes(have.get(name.lower(), type_), type_) for name, type_ in new.children)
    if old.id == new.id and old.id in ("list", "map"):
        return all(_promotes(a, b) for (_, a), (_, b) in zip(old.children, new.children, strict=True))
    if old.id == new.id == "decimal":
        (_, width), (_, scale) = old.children
        (_, wider), (_, same) = new.children
        return bool(scale == same and width <= wider)
    a, b = (_PLAIN.get(str(type_)) for type_ in (old, new))
    return a == b or (a, b) in ((IntegerType(), LongType()), (FloatType(), DoubleType()))


def replaced(have: Schema, wanted: Schema) -> list[str]:
    """The columns that have to be made anew, as their type cannot become the wanted one.

    No live file has the old type: `promotes` holds for all of them.
    """
    types = {field.name: field.field_type for field in have.fields}
    return [
        field.name
        for field in wanted.fields
        if field.name in types and not _becomes(types[field.name], field.field_type)
    ]


def _becomes(old: IcebergType, new: IcebergType) -> bool:
    if isinstance(old, StructType) and isinstance(new, StructType):
        types = {field.name: field.field_type for field in old.fields}
        return all(_becomes(types.get(one.name, one.field_type), one.field_type) for one in new.fields)
    if isinstance(old, ListType) and isinstance(new, ListType):
        return _becomes(old.element_type, new.element_type)
    if isinstance(old, MapType) and isinstance(new, MapType):
        return _becomes(old.key_type, new.key_type) and _becomes(old.value_type, new.value_type)
    try:
        return old == new or bool(promote(old, new))
    except ResolveError:
        return False


def _type(type_: Any, ids: Iterator[int]) -> IcebergType:
    if type_.id == "list":
        return ListType(next(ids), _type(type_.children[0][1], ids), element_required=False)
    if type_.id == "map":
        (_, key), (_, value) = type_.children
        key_id, value_id = next(ids), next(ids)
        return MapType(key_id, _type(key, ids), value_id, _type(value, ids), value_required=False)
    if type_.id == "struct":
        numbered = [(next(ids), name, member) for name, member in type_.children]
        return StructType(
            *(NestedField(n, name, _type(member, ids), required=False) for n, name, member in numbered)
        )
    if type_.id == "decimal":
        (_, width), (_, scale) = type_.children
        return DecimalType(width, scale)
    if str(type_) not in _PLAIN:
        raise ValueError(f"found the type {type_}, expected one that Iceberg has: {', '.join(_PLAIN)}")
    return _PLAIN[str(type_)]
