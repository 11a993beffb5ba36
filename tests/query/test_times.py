"""Times as people write them."""

from __future__ import annotations

import contextlib
import datetime as dt
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock import times
from penstock.errors import UsageError

NOW = dt.datetime(2024, 3, 31, 12, 30, 0, tzinfo=ZoneInfo("Europe/Berlin"))  # the clock went forward at 2


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2024-01-01", "2024-01-01T00:00:00"),
        ("2024-01-01T15:04:05", "2024-01-01T15:04:05"),
        ("2024-01-01 15:04:05", "2024-01-01T15:04:05"),
        ("2024-01-01T15:04:05.250", "2024-01-01T15:04:05.250000"),
        ("2024-01-01T15:04:05.123456789Z", "2024-01-01T15:04:05.123456"),
        ("2024-01-01T15:04:05Z", "2024-01-01T15:04:05"),
        ("2024-01-01T15:04:05+02:00", "2024-01-01T13:04:05"),
        ("2024-01-01 15:04:05 -0330", "2024-01-01T18:34:05"),
        ("2024-01-01 15:04:05 EST", "2024-01-01T20:04:05"),
        ("2024/01/01 15:04:05", "2024-01-01T15:04:05"),
        ("2024/01/01 15:04:05 UTC", "2024-01-01T15:04:05"),
        ("Mon, 01 Jan 2024 15:04:05 GMT", "2024-01-01T15:04:05"),
        ("Mon, 01 Jan 2024 15:04:05 +0100", "2024-01-01T14:04:05"),
        ("Monday, 01-Jan-24 15:04:05 PST", "2024-01-01T23:04:05"),
        ("01 Jan 24 15:04 MST", "2024-01-01T22:04:00"),
        ("01 Jan 24 15:04 -0700", "2024-01-01T22:04:00"),
        ("Mon Jan  1 15:04:05 2024", "2024-01-01T15:04:05"),
        ("Mon Jan  1 15:04:05 UTC 2024", "2024-01-01T15:04:05"),
        ("Mon Jan 01 15:04:05 -0700 2024", "2024-01-01T22:04:05"),
        ("01/Jan/2024:15:04:05 -0700", "2024-01-01T22:04:05"),
        ("1704121445", "2024-01-01T15:04:05"),
        ("170412144", "1975-05-27T08:42:24"),
        ("1704121445250", "2024-01-01T15:04:05.250000"),
        ("1704121445250000001", "2024-01-01T15:04:05.250000"),
        ("T-9H", "2024-03-31T01:30:00"),
        ("T-90M", "2024-03-31T09:00:00"),
        ("T-1d", "2024-03-30T11:30:00"),
        ("T-2W", "2024-03-17T11:30:00"),
        ("T-1m", "2024-02-29T11:30:00"),
        ("T-13m", "2023-02-28T11:30:00"),
        ("T-1Y", "2023-03-31T10:30:00"),
        ("2024-02", "2024-02-01T00:00:00"),
        ("2024/02", "2024-02-01T00:00:00"),
        ("Feb 2024", "2024-02-01T00:00:00"),
        ("February 2024", "2024-02-01T00:00:00"),
        ("2024", "2024-01-01T00:00:00"),
        ("2024-01-01T15:04:05-03:30", "2024-01-01T18:34:05"),
        ("01 Jan 2024 15:04:05", "2024-01-01T15:04:05"),
        ("01/Jan/2024:15:04:05 UTC", "2024-01-01T15:04:05"),
        ("170412144525", "1975-05-27T08:42:24.525000"),
        ("170412144525000001", "1975-05-27T08:42:24.525000"),
        (" T-0d ", "2024-03-31T10:30:00"),
    ],
)
def test_form_is_read(text: str, expected: str) -> None:
    """Every documented form means its instant in UTC."""
    assert times.parse(text, NOW) == dt.datetime.fromisoformat(expected).replace(tzinfo=dt.UTC)


@pytest.mark.parametrize(
    "text",
    [
        "", "today", "1/1/2024", "6/30/2024", "T-7", "T+7d", "T-7h", "T-7D", "T--7d", "T-d", "t-7d", "T-1.5d",
        "2024-13-01", "2024-02-30", "2024-1-1", "2024-01-01T25:00:00", "2024-01-01Z", "2024-01-01T15:04",
        "12345678", "12345678901", "123456789012345", "-1704121445", "2024-01-01T15:04:05 CET",
        "2024-01-01T15:04:05+99:99", "T-99999Y", "T-999999999999d", "T-1d; x", "2024-13", "2024-00", "2024-1",
        "202", "20245", "0000", "Q1 2024", "Feb 24", "02/2024", "February", "2024-02Z", "²024-01-01",
        "١٢٣٤٥٦٧٨٩٠",
    ],
)  # fmt: skip
def test_other_forms_are_refused_with_what_was_expected(text: str) -> None:
    """Nothing is guessed."""
    with pytest.raises(UsageError, match=r"expected a date"):
        times.parse(text, NOW)


@given(st.datetimes(min_value=dt.datetime(1970, 1, 1), max_value=dt.datetime(9000, 1, 1)))  # noqa: DTZ001
def test_what_iso_writes_is_read_back(moment: dt.datetime) -> None:
    """ISO 8601 goes round."""
    assert times.parse(moment.isoformat(sep="T"), NOW) == moment.replace(tzinfo=dt.UTC)


@given(st.text(max_size=30))
def test_any_text_is_read_or_refused(text: str) -> None:
    """No other error escapes."""
    with contextlib.suppress(UsageError):
        assert times.parse(text, NOW).tzinfo is dt.UTC
