"""One odd text does not slow the others down: it alone is read row by row."""

from __future__ import annotations

from typing import Any

import pytest
from tests.convert.trial import Trial

from penstock import convert, tables
from penstock.convert import store

LINE = (
    "h2 2026-01-31T12:00:{n:02}.000000Z app/web/50dc 10.0.0.1:5000 10.0.0.2:80 0.0 0.0 0.0 200 200 1 2 "
    '"GET https://a.example:443/ HTTP/2.0" "{agent}" - - arn:aws:x "Root=1" "a.example" "-" 0 '
    '2026-01-31T12:00:00.000000Z "forward" "-" "-" "10.0.0.2:80" "200" "-" "-" TID_1\n'
)


def text(agent: str = "curl/8") -> bytes:
    """A log of ten lines, the last of this user agent."""
    return "".join(LINE.format(n=n, agent=agent if n == 9 else "curl/8") for n in range(10)).encode()


@pytest.mark.parametrize(("odd", "slow"), [(0, 0), (1, 1), (3, 3), (5, 8)])
def test_odd_texts_alone_are_read_row_by_row(
    trial: Trial, monkeypatch: pytest.MonkeyPatch, odd: int, slow: int
) -> None:
    """A few are found one by one; with many all are read so at once. Every row is stored either way."""
    seen: list[int] = []
    stored = store._stored

    def watched(batch: Any, pieces: Any, *rest: Any) -> Any:
        seen.append(sum(piece.exact for piece in pieces))
        return stored(batch, pieces, *rest)

    monkeypatch.setattr(convert.store, "_stored", watched)
    texts = [text('a "quoted" agent') for _ in range(odd)] + [text() for _ in range(8 - odd)]
    out = trial(*texts, table=tables.find("aws_alb_access_log"))
    assert out.counts == [("done", 10, 0, 0)] * 8
    assert seen[-1] == slow
    agents = {row["user_agent"] for row in out.rows("aws_alb_access_log")}
    assert agents == {"curl/8", *(['a "quoted" agent'] if odd else [])}
