"""The hive's names and places."""

from __future__ import annotations

import datetime as dt
import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import unquote as unescape

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock import aws
from penstock.errors import Retry
from penstock.hive import Hive, data_path, escape, open_hive, split

DAY = dt.date(2026, 1, 31)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)


@pytest.mark.parametrize(
    ("value", "escaped"),
    [
        ("eu-central-1", "eu-central-1"),
        ("a/b", "a%2Fb"),
        ("a=b", "a%3Db"),
        ("50%", "50%25"),
        ("..", "%2E%2E"),
        (".", "%2E"),
        ("NULL", "%4EULL"),
        ("null", "%6Eull"),
        ("NULLS", "NULLS"),
        ("__HIVE_DEFAULT_PARTITION__", "%5F_HIVE_DEFAULT_PARTITION__"),
        ("...", "..."),
        ("a b", "a b"),
        ("ü😀", "ü😀"),
        ("\n\x7f\0", "%0A%7F%00"),
        ("\"#'*:?\\{}[]^", "%22%23%27%2A%3A%3F%5C%7B%7D%5B%5D%5E"),
    ],
)
def test_values_are_escaped_as_hive_does(value: str, escaped: str) -> None:
    """Each character of Hive's list, and the names of directories."""
    assert escape(value) == escaped
    assert unescape(escaped) == value


@given(value=TEXTS)
def test_escaping_goes_back(value: str) -> None:
    """For any text, and one segment of a path comes of it."""
    assert unescape(escape(value)) == value
    assert "/" not in escape(value)
    assert escape(value) not in (".", "..")


@given(partition=TEXTS, index=TEXTS)
def test_a_path_has_five_segments(partition: str, index: str) -> None:
    """Whatever the values."""
    path = data_path("t", partition, index, DAY, "c-0.parquet")
    table, p, i, day, name = path.split("/")
    assert (table, day, name) == ("tp_table=t", "tp_date=2026-01-31", "c-0.parquet")
    assert (unescape(p), unescape(i)) == (f"tp_partition={partition}", f"tp_index={index}")


@pytest.mark.parametrize("index", ["a/b", "a=b", "50%", "..", "a b+c", "ü😀", "x'y", "NULL", "Null"])
def test_readers_of_hives_see_the_value(index: str, tmp_path: Path) -> None:
    """DuckDB, reading the path as a hive, gives back what was escaped."""
    target = tmp_path / data_path("t", "p", index, DAY, "c.parquet")
    target.parent.mkdir(parents=True)
    with duckdb.connect() as connection:
        connection.sql("SELECT 1 AS a").write_parquet(str(target))
        found = connection.execute(
            "SELECT a, tp_index, tp_date::VARCHAR "
            "FROM read_parquet(?, hive_partitioning = true, hive_types_autocast = false)",
            [f"{tmp_path}/**/*.parquet"],
        ).fetchall()
    assert found == [(1, index, "2026-01-31")]


@pytest.mark.parametrize(
    ("root", "parts"), [("s3://b", ("b", "")), ("s3://b/", ("b", "")), ("s3://b/x/y/", ("b", "x/y"))]
)
def test_roots_are_split(root: str, parts: tuple[str, str]) -> None:
    """Bucket and prefix, without slashes at the ends."""
    assert split(root) == parts


@pytest.fixture(params=["directory", "bucket", "prefix"])
def hive(request: pytest.FixtureRequest, tmp_path: Path) -> Hive:
    """A hive of each kind."""
    if request.param == "directory":
        return open_hive(f"{tmp_path}/hive/")
    client: Any = request.getfixturevalue("s3")
    return open_hive("s3://logs/" + ("deep/er/" if request.param == "prefix" else ""), client)


@pytest.mark.parametrize(
    "path", ["a/b.parquet", data_path("t", "p", "a/b %=ü'..", DAY, "c-0.parquet"), "_catalog/x"]
)
def test_what_is_put_is_there(hive: Hive, path: str, tmp_path: Path) -> None:
    """Whole, again without harm, gone once deleted, and deleting what is not there is nothing."""
    file = tmp_path / "file"
    file.write_bytes(b"first")
    hive.upload(path, file)
    hive.upload(path, file)
    assert hive.read_bytes(path) == b"first"
    hive.write_bytes(path, b"second")
    assert hive.read_bytes(path) == b"second"
    hive.delete(path)
    hive.delete(path)
    with pytest.raises(FileNotFoundError):
        hive.read_bytes(path)


def test_a_directory_has_no_leftovers(tmp_path: Path) -> None:
    """What was written beside its place is renamed into it."""
    hive = open_hive(str(tmp_path))
    hive.write_bytes("a/b", b"x")
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["b"]


def test_a_store_that_does_not_answer_comes_again(tmp_path: Path) -> None:
    """Each operation is Retry, and names the place."""
    account = aws.Account(access_key="k", secret_key="s", endpoint_url="http://127.0.0.1:1", retry_attempts=1)
    hive = open_hive("s3://logs/x", aws.client("s3", account))
    for operation in (
        lambda: hive.write_bytes("a", b""),
        lambda: hive.read_bytes("a"),
        lambda: hive.delete("a"),
    ):
        with pytest.raises(Retry, match="s3://logs/x/a: EndpointConnectionError"):
            operation()


def test_a_bucket_needs_a_client() -> None:
    """It is our own mistake to forget it."""
    with pytest.raises(TypeError, match="s3://b"):
        open_hive("s3://b")


def test_g1_what_was_put_is_on_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the power fails behind a commit, its files are there: each was synced under its own name."""
    synced: list[tuple[int, bool]] = []
    sync, hive, local = os.fsync, open_hive(str(tmp_path / "hive")), tmp_path / "x"
    local.write_bytes(b"rows")

    def noted(opened: int) -> None:
        synced.append((os.fstat(opened).st_ino, (tmp_path / "hive/a/x").exists()))
        sync(opened)

    monkeypatch.setattr("penstock.hive.os.fsync", noted)
    puts: tuple[Callable[[], None], ...] = (
        lambda: hive.upload("a/x", local),
        lambda: hive.write_bytes("a/x", b"rows"),
        lambda: hive.copy("b", "a/x"),
    )
    hive.write_bytes("b", b"rows")
    for put in puts:
        synced.clear()
        put()
        inodes = [(tmp_path / "hive" / path).stat().st_ino for path in ("a/x", "a")]
        assert synced == [(inodes[0], False), (inodes[1], True)]
        hive.delete("a/x")


def test_a_full_disk_is_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is told as every store's fault, and the half of the file does not stay."""
    hive, local = open_hive(str(tmp_path / "hive")), tmp_path / "x"
    local.write_bytes(b"rows")

    def full(source: Path, target: Path) -> None:
        Path(target).write_bytes(Path(source).read_bytes()[:2])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("penstock.hive.shutil.copyfile", full)
    with pytest.raises(Retry, match=r"a/x: it cannot be written: No space left on device"):
        hive.upload("a/x", local)
    assert [path for path in (tmp_path / "hive").rglob("*") if path.is_file()] == []
    monkeypatch.undo()
    with pytest.raises(FileNotFoundError):
        hive.copy("never", "a/x")
    (tmp_path / "hive/a/x/y").mkdir(parents=True)
    with pytest.raises(Retry, match="a/x: it cannot be deleted"):
        hive.delete("a/x")
