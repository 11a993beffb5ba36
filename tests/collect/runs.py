"""Runs as `penstock collect` makes them, on a test's deployment."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from infra.samples import SampleObject
from tests.collect.rig import PROD, Rig
from tests.faults.crew import FrailLedger

from penstock import collect, config
from penstock.collect.listed import Listed
from penstock.collect.run import Away, Outcome, Range, Watch, run
from penstock.config import Config
from penstock.model import PartitionId

NOW = dt.datetime(2026, 2, 20, tzinfo=dt.UTC)


def partition(*sources: str, more: str = "") -> str:
    """The configuration of a partition with these sources."""
    return f'partition "aws_cloudtrail_log" "prod" {{\n{"".join(sources)}{more}\n}}\n'


def bucket(name: str, more: str = "") -> str:
    """A source: a bucket."""
    return f'  source "aws_s3_bucket" {{\n    bucket = "{name}"\n{more}  }}\n'


def folder(path: Path | str, more: str = "") -> str:
    """A source: a directory."""
    return f'  source "file" {{\n    paths = ["{path}"]\n{more}  }}\n'


def lay(root: Path, objects: Sequence[SampleObject]) -> None:
    """Put the objects below a directory, under their keys."""
    for one in objects:
        path = root / one.key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(one.body)


@dataclass
class Runner:
    """One person at one deployment; `told` and `listed` are what the display was told."""

    rig: Rig
    text: str
    settings: dict[str, str] = field(default_factory=dict)
    told: list[collect.Report] = field(default_factory=list)
    listed: list[Listed] = field(default_factory=list)
    stop_at: Callable[[], bool] = lambda: False

    @property
    def config(self) -> Config:
        """The configuration."""
        return config.loads({"main.tpc": self.text})

    def worker(self, step: Callable[[str], None] | None = None) -> collect.Worker:
        """A worker as the command makes it, whose steps and `committed` are told to `step`."""
        environ = {"PENSTOCK_HIVE": self.rig.hive, "PENSTOCK_LEDGER": self.rig.ledger, **self.settings}
        found = self.config
        made = collect.prepare(
            config.settings_from_env(environ), self.rig.store.account, read_config=lambda: found
        )
        if step is not None:
            made.step = step
            made.ledger = FrailLedger(made.ledger, lambda: step("committed"))
        self.rig.workers.append(made)
        return made

    def __call__(
        self,
        start: dt.datetime | None = None,
        end: dt.datetime | None = None,
        *,
        now: dt.datetime = NOW,
        overwrite: bool = False,
        redrive: bool = False,
        step: Callable[[str], None] | None = None,
        away: Away | None = None,
        partition: PartitionId = PROD,
    ) -> Outcome:
        """Run, and come back with what became of it."""
        watch = Watch(self.listed.append, self.told.append, self.stop_at)
        worker = self.worker(step)
        asked = Range(now, start, end, overwrite, redrive)
        outcome = run(worker, self.config.partitions[partition], asked, watch, away)
        worker.close()
        return outcome


def sums(outcome: Outcome) -> tuple[int, int, int, int]:
    """Found, collected, skipped, bad."""
    return outcome.found, outcome.report.done, outcome.skipped, outcome.report.bad
