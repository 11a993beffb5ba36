"""Ask a test's hive: bring its catalogue up, open a session, get rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.query.hives import Hive

from penstock import query
from penstock.catalogue import State

__all__ = ["Asker", "rows"]


@dataclass
class Asker:
    """Brings a hive's catalogue up and asks it."""

    hive: Hive
    declared: dict[str, tuple[tuple[str, str], ...]] = field(default_factory=dict)
    opened: list[query.Session] = field(default_factory=list)

    @property
    def path(self) -> Path:
        """Where the catalogue is kept."""
        return self.hive.folder / "cache" / "catalogue.ducklake"

    def up(self) -> State:
        """The catalogue at the ledger's head."""
        return query.bring_up(
            self.path, self.hive.ledger, self.hive.root, source="test", declared=self.declared
        )

    def session(self, **filters: Any) -> query.Session:
        """A session over it."""
        session = query.open_session(
            self.up(),
            self.hive.root,
            client=None,
            filters=query.Filters(**filters),
            scratch=self.hive.folder / "spill",
        )
        self.opened.append(session)
        return session

    def __call__(self, sql: str, **filters: Any) -> list[tuple[Any, ...]]:
        """The rows of one statement, each value as DuckDB's text."""
        return rows(self.session(**filters), sql)


def rows(session: query.Session, sql: str) -> list[tuple[Any, ...]]:
    """The rows of `sql` in a session, as texts."""
    found: list[tuple[Any, ...]] = []
    for one in query.prepare(session, sql):
        result = query.run(session, one)
        texts: Sequence[str] = [f"#{n}::VARCHAR" for n in range(1, len(result.columns) + 1)]
        found += [row for batch in query.batches(result, texts) for row in batch]
    return found
