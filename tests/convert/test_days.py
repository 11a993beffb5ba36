"""Which days a text is guessed to be of."""

from __future__ import annotations

from pathlib import Path

import pytest

from penstock.convert.days import days_of, several_days
from penstock.readers import Piece
from penstock.tables import find

CLOUDTRAIL = find("aws_cloudtrail_log")


def text(*times: str, space: str = "") -> bytes:
    """A document of more than 8 KB, with each time in a record of its own, 3 KB apart."""
    records = [f'{{"eventTime":{space}"{time}","filler":"{"x" * 3000}"}}' for time in times]
    return f'{{"Records":[{",".join(records)}]}}'.encode()


@pytest.mark.parametrize(
    ("times", "days"),
    [
        (["2026-01-31T12:00:00Z"] * 5, ["2026-01-31"]),
        (["2026-01-31T12:00:00Z"] * 4 + ["2026-02-01T12:00:00Z"], ["2026-01-31", "2026-02-01"]),
        # Beside midnight the middle is looked at too.
        (["2026-01-31T23:58:00Z"] * 5, ["2026-01-31"]),
        (
            ["2026-01-31T23:58:00Z"] * 3 + ["2026-02-01T00:01:00Z"] + ["2026-01-31T23:59:59Z"] * 3,
            ["2026-01-31", "2026-02-01"],
        ),
        (
            ["2026-01-01T00:01:00Z"] * 3 + ["2025-12-31T23:59:00Z"] + ["2026-01-01T00:02:00Z"] * 3,
            ["2025-12-31", "2026-01-01"],
        ),
        # No such day, and none beyond it.
        (["2026-13-31T23:58:00Z"] * 5, ["2026-13-31"]),
        (["9999-12-31T23:58:00Z"] * 5, ["9999-12-31"]),
    ],
)
@pytest.mark.parametrize("space", ["", " "])
def test_days_of(times: list[str], days: list[str], space: str, tmp_path: Path) -> None:
    """In memory and in a file alike."""
    whole = text(*times, space=space)
    file = tmp_path / "text"
    file.write_bytes(whole)
    expected = tuple(day.encode() for day in days)
    assert days_of(CLOUDTRAIL, whole) == days_of(CLOUDTRAIL, file) == expected


def test_no_field_of_a_text_tells() -> None:
    """Then nothing is said."""
    assert days_of(find("aws_vpc_flow_log"), b"2 123456789012 eni-1 - - - - - - - 1 2 - NODATA") == ()


def test_several_days(tmp_path: Path) -> None:
    """Between the pieces, whether their texts stand in files or not."""
    file = tmp_path / "one"
    file.write_bytes(text("2026-01-31T12:00:00Z"))
    pieces = [Piece(str(path), n, "", "", "", "", None) for n, path in enumerate((file, tmp_path / "two"))]
    for day, expected in (("2026-01-31", False), ("2026-02-01", True)):
        assert several_days(CLOUDTRAIL, pieces, {pieces[1].path: text(f"{day}T13:00:00Z")}) is expected
