"""What a `file` source holds: directories, files, patterns, layouts, and paths that cannot be read."""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from penstock.collect import files
from penstock.fetch import file_etag
from penstock.layout import compile_layout
from penstock.listing import EVER, Seen, Window
from penstock.sources.file import FileSource

TREE = ("2026/01/30/a.gz", "2026/01/31/a.gz", "2026/01/31/b.gz", "2026/02/01/a.gz", "other/README", "x y.log")
ALL = (TREE[5], *TREE[:5])  # a folder's files come before its folders
LAYOUT = compile_layout("%{YEAR:year}/%{MONTHNUM:month}/%{MONTHDAY:day}/%{DATA}.gz")


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Files, among them hidden ones; the working directory is where they lie."""
    root = tmp_path / "logs"
    for name in (*TREE, ".hidden", ".git/config", "2026/.DS_Store"):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode())
    monkeypatch.chdir(root)
    return root


def found(root: Path, source: FileSource, window: Window = EVER, seen: Seen | None = None) -> list[str]:
    """The paths below `root`."""
    return [os.path.relpath(ref.key, root) for ref in files.objects(source, window, seen=seen)]


@pytest.mark.parametrize(
    ("paths", "expected"),
    [
        (["."], ALL),
        (["2026/01"], TREE[:3]),
        (["other", "2026/02"], (TREE[4], TREE[3])),
        (["x y.log"], TREE[5:]),
        (["2026/01/*"], TREE[:3]),
        (["2026/*/*/a.gz"], (TREE[0], TREE[1], TREE[3])),
        (["**/*.gz"], TREE[:4]),
        (["2026/**"], TREE[:4]),
        (["2026/0?/3[01]/b.gz"], TREE[2:3]),
    ],
)
def test_paths(tree: Path, paths: Sequence[str], expected: Sequence[str]) -> None:
    """Directories with all below them, files, patterns; hidden names never."""
    assert found(tree, FileSource(tuple(paths))) == list(expected)


def test_paths_from_the_home_and_names_like_patterns(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`~` is the home; a file whose name looks like a pattern is that file."""
    monkeypatch.setenv("HOME", str(tree))
    assert found(tree, FileSource(("~/other",))) == ["other/README"]
    (tree / "odd[1].log").write_text("")
    assert found(tree, FileSource(("odd[1].log",))) == ["odd[1].log"]


def test_a_file_is_known_by_path_size_and_time(tree: Path) -> None:
    """Its identity is an absolute URI, and another one once the file has changed."""
    path = tree / "x y.log"
    os.utime(path, ns=(0, 1_700_000_000_123_456_789))
    (ref,) = files.objects(FileSource(("x y.log",)))
    assert ref.identity == f"file://{path.parent}/x%20y.log?etag=7-1700000000123456789"
    assert (ref.size, ref.etag) == (7, file_etag(7, 1_700_000_000_123_456_789))
    assert ref.last_modified is not None
    assert abs(ref.last_modified.timestamp() - 1_700_000_000.123456) < 1e-5
    path.write_text("longer text")
    (changed,) = files.objects(FileSource(("x y.log",)))
    assert changed.identity != ref.identity


@pytest.mark.skipif(os.name == "nt", reason="names of files are text there")
def test_a_name_that_is_no_text(tree: Path) -> None:
    """Bytes that are no UTF-8 are part of the URI all the same."""
    name = os.fsdecode(b"caf\xe9.log")
    (tree / name).write_text("")
    (ref,) = files.objects(FileSource((name,)))
    assert ref.identity.startswith(f"file://{tree}/caf%E9.log?etag=0-")


def test_layout_and_window(tree: Path) -> None:
    """The layout is compared with the path below the directory; its dates decide, each day whole."""
    source = FileSource((".",), LAYOUT)
    assert found(tree, source) == list(TREE[:4])

    def day(number: int, hour: int = 0) -> dt.datetime:
        return dt.datetime(2026, 1, number, hour, tzinfo=dt.UTC)

    assert found(tree, source, Window(day(31), None)) == list(TREE[1:4])
    assert found(tree, source, Window(day(31, 5), day(31, 6))) == list(TREE[1:3])
    assert found(tree, source, Window(None, day(31))) == [TREE[0]]
    anchored = FileSource(("2026",), compile_layout("^%{MONTHNUM:month}/"))
    assert found(tree, anchored) == list(TREE[:4])


def test_window_without_a_layout(tree: Path) -> None:
    """Then the time of change decides."""
    old = dt.datetime(2020, 5, 1, tzinfo=dt.UTC)
    os.utime(tree / TREE[5], (old.timestamp(), old.timestamp()))
    window = Window(old, old + dt.timedelta(seconds=1))
    assert found(tree, FileSource((".",)), window) == [TREE[5]]


def test_what_a_layout_misses_is_noted(tree: Path) -> None:
    """When nothing matches, a path that was seen is told."""
    seen = Seen()
    assert found(tree, FileSource((".",), compile_layout("%{YEAR:year}-")), seen=seen) == []
    assert (seen.keys, seen.matched) == (len(TREE), 0)
    assert (seen.nearest or "").startswith(f"{tree}/2026/")


@pytest.mark.parametrize("path", ["nowhere", "no/*.gz", "other/README/below"])
def test_a_path_that_holds_nothing_comes_again(tree: Path, path: str) -> None:
    """A mistyped path or a disk that is not there must not be taken for no logs; the others are found."""
    seen = Seen()
    assert found(tree, FileSource((path, "2026")), seen=seen) == list(TREE[:4])
    (fault,) = seen.faults
    assert fault.startswith(f"{tree}/{path}: found nothing, expected a directory, a file or a pattern")


def test_a_link_to_nothing_is_no_file(tree: Path) -> None:
    """What went meanwhile or never was, a link to itself or to the folder above, a pipe: passed over."""
    (tree / "dangling").symlink_to(tree / "gone")
    (tree / "circle").symlink_to(tree / "circle")
    (tree / "2026" / "above").symlink_to(tree)
    os.mkfifo(tree / "pipe")
    seen = Seen()
    assert (found(tree, FileSource((".",)), seen=seen), seen.faults) == (list(ALL), [])


def test_a_folder_that_may_not_be_looked_into(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is told, and what is beside it is found."""
    real = os.scandir

    def refused(path: str) -> object:
        if str(path).endswith("2026/01/31"):
            raise PermissionError(13, "Permission denied", path)
        return real(path)

    monkeypatch.setattr(os, "scandir", refused)
    seen = Seen()
    assert found(tree, FileSource((".",)), seen=seen) == [TREE[5], TREE[0], *TREE[3:5]]
    assert seen.faults == [f"{tree}/2026/01/31: cannot be looked into: Permission denied"]
