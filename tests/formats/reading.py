"""Reads texts by a configuration: what a person's own format and table make of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tests.convert.trial import Outcome, Trial

from penstock.condition import check_expression
from penstock.config import Config, loads

__all__ = ["Read", "configured", "read"]

PARTITION = """
partition "{table}" "p" {{
  source "file" {{ paths = ["logs"] }}
  {more}
}}
"""


def configured(text: str, table: str = "my_app", more: str = "") -> Config:
    """The configuration, with a partition of the table if it has none of its own."""
    if "partition " not in text:
        text += PARTITION.format(table=table, more=more)
    return loads({"main.tpc": text}, check_expression=check_expression)


@dataclass(frozen=True)
class Read:
    """What came of it: rows with what is not null, the reasons of rejected ones, the tallies."""

    outcome: Outcome
    table: Any

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The stored rows in the order of their times, with own columns and those that the table fills."""
        names = {name for name, _ in self.table.all_columns() if not name.startswith("tp_")}
        names |= set(self.table.enrichment)
        return [
            {key: value for key, value in row.items() if key in names and value is not None}
            for row in self.outcome.rows(self.table.name)
        ]

    @property
    def reasons(self) -> list[str]:
        """Of the rejected rows, in their order."""
        return [
            row["reason"] for row in sorted(self.outcome.rows("tp_rejected"), key=lambda r: r["row_number"])
        ]

    @property
    def tally(self) -> list[tuple[int, int, int]]:
        """Of each object: stored, filtered, rejected."""
        return [(one.stored, one.filtered, one.rejected) for one in self.outcome.records]


def read(trial: Trial, text: str, *logs: str | bytes, table: str = "my_app", more: str = "") -> Read:
    """Convert logs by the one partition of a configuration."""
    (partition,) = configured(text, table, more).partitions.values()
    (source,) = partition.sources
    texts = [log.encode() if isinstance(log, str) else log for log in logs]
    outcome = trial(
        *texts,
        table=partition.table,
        filter=partition.filter,
        tp_index=partition.tp_index,
        syntax=partition.syntax(source),
    )
    return Read(outcome, partition.table)
