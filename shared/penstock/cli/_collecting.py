"""Shows a run of `penstock collect`: progress on a terminal, what came of each partition at the end."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from types import TracebackType
from typing import Any, Self, TextIO

from rich.console import Console
from rich.filesize import decimal
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from penstock.collect.listed import Listed
from penstock.collect.report import Report
from penstock.collect.run import Outcome
from penstock.errors import UsageError
from penstock.model import PartitionId
from penstock.query.filters import matching

__all__ = ["Display", "as_json", "choose", "show"]

_REASONS_SHOWN = 5


def choose(known: Sequence[PartitionId], names: Sequence[str]) -> list[PartitionId]:
    """Those that any of the names means, in their own order; all of them without names.

    UsageError for a name that means none, with those there are.
    """
    chosen: set[PartitionId] = set()
    for name in names:
        found = matching(known, name)
        if not found:
            there = ", ".join(map(str, known)) or "none is configured"
            raise UsageError(f"found no partition {name!r}, expected one of: {there}")
        chosen |= found
    return [partition for partition in known if partition in chosen or not names]


class Display:
    """Progress of one partition after the other on `err`, if it is a terminal and wanted; a context."""

    def __init__(self, err: TextIO, *, wanted: bool) -> None:
        self._console = Console(file=err, highlight=False)
        self._shown = wanted and err.isatty()
        self._bar: Progress | None = None
        self._task = TaskID(0)
        self._sums = {"rows": 0, "bytes": 0, "rejected": 0}

    def __enter__(self) -> Self:
        """Begin."""
        if self._shown:
            self._bar = Progress(
                TextColumn("{task.description}"),
                BarColumn(),
                TextColumn("{task.completed:,.0f}/{task.total:,.0f} objects"),
                TextColumn(
                    "{task.fields[rows]:,} rows  {task.fields[size]}  {task.fields[rejected]:,} rejected"
                ),
                TextColumn("{task.fields[rate]}"),
                TimeRemainingColumn(),
                console=self._console,
                transient=True,
            )
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Take it away."""
        if self._bar is not None:
            self._bar.stop()

    def begin(self, name: str) -> None:
        """Another partition: it is being listed."""
        self._sums = dict.fromkeys(self._sums, 0)
        if self._bar is not None:
            for task in self._bar.task_ids:
                self._bar.remove_task(task)
            fields: dict[str, Any] = {"rows": 0, "size": decimal(0), "rejected": 0, "rate": "listing"}
            self._task = self._bar.add_task(escape(name), total=0, **fields)

    def found(self, count: int) -> None:
        """It is being listed, and so many were found."""
        if self._bar is not None:
            self._bar.update(self._task, rate=f"listing: {count:,} found", refresh=True)

    def listed(self, listed: Listed) -> None:
        """It is known what there is to do."""
        if self._bar is not None:
            plan = f"{listed.wanted:,} objects ({decimal(listed.bytes)}) to collect, {listed.known:,} known"
            self._bar.console.print(plan)
            self._bar.update(self._task, total=listed.wanted, rate="")

    def tell(self, report: Report) -> None:
        """More is done."""
        if self._bar is None:
            return
        for name in self._sums:
            self._sums[name] += getattr(report, name)
        self._bar.update(
            self._task,
            advance=report.objects,
            rows=self._sums["rows"],
            size=decimal(self._sums["bytes"]),
            rejected=self._sums["rejected"],
        )
        speed = next(task.speed for task in self._bar.tasks if task.id == self._task)
        self._bar.update(self._task, rate=f"{speed:,.0f}/s" if speed else "")


def show(outcome: Outcome, out: TextIO, err: TextIO) -> None:
    """One partition's end: the sums on `out`, on `err` what someone must look at."""
    report, name = outcome.report, str(outcome.partition)
    sent = f", {outcome.sent:,} sent to the queue" if outcome.state == "sent" else ""
    done = {"failed": " (failed)", "cancelled": " (cancelled)"}.get(outcome.state, "")
    out.write(
        f"{name}{done}: {outcome.found:,} objects found, {report.done:,} collected, "
        f"{outcome.skipped:,} skipped, {report.bad:,} bad{sent}; {report.rows:,} rows read, "
        f"{report.stored:,} stored, {report.filtered:,} filtered, {report.rejected:,} rejected; "
        f"{report.files:,} files; {outcome.seconds:.1f} s\n"
    )
    for note in outcome.notes:
        err.write(f"{name}: {note}\n")
    reasons = [f"bad object {identity}: {reason}" for identity, reason in report.reasons.items()]
    for text in (*_short(outcome.messages), *_short(reasons)):
        err.write(f"{name}: {text}\n")
    if outcome.bad_before and not report.reasons:
        err.write(
            f"{name}: {outcome.bad_before:,} objects are known as bad; `penstock partition show {name}` says "
            "why, --redrive tries them again\n"
        )


def _short(texts: Sequence[str]) -> list[str]:
    more = len(texts) - _REASONS_SHOWN
    return [*texts[:_REASONS_SHOWN], *([f"and {more:,} more (--output json tells all)"] if more > 0 else [])]


def as_json(outcomes: Sequence[Outcome]) -> str:
    """Everything as one JSON document; its names are those of the text."""
    return json.dumps({"partitions": [_told(outcome) for outcome in outcomes]}, indent=2)


def _told(outcome: Outcome) -> dict[str, Any]:
    report = asdict(outcome.report)
    return {
        "partition": str(outcome.partition),
        "state": outcome.state,
        "objects": {
            "found": outcome.found,
            "collected": report["done"],
            "skipped": outcome.skipped,
            "bad": report["bad"],
            "sent": outcome.sent,
        },
        "rows": {
            "read": report["rows"],
            **{name: report[name] for name in ("stored", "filtered", "rejected")},
        },
        **{name: report[name] for name in ("bytes", "files", "commits")},
        "seconds": round(outcome.seconds, 3),
        "bad": report["reasons"],
        "messages": [*outcome.messages, *outcome.notes],
    }
