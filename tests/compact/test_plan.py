"""What is merged with what: pure arithmetic over sizes and times."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.compact.yard import DAY, MIB, NOW, PROD

from penstock.compact import Group, Policy
from penstock.compact.plan import FAN, is_closed, jobs
from penstock.model import ColumnStats, DataFile

GROUP = Group(PROD, "login", "default", DAY)
NOON = dt.datetime.combine(DAY, dt.time(12), dt.UTC)
POLICY = Policy(100 * MIB, 1000 * MIB)


def file(number: int, size: float, *, hidden: bool = False, hours: tuple[int, int] = (0, 23)) -> DataFile:
    """A file of so many MiB."""
    low, high = (f"{DAY} {hour:02}:00:00" for hour in hours)
    name = f"{'_' if hidden else ''}f{number:05}-0.parquet"
    stats = {"tp_timestamp": ColumnStats(low, high, 0)}
    return DataFile(f"x/{name}", "login", "prod", "default", DAY, 10, int(size * MIB), 9, "s", stats)


def plan(
    *sizes: float, now: dt.datetime = NOW, policy: Policy = POLICY, unique: bool = False
) -> list[tuple[int, int]]:
    """(files, outputs) of each job for files of these sizes."""
    files = [file(number, size) for number, size in enumerate(sizes)]
    found = jobs({GROUP: files}, policy, now, unique=frozenset({GROUP} if unique else ()))
    return [(len(job.files), job.outputs) for job in found]


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [
        ((), []),
        ((10,), []),
        ((10, 20), [(2, 1)]),
        ((90, 80), []),  # both are as full as merging would make them
        ((99, 10), []),  # alone, and nowhere is room
        ((85, 10, 88), [(2, 1)]),  # alone, into the smallest full one
        ((60, 60, 60), [(3, 2)]),
        ((70, 70), []),  # two files however they are cut
        ((90, 30, 30, 30, 30), [(4, 2)]),
        (tuple([2.0] * 500), [(500, 10)]),
    ],
)
def test_closed_days(sizes: tuple[float, ...], expected: list[tuple[int, int]]) -> None:
    """A closed day gets as few files as the target allows; what is full is left alone."""
    assert plan(*sizes) == expected


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [
        ((10, 20), []),
        ((0.1,) * (FAN - 1), []),
        ((0.1,) * FAN, [(FAN, 1)]),
        ((0.1,) * (FAN - 1) + (20.0,) * (FAN - 1), []),
        ((0.1,) * FAN + (20.0,) * FAN, [(FAN, 1), (FAN, 2)]),
        ((60,) * 20, []),
    ],
)
def test_open_days(sizes: tuple[float, ...], expected: list[tuple[int, int]]) -> None:
    """While rows still come, files wait for enough others of their own size."""
    assert plan(*sizes, now=NOON) == expected


def test_a_day_closes_six_hours_after_its_end() -> None:
    """Rows of the last minutes have come by then; UTC counts."""
    end = dt.datetime.combine(DAY + dt.timedelta(days=1), dt.time(6), dt.UTC)
    assert is_closed(DAY, end)
    assert not is_closed(DAY, end - dt.timedelta(seconds=1))


def test_hidden_files_wait_for_their_flip() -> None:
    """What they replace still stands for readers that glob."""
    files = [file(0, 1), file(1, 1, hidden=True), file(2, 1, hidden=True)]
    assert jobs({GROUP: files}, POLICY, NOW) == []


def test_a_large_day_is_cut_into_jobs_in_order_of_time() -> None:
    """Each job takes at most its bytes, and files whose times lie together."""
    files = [file(n, 10, hours=(n % 24, n % 24)) for n in range(48)]
    found = jobs({GROUP: files}, Policy(100 * MIB, 160 * MIB), NOW)
    assert [(len(job.files), job.outputs) for job in found] == [(16, 2)] * 3
    for job in found:
        hours = {one.stats["tp_timestamp"].min for one in job.files}
        assert len(hours) == 8


def test_unique_keys_merge_what_overlaps() -> None:
    """Where one row of a key is wanted, full files of overlapping times are merged too; others not."""
    assert plan(90, 80, unique=True) == [(2, 2)]
    apart = [file(0, 90, hours=(0, 5)), file(1, 90, hours=(6, 11)), file(2, 90, hours=(11, 12))]
    (job,) = jobs({GROUP: apart}, POLICY, NOW, unique=frozenset({GROUP}))
    assert [one.path for one in job.files] == [apart[1].path, apart[2].path]


@settings(max_examples=200, deadline=None)
@given(st.lists(st.floats(0.001, 300), max_size=60), st.booleans())
def test_planning_comes_to_an_end(sizes: list[float], closed: bool) -> None:
    """Doing what is planned, again and again, ends: each round leaves fewer files, whatever their sizes."""
    now = NOW if closed else NOON
    files = [file(number, size) for number, size in enumerate(sizes)]
    for round_ in range(len(sizes) + 1):
        found = jobs({GROUP: files}, POLICY, now)
        if not found:
            break
        for job in found:
            assert job.outputs < len(job.files)
            size = job.bytes / MIB / job.outputs
            made = [file(1000 * (round_ + 1) + n, size) for n in range(job.outputs)]
            files = [one for one in files if one not in job.files] + made
    assert jobs({GROUP: files}, POLICY, now) == []
    assert sum(one.bytes for one in files) == pytest.approx(sum(sizes) * MIB, abs=len(sizes) * 50 + 50)
