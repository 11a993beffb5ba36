"""Rows that could not be read: their text, place and reason, in the hive beside the good ones (G2)."""

from __future__ import annotations

from penstock.tables import Column, Example, Syntax, Table

TABLE = Table(
    name="tp_rejected",
    description="Rows of any table that were rejected alone: raw text, place and reason. Filled by collect.",
    reference="https://github.com/penstock/penstock/blob/main/docs/guarantees.md",
    syntax=Syntax(""),
    columns=(
        Column("raw", "VARCHAR", "raw", "The row as it stands in the log."),
        Column("reason", "VARCHAR", "reason", "What was found and what was expected."),
        Column("row_number", "BIGINT", "row_number", "Place of the row in its object, from 1."),
        Column("table_name", "VARCHAR", "table_name", "Table the row was meant for; tp_index is the same."),
    ),
    enrichment={"tp_timestamp": "modified"},
    examples=(
        Example(
            "Why rows were rejected",
            "select table_name, tp_partition, reason, count(*) as times from tp_rejected\n"
            "group by all order by times desc limit 20",
        ),
        Example(
            "The newest rejected rows with their place",
            "select tp_source_name, tp_source_location, row_number, reason, left(raw, 200) as raw\n"
            "from tp_rejected order by tp_ingest_timestamp desc limit 20",
        ),
    ),
)
