"""What no column of a row holds: fields that the table does not know, texts that did not fit their type."""

from __future__ import annotations

from penstock.sql import identifier, literal
from penstock.tables import Column, Table

__all__ = ["unmapped"]


def unmapped(table: Table, rest: str | None) -> str:
    """SQL for the JSON of what no column holds: unknown fields (`rest`) and texts that did not fit.

    It stands beside the columns, so it looks at them instead of making them again.
    """
    rest = rest and _taken(table, rest)
    unfit = {
        # Nulls first: where there are none, the text is not looked at.
        column.key: f"{identifier(column.name)} IS NULL AND {_given(column)} IS NOT NULL"
        for column in table.columns
        if column.key and column.raw == "VARCHAR" and column.type not in ("VARCHAR", "JSON")
    }
    misfits = [column.misfit for column in table.columns if column.misfit]
    if not unfit and not misfits:
        return rest or "NULL"
    pairs = ", ".join(
        f"{literal(source)}, CASE WHEN {test} THEN r.{identifier(source)} END"
        for source, test in unfit.items()
    )
    # A patch drops nulls: only the texts that did not fit are left of the object.
    patches = "".join(f", coalesce({misfit}, '{{}}')" for misfit in misfits)
    found = f"json_merge_patch(coalesce({rest or 'NULL'}, '{{}}'), json_object({pairs}){patches})"
    if rest is None:
        tests = [*unfit.values(), *(f"({misfit}) IS NOT NULL" for misfit in misfits)]
        return f"CASE WHEN {' OR '.join(f'({test})' for test in tests)} THEN {found} END"
    return f"nullif({found}, '{{}}')"


def _taken(table: Table, rest: str) -> str:
    """Of the unknown fields those that the table keeps."""
    if not table.kept:
        return rest
    dropped = f"list_filter(json_keys({rest}), lambda k: NOT regexp_full_match(k, {literal(table.kept)}))"
    patch = f"'{{' || array_to_string(list_transform({dropped}, lambda k: to_json(k)::VARCHAR || ':null'), ',') || '}}'"
    return f"nullif(json_merge_patch({rest}, ({patch})::JSON), '{{}}')"


def _given(column: Column) -> str:
    """A column's text, null where it says that nothing is there."""
    value = f"r.{identifier(column.key)}"
    for text in column.null_if:
        value = f"nullif({value}, {literal(text)})"
    return value
