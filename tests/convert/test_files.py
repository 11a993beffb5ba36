"""The files: sorted, declared schema, metadata, statistics, one for each day and index."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any
from unittest import mock
from urllib.parse import unquote as unescape

import duckdb
import pyarrow.parquet as pq
import pytest
from tests.convert.trial import TABLE, Outcome, Trial, event, log

from infra import samples
from penstock import __version__, standardize
from penstock.convert import days, files
from penstock.tables import PATH_COLUMNS, find

START = dt.datetime(2026, 1, 31, 23, 50, tzinfo=dt.UTC)


@pytest.fixture(scope="module")
def out(trial: Trial) -> Outcome:
    """Two days of samples by account, with a rejected row."""
    records: list[Any] = list(samples.events(5, 400, START))
    return trial(
        log(*records[:200]), log(*records[200:], {"eventName": "lost"}), tp_index="recipient_account_id"
    )


def test_one_file_for_each_index_and_day(out: Outcome) -> None:
    """Each row stands in the file of its own index and UTC day; names follow the commit."""
    files = [w.file for w in out.made.files if w.file.table == TABLE.name]
    places = [(file.tp_index, file.tp_date) for file in files]
    assert len(set(places)) == len(places)
    assert {day for _, day in places} == {dt.date(2026, 1, 31), dt.date(2026, 2, 1)}
    for row in out.rows():
        assert row["tp_date"] == row["tp_timestamp"].date()
        assert row["tp_index"] == row["recipient_account_id"]
    assert sum(file.rows for file in files) == 400
    for number, written in enumerate(out.made.files):
        file = written.file
        assert file.path == (
            f"tp_table={file.table}/tp_partition=prod/tp_index={file.tp_index}/tp_date={file.tp_date}/commit-{number}.parquet"
        )


def test_files_are_what_the_ledger_is_told(out: Outcome) -> None:
    """Rows, bytes and footer size are the file's own."""
    assert {w.file.table for w in out.made.files} == {TABLE.name, "tp_rejected"}
    for written in out.made.files:
        data = written.local.read_bytes()
        footer = int.from_bytes(data[-8:-4], "little")
        assert (written.file.bytes, written.file.rows) == (
            len(data),
            pq.read_metadata(written.local).num_rows,
        )
        assert written.file.footer_bytes in (footer, footer + 8)


def test_rows_are_sorted_by_time(out: Outcome) -> None:
    """Inside each file."""
    for written in out.made.files:
        times = pq.read_table(written.local, columns=["tp_timestamp"])["tp_timestamp"].to_pylist()
        assert times == sorted(times)


@pytest.mark.parametrize("group", [3, 4])
def test_rows_of_one_index_are_sorted_where_they_are_many(
    trial: Trial, monkeypatch: pytest.MonkeyPatch, group: int
) -> None:
    """More than fill a row group: statistics of row groups are what order is for."""
    monkeypatch.setattr(standardize.recipe, "ROW_GROUP", group)
    hours = [7, 3, 9, 1]
    out = trial(log(*(event(eventTime=f"2026-01-31T0{hour}:00:00Z") for hour in hours)))
    (written,) = out.made.files
    times = pq.read_table(written.local, columns=["tp_timestamp"])["tp_timestamp"].to_pylist()
    assert [time.hour for time in times] == (hours if group == len(hours) else sorted(hours))


def test_the_schema_is_the_declared_one(out: Outcome) -> None:
    """Names, order and types as the table's schema says; path columns do not stand in the file."""
    for written in out.made.files:
        declared = find(written.file.table).schema()
        assert written.file.schema == declared.fingerprint
        with duckdb.connect() as connection:
            found = connection.execute("DESCRIBE FROM read_parquet(?)", [str(written.local)]).fetchall()
            wanted = connection.execute(
                "DESCRIBE SELECT " + ", ".join(f'NULL::{kind} AS "{name}"' for name, kind in declared.columns)
            ).fetchall()
        assert [row[:2] for row in found] == [row[:2] for row in wanted]
        names = pq.read_schema(written.local).names
        assert names == [name for name, _ in declared.columns]
        assert not set(names) & set(PATH_COLUMNS)


