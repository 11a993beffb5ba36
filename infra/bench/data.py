"""Sample objects for the bench, generated once and kept: `.cache/bench-data/<recipe>/`.

The folder's name holds a fingerprint of the generator, so a changed generator makes new data.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random

from isal import igzip

import infra.samples
from infra import samples

__all__ = ["SMALL", "STANDARD", "DataSet", "Recipe", "dataset", "object_paths", "one_object"]

_OPEN, _CLOSE = b'{"Records":[', b"]}"
_START = dt.datetime(2026, 1, 15, tzinfo=dt.UTC)


@dataclass(frozen=True, slots=True)
class Recipe:
    """How many objects of how many events."""

    objects: int
    events: int


STANDARD = Recipe(200, 1_000)
SMALL = Recipe(4_000, 8)


@dataclass(frozen=True, slots=True)
class DataSet:
    """Objects on disk as a bucket holds them, and the same records as newline-delimited JSON.

    `lines` is empty unless it was asked for; `inflated` counts the bytes of the objects inflated.
    """

    objects: Path
    lines: Path
    events: int
    inflated: int

    def keys(self) -> list[str]:
        """Keys of all objects, sorted."""
        return [path.relative_to(self.objects).as_posix() for path in object_paths(self.objects)]


def object_paths(objects: Path) -> list[Path]:
    """Files of all objects below a folder, in the order of their keys."""
    return sorted(objects.rglob("*.json.gz"))


def _fingerprint() -> str:
    sources = sorted(Path(infra.samples.__file__).parent.glob("*.py"))
    return hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()[:10]


def dataset(root: Path, recipe: Recipe, *, lines: bool = False) -> DataSet:
    """The objects of a recipe below `root`, generated unless they are there."""
    name = f"{recipe.objects}x{recipe.events}{'-lines' if lines else ''}-{_fingerprint()}"
    tree = samples.objects("bench", recipe.objects, recipe.events, _START)
    return _kept(root / name, lambda: _write_many(root / name, tree, lines))


def one_object(root: Path, inflated: int) -> DataSet:
    """One object of `inflated` bytes or a record more, written as it is made: it may not fit in memory."""
    folder = root / f"one-{inflated}-{_fingerprint()}"
    return _kept(folder, lambda: _write_one(folder, inflated))


def _kept(folder: Path, make: Callable[[], tuple[int, int]]) -> DataSet:
    note = folder / "counts.json"
    if not note.exists():
        shutil.rmtree(folder, ignore_errors=True)
        (folder / "lines").mkdir(parents=True)
        note.write_text(json.dumps(make()))
    events, inflated = json.loads(note.read_text())
    return DataSet(folder / "objects", folder / "lines", events, inflated)


def _write_many(folder: Path, tree: Iterator[samples.SampleObject], lines: bool) -> tuple[int, int]:
    events = inflated = 0
    for n, obj in enumerate(tree):
        path = folder / "objects" / obj.key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(obj.body)
        records = samples.unpack(obj.body)
        texts = [_text(record) for record in records]
        events += len(records)
        inflated += len(_OPEN + _CLOSE) + sum(len(text) for text in texts) + max(0, len(texts) - 1)
        if lines:
            (folder / "lines" / f"{n:06}.jsonl").write_bytes(b"\n".join(texts) + b"\n")
    return events, inflated


def _write_one(folder: Path, inflated: int) -> tuple[int, int]:
    key = samples.log_key(Random(inflated), samples.ACCOUNTS[0], samples.REGIONS[0], _START)
    path = folder / "objects" / key
    path.parent.mkdir(parents=True)
    events, size = 0, len(_OPEN + _CLOSE)
    with igzip.open(path, "wb", compresslevel=1) as body:  # type: ignore[no-untyped-call]
        body.write(_OPEN)
        for record in samples.events(inflated, inflated, _START):
            text = (b"," if events else b"") + _text(record)
            body.write(text)
            events, size = events + 1, size + len(text)
            if size >= inflated:
                break
        body.write(_CLOSE)
    return events, size


def _text(record: object) -> bytes:
    return json.dumps(record, separators=(",", ":"), ensure_ascii=False).encode()
