"""Runs the collector itself on a folder of objects: the real worker, a hive and a ledger on disk.

`collect` is called in a process of its own (see `alone`). It times only `Worker.handle`, with the
configuration read and the engine opened beforehand: a warm function. Import and start are the case
`cold`.
"""

from __future__ import annotations

import itertools
import json
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from infra import samples
from infra.bench.data import object_paths
from infra.bench.disk import DiskStore
from penstock import config, convert
from penstock.collect import Report, Worker
from penstock.condition import check_expression
from penstock.config import Config, Settings
from penstock.hive import LocalHive
from penstock.ledger.sqlite import SqliteLedger

__all__ = ["BATCH", "CONFIG", "Stopwatch", "collect", "steps_note"]

BATCH = 95
"""Messages of one invocation: the template's default."""

CONFIG = """
partition "aws_cloudtrail_log" "bench" {
  source "aws_s3_bucket" {
    bucket = "bench"
  }
}
"""


@dataclass(slots=True)
class Stopwatch:
    """Processor seconds by step of the worker; inside `convert` by DuckDB statement.

    Told each step as it begins (`Worker.step`); a step lasts until the next one, the first one is `plan`.
    """

    seconds: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    _name: str = "plan"
    _since: float = field(default_factory=time.process_time)

    def __call__(self, step: str) -> None:
        """The step that begins now."""
        now = time.process_time()
        self.seconds[self._name] += now - self._since
        self._name, self._since = step, now


@dataclass(slots=True)
class _Timed:
    """DuckDB's connection, with the time of its statements kept under the kind of each."""

    engine: Any
    watch: Stopwatch

    def execute(self, statement: str) -> Any:
        """Run to the end, as `COPY` does and the probe's `fetchall` would."""
        before = self.watch._name
        self.watch(_kind(statement))
        answer = self.engine.execute(statement).fetchall()
        self.watch(before)
        return _Answer(answer)

    def close(self) -> None:
        """Close it."""
        self.engine.close()


@dataclass(frozen=True, slots=True)
class _Answer:
    rows: list[tuple[Any, ...]]

    def fetchall(self) -> list[tuple[Any, ...]]:
        return self.rows


def _kind(statement: str) -> str:
    if statement.startswith("COPY"):
        return "rows"
    return "counts" if statement.startswith("SELECT _object") else "probe"


def collect(objects: str, work: str, *, fetchers: int = 1, watched: bool = False) -> dict[str, Any]:
    """Collect every object below `objects` on one DuckDB thread; what came of it and what it took.

    `seconds` and `cpu` are those of `Worker.handle` over all batches, `store` the part of `cpu`
    that the store took, `steps` the processor seconds by step (with `watched`; it costs a little).
    """
    given = settings(Path(work), fetchers)
    read = config.loads({"bench.tpc": CONFIG}, check_expression=check_expression)
    store = DiskStore(Path(objects))
    worker = _worker(given, read, store, Path(work) / "tmp")
    engine = convert.open_engine(worker.folder, memory_mb=given.memory_mb, threads=given.threads)
    batches = list(_batches(messages(Path(objects))))
    total = Report()
    watch = Stopwatch()
    worker._engine = _Timed(engine, watch) if watched else engine  # type: ignore[assignment]
    if watched:
        worker.step = watch
    wall, cpu = time.perf_counter(), time.process_time()
    for batch in batches:
        _add(total, worker.handle(batch))
    watch("end")
    seconds, spent = time.perf_counter() - wall, time.process_time() - cpu
    if total.again or total.bad:
        raise RuntimeError(f"not collected: {list(total.again.values())[:3]} {total.reasons}")
    steps = dict(watch.seconds) if watched else {}
    return {
        "events": total.stored,
        "objects": total.done,
        "commits": total.commits,
        "files": total.files,
        "seconds": seconds,
        "cpu": spent,
        "store": store.cpu,
        "steps": steps,
    }


def settings(work: Path, fetchers: int) -> Settings:
    """The function's own defaults, with hive and ledger on disk."""
    return config.settings_from_env(
        {
            "PENSTOCK_HIVE": str(work / "hive"),
            "PENSTOCK_LEDGER": f"sqlite:///{work / 'ledger.db'}",
            "PENSTOCK_FETCHERS": str(fetchers),
        }
    )


def messages(objects: Path) -> list[tuple[str, str]]:
    """EventBridge events as queue messages (id, body), one an object."""
    made = []
    for number, path in enumerate(object_paths(objects)):
        key = path.relative_to(objects).as_posix()
        sample = samples.SampleObject(key, path.read_bytes(), None)
        made.append((str(number), json.dumps(samples.eventbridge_event("bench", sample))))
    return made


def steps_note(steps: dict[str, float]) -> str:
    """`rows 1.20 s, probe 0.30 s, …`, the longest first; what is under a hundredth is left out."""
    shown = sorted(steps.items(), key=lambda pair: -pair[1])
    return ", ".join(f"{name} {seconds:.2f}" for name, seconds in shown if seconds >= 0.01)


def _worker(given: Settings, read: Config, store: DiskStore, folder: Path) -> Worker:
    folder.mkdir(parents=True)
    return Worker(
        settings=given,
        hive=LocalHive(given.hive),
        ledger=SqliteLedger(given.ledger.removeprefix("sqlite:///")),
        clients=store,
        read_config=lambda: read,
        folder=folder,
    )


def _batches(found: Sequence[tuple[str, str]]) -> Iterator[list[tuple[str, str]]]:
    whole = iter(found)
    while batch := list(itertools.islice(whole, BATCH)):
        yield batch


def _add(total: Report, report: Report) -> None:
    for name in ("done", "bad", "stored", "files", "commits"):
        setattr(total, name, getattr(total, name) + getattr(report, name))
    total.again |= report.again
    total.reasons |= report.reasons
