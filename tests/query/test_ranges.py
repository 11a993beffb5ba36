"""What was read of the hive is kept on disk, within a limit, whatever happens to it."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from penstock.query.ranges import PIECE, Gap, Piece, Ranges

FILE = "s3://hive/x.parquet"
DATA = os.urandom(10_000)


def joined(ranges: Ranges, first: int, end: int, file: str = FILE) -> bytes | None:
    """The bytes, if all of them are here."""
    found = b""
    for part in ranges.plan(file, first, end):
        body = ranges.read(part) if isinstance(part, Piece) else None
        if body is None:
            return None
        found += body
    return found


@pytest.fixture
def ranges(tmp_path: Path) -> Iterator[Ranges]:
    """An empty one."""
    ranges = Ranges(tmp_path / "a" / "ranges.sqlite", 10 * PIECE)
    yield ranges
    ranges.close()


def test_what_was_kept_is_found_whole_and_in_parts(ranges: Ranges) -> None:
    """Also across pieces that overlap; another file has nothing of it."""
    for first, end in ((0, 1000), (500, 2000), (2000, 3000), (900, 2500)):
        ranges.keep(FILE, first, DATA[first:end])
    for first, end in ((0, 3000), (0, 1000), (1, 2), (999, 2001), (2999, 3000)):
        assert joined(ranges, first, end) == DATA[first:end]
    assert joined(ranges, 2999, 3001) is None
    assert joined(ranges, 0, 10, "s3://hive/y.parquet") is None


def test_at_most_one_gap_is_asked_for(ranges: Ranges) -> None:
    """From the first byte that lacks to the last one; what lies at the ends is taken from here."""
    for first, end in ((100, 200), (300, 400), (500, 600)):
        ranges.keep(FILE, first, DATA[first:end])
    parts = ranges.plan(FILE, 150, 550)
    assert [(type(part), part.first, part.end) for part in parts] == [
        (Piece, 150, 200),
        (Gap, 200, 500),
        (Piece, 500, 550),
    ]
    assert ranges.plan(FILE, 600, 700) == [Gap(600, 700)]


def test_it_never_grows_beyond_its_limit(tmp_path: Path) -> None:
    """What was used longest ago makes room; a use counts once an hour has passed."""
    hours = iter(range(0, 10**9, 3601))
    ranges = Ranges(tmp_path / "r.sqlite", 20 * PIECE, lambda: next(hours))
    for number in range(15):
        ranges.keep(f"f{number}", 0, os.urandom(PIECE))
    assert joined(ranges, 0, PIECE, "f0") is not None
    ranges.close()
    ranges = Ranges(tmp_path / "r.sqlite", 20 * PIECE, lambda: next(hours))
    for number in range(15, 40):
        ranges.keep(f"f{number}", 0, os.urandom(PIECE))
        assert (tmp_path / "r.sqlite").stat().st_size <= 20 * PIECE
        assert joined(ranges, 0, PIECE, f"f{number}") is not None
        if number == 24:
            assert joined(ranges, 0, PIECE, "f0") is not None, "it was used lately"
            assert joined(ranges, 0, PIECE, "f1") is None
    assert joined(ranges, 0, PIECE, "f5") is None
    ranges.close()


def test_a_smaller_limit_empties_it(tmp_path: Path) -> None:
    """And it holds from then on."""
    path = tmp_path / "r.sqlite"
    ranges = Ranges(path, 20 * PIECE)
    for number in range(15):
        ranges.keep(f"f{number}", 0, os.urandom(PIECE))
    ranges.close()
    ranges = Ranges(path, 4 * PIECE)
    for number in range(15):
        ranges.keep(f"f{number}", 0, os.urandom(PIECE))
    ranges.close()
    assert path.stat().st_size <= 4 * PIECE


@pytest.mark.parametrize("damage", ["garbage", "middle", "empty", "directory", "other"])
def test_a_damaged_one_is_no_error(ranges: Ranges, damage: str) -> None:
    """It has nothing, or what it has is right; what cannot be repaired stays away."""
    for number in range(5):
        ranges.keep(f"f{number}", 0, DATA)
    ranges.close()
    path = ranges.path
    if damage == "garbage":
        path.write_bytes(b"garbage" * 5000)
    elif damage == "middle":
        whole = path.read_bytes()
        path.write_bytes(whole[: len(whole) // 2] + bytes(30_000))
    elif damage == "empty":
        path.write_bytes(b"")
    elif damage == "directory":
        path.unlink()
        path.mkdir()
    else:
        import sqlite3

        path.unlink()
        sqlite3.connect(path).execute("CREATE TABLE piece (x)").connection.close()
    again = Ranges(path, ranges.limit)
    assert joined(again, 0, 100, "f1") in (None, DATA[:100])
    again.keep("g", 0, DATA)
    assert joined(again, 0, 100, "g") in (None, DATA[:100])
    again.close()


def test_once_closed_it_opens_nothing(ranges: Ranges) -> None:
    """A thread of the gateway that still answers DuckDB comes after the session has ended."""
    ranges.close()
    ranges.keep(FILE, 0, DATA)
    assert ranges.plan(FILE, 0, 10) == [Gap(0, 10)]
    assert not ranges.path.exists()


def test_it_is_for_its_owner_alone(ranges: Ranges) -> None:
    """It holds what logs said."""
    ranges.keep(FILE, 0, DATA)
    assert {file.stat().st_mode & 0o077 for file in ranges.path.parent.iterdir()} == {0}


def fill(path: Path, name: str) -> None:
    """One of several processes."""
    ranges = Ranges(path, 6 * PIECE)
    for number in range(40):
        body = f"{name}{number}".encode() * 20_000
        ranges.keep(f"{name}{number}", 0, body)
        found = joined(ranges, 0, len(body), f"{name}{number}")
        assert found in (None, body), "another process may have taken its place, but never with other bytes"
    ranges.close()


def test_processes_share_it(tmp_path: Path) -> None:
    """Three at once, with room for a tenth of what they write."""
    path = tmp_path / "r.sqlite"
    workers = [multiprocessing.get_context("spawn").Process(target=fill, args=(path, n)) for n in "abc"]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    assert [worker.exitcode for worker in workers] == [0, 0, 0]
    assert path.stat().st_size <= 6 * PIECE
    ranges = Ranges(path, 6 * PIECE)
    assert any(joined(ranges, 0, 10, f"{name}39") for name in "abc")
    ranges.close()
