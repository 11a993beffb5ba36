"""G1 exactly once: whatever step a worker dies at, however often and concurrently it is delivered."""

from __future__ import annotations

import datetime as dt
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from tests.collect import rig as rigs
from tests.collect.rig import PROD, Rig, differences
from tests.collect.store import Fault, Store
from tests.faults.crew import (
    STEPS,
    Crew,
    DeathError,
    Fate,
    Maker,
    lay_out,
    refuse_to_answer,
    thrice,
)

from penstock.collect import Report, Worker
from penstock.hive import open_hive
from penstock.model import REJECTED_TABLE, ObjectRef

KINDS = ("sqlite", "dynamodb")


def _live(step: str) -> None:
    """Nobody dies."""


def clean(rig: Rig, refs: Sequence[ObjectRef], folder: Path) -> Rig:
    """The same objects of the same bucket, collected once by one worker, in a hive of their own."""
    made = rigs.make(rig.store, folder, kind="sqlite", bucket=rig.bucket)
    worker = Maker.of(made)(_live)
    assert worker.handle([made.message(*refs)]).again == {}
    worker.close()
    return made


def same(rig: Rig, other: Rig, refs: Sequence[ObjectRef]) -> None:
    """Rows, rejected rows and records of both are equal, and what the dead left behind is no reader's."""
    for table in (PROD.table, REJECTED_TABLE):
        assert differences(rig.rows(table), other.rows(table)) == (0, 0)
    records, expected = rig.records(refs), other.records(refs)
    assert records.keys() == expected.keys() == {ref.key for ref in refs}
    for key, record in records.items():
        one = expected[key]
        assert (record.state, record.stored, record.rejected) == (one.state, one.stored, one.rejected)
    rig.check(refs)
    live = {file.path for file in rig.live()}
    assert live <= rig.standing()
    assert rig.standing() - live <= {path for intent in rig.intents() for path in intent.paths}


@pytest.fixture(params=KINDS)
def shared(request: pytest.FixtureRequest, store: Store, tmp_path: Path) -> Iterator[Rig]:
    """A deployment of each kind."""
    store.faults.clear()
    made = rigs.make(store, tmp_path, kind=request.param)
    yield made
    made.close()


@pytest.mark.parametrize("step", STEPS)
def test_g1_death_at_each_step(shared: Rig, tmp_path: Path, step: str) -> None:
    """A worker that dies there, and one that finds what it left: the rows are those of a clean pass."""
    refs = lay_out(shared, 14)
    message = shared.message(*refs)
    make = Maker.of(shared, PENSTOCK_COMMIT_OBJECTS="10")
    victim = make(Fate(deaths=1, odds=1.0) if step == "fetch" else _only(step))
    with pytest.raises(DeathError):
        victim.handle([message])
    victim.close()

    left = shared.standing() - {file.path for file in shared.live()}
    named = {path for intent in shared.intents() for path in intent.paths}
    was_put, was_committed = step in ("put one", "commit"), step in ("committed", "forget")
    assert (bool(left), bool(named), bool(shared.live())) == (
        was_put,
        step in ("put", "put one", "commit", "committed", "forget"),
        was_committed,
    )
    assert left <= named

    survivor = make(_live)
    report = survivor.handle([message])
    survivor.close()
    assert report.again == {}
    assert report.known == (10 if was_committed else 0)
    same(shared, clean(shared, refs, tmp_path), refs)


def test_g2_a_worker_that_slept_for_a_day(shared: Rig, tmp_path: Path) -> None:
    """A laptop that was shut between put and commit commits no file that was cleared meanwhile."""
    refs = lay_out(shared, 14)
    make, clock = Maker.of(shared), dt.datetime.now(dt.UTC)

    def sleeps(step: str) -> None:
        nonlocal clock
        if step == "commit":
            clock += dt.timedelta(hours=25)
            for path in (path for intent in shared.intents() for path in intent.paths):
                open_hive(shared.hive, make.s3).delete(path)  # as `compact.clean` does

    sleeper = make(sleeps)
    sleeper.now = lambda: clock
    report = sleeper.handle([shared.message(*refs)])
    sleeper.close()
    assert "too long ago" in next(iter(report.again.values()))
    assert shared.standing() == set()
    awake = make(_live)
    assert awake.handle([shared.message(*refs)]).again == {}
    awake.close()
    same(shared, clean(shared, refs, tmp_path), refs)


def _only(step: str) -> Fate:
    """Dies at that step, the first time."""
    fate = Fate(deaths=1, odds=1.0)
    fate.happened.update({other: 1 for other in STEPS if other != step})
    return fate


