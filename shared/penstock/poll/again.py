"""Collects a range of a log group again and replaces its rows in one commit.

    events of the range and of a day around it ─▶ the rows whose own time lies in the range ─▶ staged
    live files with rows of these streams of that time ─▶ their other rows, written anew
    one commit: old files out, new files in, the position where it was seen

A row has a time of its own, and not that of its event, so events around the range are asked for too.
The range ends where the next poll begins to look: what comes late behind that is its own.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from penstock import aws, convert
from penstock.collect.landing import commit_id, delete, forget
from penstock.collect.overwrite import Stopped
from penstock.collect.reach import Gathered
from penstock.collect.replaced import Origin, live_files, remember
from penstock.collect.report import Report, add
from penstock.collect.staging import Staged, Swap, stage_texts, swap, take_back
from penstock.errors import OutcomeUnknown, Retry
from penstock.listing import Window
from penstock.model import REJECTED_TABLE, CursorMove
from penstock.poll import cloudwatch
from penstock.poll.memory import Memory
from penstock.sources.aws_cloudwatch_log_group import LogGroupSource
from penstock.sql import timestamp

if TYPE_CHECKING:
    from penstock.collect.worker import Worker
    from penstock.config import Partition

__all__ = ["Again"]

_AROUND = 86_400_000  # ms; rows whose time is further from that of their event would be lost
_ATTEMPTS = 5


@dataclass(slots=True)
class Again:
    """A range (ms) of a group to collect again, below `memory`'s floor; `text` is the position as seen."""

    worker: Worker
    partition: Partition
    source: LogGroupSource
    group: str
    client: Any
    text: str
    memory: Memory
    start: int
    end: int
    tick: Callable[[], None]
    source_of: Callable[[str, bytes, str, Sequence[int]], convert.Source]
    report: Report
    staged: Staged = field(init=False)

    def replace(self) -> None:
        """Do it. Retry and what `tick` raises: nothing was replaced. OutcomeUnknown: it may have been."""
        now = self.worker.now()
        self.staged = Staged(commit_id(now), now)
        told = Report()
        try:
            self._stage(self.start - _AROUND, self.start, told)
            self._stage(self.start, self.end, told)
            self._stage(self.end, self.end + _AROUND, told)
            swap(self.worker, self.partition, self.staged, self._look, told, _ATTEMPTS)
        except OutcomeUnknown:
            raise  # it may have been committed: the files stay, and the intent with them
        except (OSError, *aws.AwsError, Retry):
            take_back(self.worker, self.staged, certain=False)
            raise
        except Stopped:
            take_back(self.worker, self.staged, certain=True)
            raise
        add(self.report, told)
        self.worker.step("forget")
        forget(self.worker, self.staged.name, self.staged.paths)

    def _stage(self, start: int, end: int, told: Report) -> None:
        """Put the rows of the events from `start` to `end`, as far as they lie in the range."""
        inside = self.start <= start < self.end
        source = replace(self.source, overlap=0)
        known = {mark for _, mark in self.memory.seen}
        memory, more = Memory(start, start), True
        while more:
            self.tick()
            batch = cloudwatch.read(
                self.client, source, self.group, memory, end, self.tick,
                # What the next poll will be given is left to it.
                lambda at, mark: at < self.memory.floor or mark in known,
            )  # fmt: skip
            texts = [
                self.source_of(stream, lines, f"{self.staged.name}-{memory.until}", batch.times[stream])
                for stream, lines in batch.texts.items()
            ]
            if texts:
                self._put(texts, told, inside=inside)
            memory, more = batch.memory, batch.more

    def _put(self, texts: list[convert.Source], told: Report, *, inside: bool) -> None:
        own = "" if self.partition.filter is None else f"({self.partition.filter}\n) AND "
        narrowed = replace(self.partition, filter=f"{own}{self._condition()}")
        fresh, before = Report(), len(self.staged.files)
        with self.worker.workplace() as folder:
            stage_texts(self.worker, narrowed, Gathered(sources=texts), folder, self.staged, fresh)
        if self.staged.bad:
            raise Retry(f"{self.staged.bad[0].identity}: {self.staged.bad[0].reason}")
        self.staged.records.clear()  # a poll marks none
        if not inside:
            fresh = Report(rows=fresh.stored, stored=fresh.stored, files=fresh.files)
            # Rejected rows have the times of their events: those around the range are not its own.
            dropped = [file for file in self.staged.files[before:] if file.table == REJECTED_TABLE]
            self.staged.files[before:] = [one for one in self.staged.files[before:] if one not in dropped]
            delete(self.worker, [file.path for file in dropped])
        add(told, fresh)

    def _look(self, folder: Path) -> Swap:
        """What stands of the range now."""
        name = cloudwatch.cursor_name(self.source, self.group)
        if self.worker.ledger.cursor(self.partition.id, name) != self.text:
            raise Retry(
                f"log group {self.group}: it was polled meanwhile; nothing was replaced, run it again"
            )
        head = self.worker.ledger.head(self.partition.id).version
        window = Window(_time(self.start), _time(self.end))
        files = live_files(self.worker.ledger, self.partition.id, (), window, head)
        streams = cloudwatch.streams(self.client, self.source, self.group, 0, self.tick)
        origins = [Origin(self.source.type, self.group, stream, archive=False) for stream in streams]
        taken = f"({remember(self.worker.engine(), origins, folder)} AND {self._condition()})"
        move = CursorMove(name, self.text, self.text)
        return Swap(head, [*files.values()], taken, cursor=move)

    def _condition(self) -> str:
        start, end = (timestamp(_time(at)) for at in (self.start, self.end))
        return f"tp_timestamp >= {start} AND tp_timestamp < {end}"


def _time(ms: int) -> dt.datetime:
    return dt.datetime.fromtimestamp(ms / 1000, dt.UTC)