def test_metadata_and_compression(out: Outcome) -> None:
    """Key-value metadata names table, schema and version; every column is zstd."""
    for written in out.made.files:
        metadata = pq.read_metadata(written.local)
        told = metadata.metadata or {}
        assert told[b"penstock.table"].decode() == written.file.table
        assert told[b"penstock.schema"].decode() == written.file.schema
        assert told[b"penstock.version"].decode() == __version__
        group = metadata.row_group(0)
        assert {group.column(i).compression for i in range(group.num_columns)} == {"ZSTD"}


def footer_statistics(path: Path, column: str) -> tuple[Any, Any, int]:
    """Minimum, maximum and nulls of a top-level column over the row groups, by pyarrow."""
    metadata = pq.read_metadata(path)
    lows, highs, nulls = [], [], 0
    for number in range(metadata.num_row_groups):
        group = metadata.row_group(number)
        for index in range(group.num_columns):
            chunk = group.column(index)
            if chunk.path_in_schema == column:
                nulls += chunk.statistics.null_count
                if chunk.statistics.has_min_max:
                    lows.append(chunk.statistics.min)
                    highs.append(chunk.statistics.max)
    return min(lows, default=None), max(highs, default=None), nulls


def test_recorded_statistics_are_the_footers(out: Outcome) -> None:
    """Of tp_timestamp and of every column that the table names as worth it."""
    for written in out.made.files:
        names = {"tp_timestamp", *find(written.file.table).statistics}
        assert set(written.file.stats) == names
        for name in names:
            told = written.file.stats[name]
            low, high, nulls = footer_statistics(written.local, name)
            assert told.nulls == nulls
            assert (told.min, told.max) == (low and str(low), high and str(high))


def test_statistics_that_may_be_shortened_are_left_out(trial: Trial) -> None:
    """Long texts and NULs have no minimum and maximum; nulls are counted nevertheless."""
    (written,) = trial(
        log(event(awsRegion="x" * 5000, eventSource="a\0b"), {**event(), "eventName": None})
    ).made.files
    stats = written.file.stats
    assert (stats["aws_region"].min, stats["aws_region"].max, stats["aws_region"].nulls) == (None, None, 1)
    assert (stats["event_source"].min, stats["event_source"].max) == (None, None)
    assert stats["event_name"].nulls == 1


INDEXES = [
    "a/b",
    "..",
    ".",
    "a=b",
    "50%",
    "é😀",
    "",
    "nul\0x",
    "\n",
    "NULL",
    "x y+z",
    "'q\"",
    "..\\..",
    "%2F",
    "C:*?",
]


def test_hostile_index_values_stay_in_their_folder(trial: Trial) -> None:
    """Whatever the value, the path has one segment for it, escaped as Hive does; empty is default."""
    out = trial(log(*(event(eventName=value) for value in INDEXES)), tp_index="event_name")
    assert sorted(w.file.tp_index for w in out.made.files) == sorted(value or "default" for value in INDEXES)
    for written in out.made.files:
        segments = written.file.path.split("/")
        assert len(segments) == 5
        assert not {"", ".", ".."} & set(segments)
        assert unescape(segments[2].removeprefix("tp_index=")) == written.file.tp_index
    for row in out.rows():
        assert row["tp_index"] == (row["event_name"] or "default")


@pytest.mark.parametrize("value", ["x" * 10_000, "é" * 100, "/" * 90, "😀" * 21])
def test_index_values_too_long_for_a_folder_are_shortened(trial: Trial, value: str) -> None:
    """They keep their beginning and get a digest: different ones stay apart, the same stay together."""
    out = trial(log(*(event(eventName=name) for name in (value, value, value + "!"))), tp_index="event_name")
    assert sorted(w.file.rows for w in out.made.files) == [1, 2]
    for written in out.made.files:
        assert written.file.tp_index.startswith(value[:16] + "-")
        assert len(written.file.path.split("/")[2].encode()) < 255


@pytest.mark.parametrize(
    "value",
    [
        "x" * 200,
        "arn:aws:sts::111122223333:assumed-role/AWSReservedSSO_Admin_0123456789abcdef/user@example.com",
    ],
)
def test_index_values_that_fit_stay_whole(trial: Trial, value: str) -> None:
    """An ARN is not shortened."""
    (written,) = trial(log(event(eventName=value)), tp_index="event_name").made.files
    assert written.file.tp_index == value


