"""One poll of a partition: each of its sources that announces nothing is asked for what is new."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from penstock import aws, convert
from penstock.collect.overwrite import Stopped
from penstock.collect.report import Report
from penstock.collect.worker import FOREVER, Worker
from penstock.config import Partition
from penstock.errors import Conflict, Retry
from penstock.listing import Window
from penstock.model import CursorMove
from penstock.poll import cloudwatch, http
from penstock.poll.again import Again
from penstock.poll.landing import land
from penstock.poll.memory import Memory
from penstock.sources import Configured
from penstock.sources.aws_cloudwatch_log_group import LogGroupSource
from penstock.sources.http import HttpSource

__all__ = ["Services", "is_polled", "poll_again", "poll_partition"]

_SPARE = 60_000  # ms an invocation keeps back: what is fetched is also converted and committed
_SETTLE = dt.timedelta(seconds=10)  # events of the last moments are still on their way
_FIRST = dt.timedelta(days=7)


class Services(Protocol):
    """Clients of AWS services by connection (`aws.<name>`) and region (None: the connection's)."""

    def __call__(self, service: str, connection: str, region: str | None) -> Any: ...


def is_polled(source: Configured) -> bool:
    """Whether a source announces nothing, and has to be asked."""
    return isinstance(source, LogGroupSource | HttpSource)


def poll_partition(
    worker: Worker,
    partition: Partition,
    services: Services,
    environ: Mapping[str, str],
    remaining_ms: Callable[[], int] = lambda: FOREVER,
    *,
    since: dt.datetime | None = None,
) -> Report:
    """Collect what the polled sources of a partition have that is new, as far as time allows.

    A log group that was never polled begins at `since`, else seven days ago. `environ` holds what
    headers name. What happens to one source is in `Report.again` by its place; another poll of it at
    the same time ends this one's turn.
    """
    report = Report()
    for source in partition.sources:
        turn = _Turn(worker, partition, services, environ, remaining_ms, report)
        try:
            if isinstance(source, LogGroupSource):
                turn.groups(source, since or worker.now() - _FIRST)
            elif isinstance(source, HttpSource):
                turn.pages(source)
        except Conflict:
            report.known += 1
        except (Retry, OSError) as error:
            report.again[source.place] = str(error)
        except aws.AwsError as error:  # of making the client: a profile or a role that is not there
            connection = getattr(source, "connection", "")
            report.again[source.place] = f"{source.place}: connection.{connection}: {error}"
    return report


def poll_again(
    worker: Worker,
    partition: Partition,
    services: Services,
    remaining_ms: Callable[[], int] = lambda: FOREVER,
    *,
    window: Window,
) -> Report:
    """Collect a range of the polled sources of a partition again, and replace its rows.

    Log groups can be asked for a range, an API of a source `http` cannot: that is in `Report.again`, as
    whatever happens to a source. Where its time is up, Stopped.
    """
    report = Report()
    for source in partition.sources:
        turn = _Turn(worker, partition, services, {}, remaining_ms, report)
        try:
            if isinstance(source, LogGroupSource):
                _require_alone(partition, source)
                turn.groups_again(source, window)
            elif isinstance(source, HttpSource):
                report.again[source.place] = (
                    f"{source.type} {source.place}: --overwrite cannot replace its rows: an API is asked for "
                    "what is new and not for a range. They stand as they are"
                )
        except (Retry, OSError, *aws.AwsError) as error:
            report.again[source.place] = f"{source.type} {source.place}: {error}"
    return report


def _require_alone(partition: Partition, source: LogGroupSource) -> None:
    """Rows tell their group and stream, and not by which of two sources they came."""
    for other in partition.sources:
        if isinstance(other, LogGroupSource) and other is not source and other.region == source.region:
            one, two = (each.group or each.prefix for each in (source, other))
            if one.startswith(two) or two.startswith(one):
                raise Retry(f"another source of the partition, {other.place}, may have the same log group")


@dataclass(slots=True)
class _Turn:
    """A poll of a partition's sources."""

    worker: Worker
    partition: Partition
    services: Services
    environ: Mapping[str, str]
    remaining_ms: Callable[[], int]
    report: Report

    def groups(self, source: LogGroupSource, since: dt.datetime) -> None:
        """Every log group of a source."""
        client = self.services("logs", source.connection, source.region)
        for group in cloudwatch.groups(client, source):
            with self._alone(source, group):
                self._group(source, group, client, since)

    @contextmanager
    def _alone(self, source: LogGroupSource, group: str) -> Iterator[None]:
        """What happens to one group keeps no other from being asked."""
        try:
            yield
        except Conflict:
            self.report.known += 1
        except (Retry, OSError) as error:
            self.report.again[f"{source.place} {group}"] = str(error)

    def _group(self, source: LogGroupSource, group: str, client: Any, since: dt.datetime) -> None:
        """Batch by batch until nothing is left, or no time."""
        name = cloudwatch.cursor_name(source, group)
        text = self.worker.ledger.cursor(self.partition.id, name)
        memory = Memory.read(text) if text else Memory(_ms(since), _ms(since))
        while self.remaining_ms() > _SPARE:
            self.worker.step("poll")
            end = max(_ms(self.worker.now() - _SETTLE), memory.until)
            batch = cloudwatch.read(client, source, group, memory, end)
            if batch.events or batch.more:
                move = CursorMove(name, text, batch.memory.text())
                with self.worker.workplace() as folder:
                    after = _digest(move.seen or "")
                    texts = [
                        self._event_text(source, group, stream, lines, after, batch.times[stream])
                        for stream, lines in batch.texts.items()
                    ]
                    land(self.worker, self.partition, texts, move, folder, self.report)
                memory, text = batch.memory, move.now
            if not batch.more:
                return

    def groups_again(self, source: LogGroupSource, window: Window) -> None:
        """A range of every log group again; one that was never polled is polled from its start."""
        client = self.services("logs", source.connection, source.region)
        since = window.start or self.worker.now() - _FIRST
        for group in cloudwatch.groups(client, source):
            with self._alone(source, group):
                self._group_again(source, group, client, since, window.end)

    def _group_again(
        self, source: LogGroupSource, group: str, client: Any, since: dt.datetime, until: dt.datetime | None
    ) -> None:
        """A range of one group again."""
        text = self.worker.ledger.cursor(self.partition.id, cloudwatch.cursor_name(source, group))
        if text is None:
            self._group(source, group, client, since)
            return
        memory = Memory.read(text)
        end = min(_ms(until) if until else memory.floor, memory.floor)
        forgotten = cloudwatch.forgotten(client, group, _ms(self.worker.now()))
        start = max(_ms(since), forgotten)
        if forgotten > _ms(since):
            until = dt.datetime.fromtimestamp(forgotten // 1000, dt.UTC)
            self.report.notes.append(
                f"log group {group}: rows before {until:%Y-%m-%d %H:%M} UTC stay as they are: its retention "
                "may have forgotten their events"
            )
        if start < end:
            Again(
                self.worker, self.partition, source, group, client, text, memory, start, end,
                tick=self._stop,
                source_of=partial(self._event_text, source, group),
                report=self.report,
            ).replace()  # fmt: skip

    def _stop(self) -> None:
        if self.remaining_ms() <= _SPARE:
            raise Stopped

    def _event_text(
        self, source: LogGroupSource, group: str, stream: str, lines: bytes, after: str, times: Sequence[int]
    ) -> convert.Source:
        """Messages of a stream; rows of them that are rejected have the times of their events."""
        modified = dt.datetime.fromtimestamp(times[-1] / 1000, dt.UTC)
        made = self._source(source, group, stream, lines, len(lines), after, modified)
        return replace(made, times=tuple(times))

    def pages(self, source: HttpSource) -> None:
        """All pages of an API that are new, in one commit."""
        told = _digest("\n".join((source.url, source.records, *sorted(source.params.values()))))
        name = f"{source.type}:{source.place}:{told}"
        text = self.worker.ledger.cursor(self.partition.id, name)
        with self.worker.workplace() as folder:
            self.worker.step("poll")
            path = folder / "records"
            batch = http.read(
                source,
                http.Seen.read(text) if text else http.Seen(),
                path,
                environ=self.environ,
                secret=lambda identifier: self._secret(source, identifier),
                most=self.worker.settings.max_inflated_bytes,
                tick=self._tick,
            )
            if not batch.records:
                return
            move = CursorMove(name, text, batch.seen.text())
            lines: Path | Iterator[bytes] = path if batch.bytes <= convert.AT_ONCE else _blocks(path)
            after = _digest(move.seen or "")
            one = self._source(source, source.place, source.url, lines, batch.bytes, after, self.worker.now())
            land(self.worker, self.partition, [one], move, folder, self.report)

    def _tick(self) -> None:
        if self.remaining_ms() <= _SPARE:
            raise Retry("no time left in this invocation")

    def _secret(self, source: HttpSource, identifier: str) -> str:
        client = self.services("secretsmanager", source.connection, None)
        try:
            return str(client.get_secret_value(SecretId=identifier)["SecretString"])
        except aws.AwsError as error:
            needed = f"secretsmanager:GetSecretValue is needed on {identifier}"
            raise Retry(f"{source.place}: {aws.code(error)}; {needed}") from error

    def _source(
        self,
        source: LogGroupSource | HttpSource,
        name: str,
        location: str,
        text: bytes | Path | Iterator[bytes],
        size: int,
        after: str,
        modified: dt.datetime,
    ) -> convert.Source:
        return convert.Source(
            # The same place polled from the same position: what a poll that died would have had.
            identity=f"{source.type}:{name}:{location}?after={after}",
            name=f"{name} {location}",
            type=source.type,
            source_name=name,
            location=location.partition("?")[0],
            text=text,
            inflated=size,
            bytes=size,
            modified=modified,
            syntax=self.partition.syntax(source),
        )


def _blocks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            yield block


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _ms(time: dt.datetime) -> int:
    return int(time.timestamp() * 1000)