@pytest.mark.parametrize("answered", ["never", "once more"])
def test_g1_lost_answers(shared: Rig, tmp_path: Path, answered: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A commit that was written and not answered is never written again, nor are its files deleted."""
    monkeypatch.setattr("penstock.ledger.commit.clock.sleep", lambda _: None)
    refs = lay_out(shared, 14)
    make = Maker.of(shared)
    lost: list[str] = []

    def once(step: str) -> None:
        if answered == "never" or not lost:
            lost.append(step)
            refuse_to_answer(step)

    worker = make(lambda step: once(step) if step == "committed" else None)
    worker.handle([shared.message(*refs)])
    assert lost
    worker.close()
    other = make(_live)
    report = other.handle([shared.message(*refs)])
    assert (report.known, report.done, report.again) == (14, 0, {})
    other.close()
    same(shared, clean(shared, refs, tmp_path), refs)
    assert shared.open_ledger().head(PROD).version == 1


def test_g1_two_workers_at_once(shared: Rig, tmp_path: Path) -> None:
    """Who commits second writes anew without what was taken; when all was, nothing is left of it."""
    refs = lay_out(shared, 14)
    make = Maker.of(shared)
    reports: list[Report] = []

    def overtaken(others: Sequence[ObjectRef]) -> Worker:
        def step(name: str) -> None:
            if name == "commit" and not reports:
                reports.append(first.handle([shared.message(*others)]))

        return make(step)

    first = make(_live)
    second = overtaken(refs[:5])
    report = second.handle([shared.message(*refs)])
    assert (reports[0].done + reports[0].bad, report.done + report.bad, report.known) == (5, 9, 5)
    assert (report.commits, report.again) == (1, {})
    second.close()

    reports.clear()
    more = [shared.put(one.key, one.body) for one in rigs.logs(3, 2, "more")]
    third = overtaken(more)
    report = third.handle([shared.message(*more)])
    assert (report.done, report.known, report.commits, report.again) == (0, 3, 0, {})
    third.close()
    first.close()
    assert shared.standing() == {file.path for file in shared.live()}
    assert shared.intents() == []
    everything = [*refs, *more]
    same(shared, clean(shared, everything, tmp_path), everything)


def _many(rig: Rig, folder: Path, *, objects: int, deaths: int, batch: int) -> None:
    refs = lay_out(rig, objects)
    fate = Fate(deaths=deaths, seed=objects)
    crew = Crew(Maker.of(rig, PENSTOCK_COMMIT_OBJECTS="25"), fate, thrice(rig, refs, seed=7), batch=batch)
    crew.run()
    # Late duplicates: steps that died too seldom get their chance, and nothing more is added.
    assert crew.deaths == sum(fate.happened.values())
    assert dict(fate.happened) == dict.fromkeys(STEPS, deaths)
    same(rig, clean(rig, refs, folder), refs)


def test_g1_eight_workers_and_a_death_at_every_step(shared: Rig, tmp_path: Path) -> None:
    """300 objects, each delivered three times in random order: what one clean pass gives."""
    _many(shared, tmp_path, objects=300, deaths=2, batch=25)


@pytest.mark.soak
def test_g1_soak(shared: Rig, tmp_path: Path) -> None:
    """The same with 10,000 objects; 2,000 on moto, whose transactions copy the whole table each time."""
    objects = 10_000 if shared.ledger.startswith("sqlite") else 2_000
    _many(shared, tmp_path, objects=objects, deaths=12, batch=100)


def test_g1_processes_killed(shared: Rig, tmp_path: Path) -> None:
    """Real processes on the same objects, all at once, each killed at another step by SIGKILL."""
    refs = lay_out(shared, 40)
    environ = {
        **os.environ,
        "PENSTOCK_HIVE": shared.hive,
        "PENSTOCK_LEDGER": shared.ledger,
        "PENSTOCK_COMMIT_OBJECTS": "8",
        "STORE": shared.store.url,
    }
    victims = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.faults.victim", step],
            env=environ,
            cwd=Path(__file__).parents[2],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for step in ("convert", "put", "put one", "commit", "committed", "forget")
    ]
    for victim in victims:
        assert victim.stdout is not None
        assert victim.stdout.readline() == "ready\n"
    for victim in victims:
        assert victim.stdin is not None
        victim.stdin.write(json.dumps([shared.message(*refs)]) + "\n")
        victim.stdin.flush()
    for victim in victims:
        victim.communicate(timeout=120)
    # There are more commits to make than victims that live to make one, so each finds its death.
    assert [victim.returncode for victim in victims] == [-signal.SIGKILL] * len(victims)
    worker = Maker.of(shared)(_live)
    assert worker.handle([shared.message(*refs)]).again == {}
    worker.close()
    same(shared, clean(shared, refs, tmp_path), refs)


def test_g1_nothing_of_the_hive_is_read_while_collecting(rig: Rig) -> None:
    """What a worker puts it never reads again: a file without a commit misleads nobody."""
    refs = lay_out(rig, 14)
    rig.store.asked()
    assert rig.worker().handle([rig.message(*refs)]).again == {}
    bucket = rig.hive.removeprefix("s3://").partition("/")[0]
    read = [what for operation, what in rig.store.asked() if operation == "GET" and what.startswith(bucket)]
    assert read == [f"{bucket}/root/_config/main.tpc"]


def test_crew_raises_what_nobody_planned(rig: Rig) -> None:
    """The crew itself does not hide errors: a step that raises one ends the run with it."""
    refs = lay_out(rig, 14)
    crew = Crew(Maker.of(rig), _broken, [rig.message(ref) for ref in refs], size=2)
    with pytest.raises(RuntimeError, match="nobody planned"):
        crew.run()
    assert threading.active_count() >= 1


def _broken(step: str) -> None:
    raise RuntimeError("nobody planned this")


def test_faults_reach_the_workers(shared: Rig, tmp_path: Path) -> None:
    """Eight workers under resets, 503 and cut bodies: what one clean pass gives."""
    refs = lay_out(shared, 60)
    shared.store.faults += [
        Fault("slow down", "GET", f"{shared.bucket}/", times=5),
        Fault("cut", "GET", f"{shared.bucket}/", times=5),
        Fault("reset", "GET", f"{shared.bucket}/", times=5),
    ]
    Crew(Maker.of(shared), _live, thrice(shared, refs, seed=3), batch=10).run()
    assert [fault.times for fault in shared.store.faults] == [0, 0, 0]
    same(shared, clean(shared, refs, tmp_path), refs)
