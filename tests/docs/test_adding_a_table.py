"""The page about adding a table: its declaration works as it stands there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from infra import golden
from penstock import tables

PAGE = Path(__file__).parents[2] / "docs" / "adding-a-table.md"


def test_the_declaration_converts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows, common columns and a reject come of it."""
    code = re.search(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert code is not None
    scope: dict[str, tables.Table] = {}
    exec(code[1], scope)  # noqa: S102 - our own page
    found = tables.find
    monkeypatch.setattr(
        tables, "find", lambda name: scope["TABLE"] if name == "aws_ses_event" else found(name)
    )
    case = tmp_path / "typical.json"
    case.write_text(
        '{"eventType":"Bounce","mail":{"timestamp":"2026-01-02T03:04:05.678Z","source":"a@example.com"}}\n'
        '{"mail":{"timestamp":"2026-01-02T03:04:05Z"}}\n'
    )
    stored, rejected = golden.rows(golden.converted("aws_ses_event", case, tmp_path))
    assert (stored["event_type"], stored["tp_emails"]) == ("Bounce", ["a@example.com"])
    assert stored["tp_timestamp"] == "2026-01-02 03:04:05.678"
    assert rejected["reason"] == "the required column event_type is empty"