TIMES = {
    "1970-01-01T00:00:00Z": dt.datetime(1970, 1, 1),  # noqa: DTZ001 - as Parquet has it, UTC without zone
    "2261-12-31T23:59:59.999999Z": dt.datetime(2261, 12, 31, 23, 59, 59, 999999),  # noqa: DTZ001
    "2026-01-31T23:59:59.999999Z": dt.datetime(2026, 1, 31, 23, 59, 59, 999999),  # noqa: DTZ001
    "2026-02-01T00:00:00Z": dt.datetime(2026, 2, 1),  # noqa: DTZ001
    "2026-02-01T00:30:00+01:00": dt.datetime(2026, 1, 31, 23, 30),  # noqa: DTZ001
    "2026-01-31T23:30:00-01:00": dt.datetime(2026, 2, 1, 0, 30),  # noqa: DTZ001
    "2024-02-29T12:00:00Z": dt.datetime(2024, 2, 29, 12),  # noqa: DTZ001
}
IMPOSSIBLE = [
    "1969-12-31T23:59:59.999999Z",
    "2262-01-01T00:00:00Z",
    "9999-12-31T00:00:00Z",
    "infinity",
    "2026-02-29T00:00:00Z",
    "2026-01-31T24:01:00Z",
    "1769860800",
    "T",
    "Z",
]


def test_times_at_the_edges_of_days_and_years(trial: Trial) -> None:
    """Rows stand in the UTC day of their time, whatever its offset; years from 1970 to 2261 are possible."""
    out = trial(
        log(*(event(eventTime=text) for text in TIMES), *(event(eventTime=text) for text in IMPOSSIBLE))
    )
    assert out.counts == [("done", len(TIMES), 0, len(IMPOSSIBLE))]
    rows = out.sorted()
    assert [row["tp_timestamp"] for row in rows] == list(TIMES.values())
    assert [row["tp_date"] for row in rows] == [time.date() for time in TIMES.values()]
    reasons = [row["reason"] for row in out.sorted("tp_rejected")]
    assert len(reasons) == len(IMPOSSIBLE)
    assert all(reason.startswith("eventTime: found ") and "expected a time" in reason for reason in reasons)


def test_the_same_again_is_the_same(trial: Trial) -> None:
    """Rows and tp_ids; those of another object differ (G5)."""
    text = log(*(event(eventName=str(n)) for n in range(50)))
    first, second = trial(text).sorted(), trial(text).sorted()
    assert first == second
    other = trial(text, names=["another"]).sorted()
    assert not {row["tp_id"] for row in first} & {row["tp_id"] for row in other}
    assert len({row["tp_id"] for row in first}) == 50


@pytest.mark.parametrize("guessed", [True, False])
def test_days_are_divided_whether_they_were_guessed_or_not(
    trial: Trial, monkeypatch: pytest.MonkeyPatch, guessed: bool
) -> None:
    """Rows of two days in one object go to the files of both, sorted; guessed where its ends tell of both."""
    records: list[Any] = list(samples.events(6, 300, START))
    records.sort(key=lambda record: str(record["eventTime"]), reverse=not guessed)
    guesses: list[bool] = []

    def guess(*given: Any) -> bool:
        guesses.append(days.several_days(*given))
        return guesses[-1] and guessed

    monkeypatch.setattr("penstock.convert.store.several_days", guess)
    monkeypatch.setattr(standardize.recipe, "ROW_GROUP", 299)
    out = trial(log(*records))
    assert guesses == [True]
    files = [written.file for written in out.made.files]
    assert [file.tp_date.isoformat() for file in files] == ["2026-01-31", "2026-02-01"]
    assert sum(file.rows for file in files) == 300
    for file in files:
        times = [row["tp_timestamp"] for row in out.rows() if row["tp_date"] == file.tp_date]
        assert times == sorted(times)


def test_one_day_is_guessed_as_one(trial: Trial, monkeypatch: pytest.MonkeyPatch) -> None:
    """So it is written whole."""
    divided = mock.Mock(side_effect=AssertionError("divided"))
    monkeypatch.setattr(files, "_divided", divided)
    assert trial(log(event(), event())).made.records[0].stored == 2
