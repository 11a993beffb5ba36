"""Workers that share a queue, a hive and a ledger, and die where they are told to."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

from tests.collect.rig import Rig, logs

from infra import samples
from penstock import aws, config
from penstock.collect import Worker
from penstock.errors import OutcomeUnknown
from penstock.hive import open_hive
from penstock.ledger import Ledger
from penstock.model import Commit, ObjectRef

STEPS = ("fetch", "convert", "intent", "put", "put one", "commit", "committed", "forget")
"""Every step of the path at which a worker can die; `committed` is inside the ledger's attempt, when the
transaction is through and its answer is not yet there."""


class DeathError(BaseException):
    """A worker dies: no clean-up for an Exception may hide it."""


class FrailLedger:
    """A ledger whose attempts reach `after` once they are written."""

    def __init__(self, ledger: Ledger, after: Callable[[], None]) -> None:
        self._ledger = ledger
        self._after = after

    def __getattr__(self, name: str) -> Any:
        return getattr(self._ledger, name)

    def attempt(self, commit: Commit) -> None:
        """Write it, and perhaps do not come back."""
        self._ledger.attempt(commit)
        self._after()


@dataclass
class Maker:
    """Makes workers on one deployment quickly: clients and configuration are shared, engines are not."""

    rig: Rig
    s3: Any
    ledger: Ledger
    read_config: config.Config
    environ: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, rig: Rig, **environ: str) -> Maker:
        """One with the rig's own configuration."""
        s3 = aws.client("s3", rig.store.account, pool=40)
        text = open_hive(rig.hive, s3).read_bytes("_config/main.tpc").decode()
        return cls(rig, s3, rig.open_ledger(), config.loads({"main.tpc": text}), environ)

    def __call__(self, step: Callable[[str], None]) -> Worker:
        """A worker whose steps, and `committed`, are told to `step`."""
        environ = {"PENSTOCK_HIVE": self.rig.hive, "PENSTOCK_LEDGER": self.rig.ledger, **self.environ}
        made = Worker(
            settings=config.settings_from_env(environ),
            hive=open_hive(self.rig.hive, self.s3),
            ledger=FrailLedger(self.ledger, lambda: step("committed")),
            clients=lambda _: self.s3,
            read_config=lambda: self.read_config,
        )
        made.step = step
        return made


def refuse_to_answer(name: str) -> None:
    """The answer of a commit is lost every time."""
    if name == "committed":
        raise OutcomeUnknown("the answer was lost")


@dataclass
class Fate:
    """Who dies where: each step takes `deaths` workers, chosen by a seeded coin at each chance."""

    deaths: int
    seed: int = 0
    odds: float = 0.5
    happened: Counter[str] = field(default_factory=Counter)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _random: Random = field(init=False)

    def __post_init__(self) -> None:
        self._random = Random(self.seed)

    def __call__(self, step: str) -> None:
        """Die here, or live."""
        with self._lock:
            if self.happened[step] >= self.deaths or self._random.random() > self.odds:
                return
            self.happened[step] += 1
        raise DeathError(step)


@dataclass
class Crew:
    """`size` workers that take `batch` messages at a time; what a dead one held becomes visible again."""

    make: Maker
    fate: Callable[[str], None]
    messages: list[tuple[str, str]]
    size: int = 8
    batch: int = 20
    escaped: list[BaseException] = field(default_factory=list)
    deaths: int = 0
    _held: int = 0
    _turn: threading.Condition = field(default_factory=threading.Condition)

    def run(self) -> None:
        """Until the queue is empty; errors that are nobody's plan are raised."""
        threads = [threading.Thread(target=self._work, name=f"worker-{n}") for n in range(self.size)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if self.escaped:
            raise self.escaped[0]

    def _work(self) -> None:
        worker = self.make(self.fate)
        try:
            while taken := self._take():
                again = taken
                try:
                    report = worker.handle(taken)
                    again = [message for message in taken if message[0] in report.again]
                except DeathError:
                    self.deaths += 1
                    worker.close()
                    worker = self.make(self.fate)
                finally:
                    self._give_back(again)
        except BaseException as error:  # noqa: BLE001 - a thread's own; raised by `run`
            self.escaped.append(error)
            with self._turn:
                self.messages.clear()
        finally:
            worker.close()

    def _take(self) -> list[tuple[str, str]]:
        with self._turn:
            # Others may give back what they hold.
            self._turn.wait_for(lambda: self.messages or not self._held)
            taken, self.messages = self.messages[: self.batch], self.messages[self.batch :]
            self._held += bool(taken)
            return taken

    def _give_back(self, messages: Sequence[tuple[str, str]]) -> None:
        with self._turn:
            self.messages += messages
            self._held -= 1
            self._turn.notify_all()


def lay_out(rig: Rig, count: int) -> list[ObjectRef]:
    """Small log objects in the bucket, a tenth of them odd (bad, or with rejected rows)."""
    odd = [one for one in samples.bad_objects("crew") if one.kind in _ODD]
    sound = logs(count - len(odd), 2, "crew")
    return [rig.put(one.key, one.body) for one in (*sound, *odd)]


_ODD = ("truncated gzip", "empty", "no records", "no eventTime", "record a text", "Records missing", "zstd")


def thrice(rig: Rig, refs: Sequence[ObjectRef], seed: int) -> list[tuple[str, str]]:
    """Each object three times, in random order, a few of them two in a message."""
    deliveries = list(refs) * 3
    Random(seed).shuffle(deliveries)
    messages: list[tuple[str, str]] = []
    while deliveries:
        taken = [deliveries.pop() for _ in range(min(len(deliveries), 2 if len(messages) % 5 == 0 else 1))]
        messages.append(rig.message(*taken))
    return messages
