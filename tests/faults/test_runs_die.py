"""G1, G3: a person's run killed at every step, and one after it that finds what the dead left behind."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa
import pytest
from tests.collect import rig as rigs
from tests.collect.rig import PROD, Rig, logs
from tests.collect.runs import Runner, bucket, folder, lay, partition, sums
from tests.collect.store import Store
from tests.faults.crew import STEPS, DeathError

from penstock.model import ObjectRef

START = dt.datetime(2026, 1, 30, tzinfo=dt.UTC)
MIDNIGHT = dt.datetime(2026, 2, 1, tzinfo=dt.UTC)
FILTER = "  filter = \"event_source <> 'ec2.amazonaws.com'\"\n"


@pytest.fixture
def shared(request: pytest.FixtureRequest, store: Store, tmp_path: Path) -> Iterator[Rig]:
    """A deployment of the kind that is asked for."""
    store.faults.clear()
    made = rigs.make(store, tmp_path, kind=request.param)
    yield made
    made.close()


def dies_at(step: str, time: int) -> Callable[[str], None]:
    """Dies the so many-th time that the step is taken."""
    seen: Counter[str] = Counter()

    def watch(name: str) -> None:
        seen[name] += 1
        if name == step and seen[name] == time:
            raise DeathError(step)

    return watch


def leftovers_are_named(rig: Rig) -> None:
    """What stands in the hive and was never live is what some intent names."""
    assert {file.path for file in rig.live()} <= rig.standing()
    ever = {file.path for one in rig.open_ledger().commits(PROD, 0) for file in one.add}
    assert rig.standing() - ever <= {path for intent in rig.intents() for path in intent.paths}


# Where the stores differ is the commit; the steps before and after it are tried with one of them.
RUN = [("sqlite", step) for step in STEPS] + [("dynamodb", step) for step in ("commit", "committed")]


@pytest.mark.parametrize(("shared", "step"), RUN, indirect=["shared"])
def test_g1_a_run_killed_at_each_step(shared: Rig, tmp_path: Path, step: str) -> None:
    """The next run goes on: every row once, as of a run that nobody killed."""
    lay(tmp_path / "logs", logs(6))
    runner = Runner(shared, partition(folder(tmp_path / "logs")), {"PENSTOCK_COMMIT_OBJECTS": "3"})
    with pytest.raises(DeathError):
        runner(step=dies_at(step, 2))
    leftovers_are_named(shared)
    assert runner().state == "done"
    assert sums(runner()) == (6, 0, 6, 0)
    assert shared.rows().num_rows == sum(one.stored for one in logs(6))
    leftovers_are_named(shared)


# The second time of a step is in the middle; those that come once die at their only time.
OVERWRITE = {
    **dict.fromkeys(("fetch", "convert", "intent", "put", "put one", "rewrite"), 2),
    **dict.fromkeys(("commit", "committed", "forget", "record"), 1),
}


_STEPS = [("sqlite", step) for step in OVERWRITE]
_STEPS += [("dynamodb", step) for step in ("commit", "committed", "record")]


@pytest.mark.parametrize(("shared", "step"), _STEPS, indirect=["shared"])
def test_g3_an_overwrite_killed_at_each_step(
    shared: Rig, tmp_path: Path, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before its commit the old rows stand, all of them; after it the new ones. Then another."""
    monkeypatch.setattr("penstock.collect.staging.MAX_OBJECTS", 2)
    objects = logs(8, 6)
    refs = [shared.put(one.key, one.body) for one in objects]
    plain, filtered = (
        Runner(shared, partition(bucket(shared.bucket), more=more), {"PENSTOCK_COMMIT_OBJECTS": "3"})
        for more in ("", FILTER)
    )
    first = plain(START)
    assert (first.state, first.messages) == ("done", [])
    old = shared.rows()
    new = _range_filtered(shared, filtered.text, plain.text, tmp_path)
    with pytest.raises(DeathError):
        filtered(MIDNIGHT, overwrite=True, step=dies_at(step, OVERWRITE[step]))
    was_committed = step in ("committed", "forget", "record")
    assert rigs.differences(shared.rows(), new if was_committed else old) == (0, 0)
    leftovers_are_named(shared)
    assert filtered(MIDNIGHT, overwrite=True).state == "done"
    assert rigs.differences(shared.rows(), new) == (0, 0)
    leftovers_are_named(shared)
    _records_agree(shared, refs)


def _range_filtered(rig: Rig, filtered: str, plain: str, folder_: Path) -> pa.Table:
    """The rows as they are to be: of the range with the filter, of the rest without."""
    other = rigs.make(rig.store, folder_, kind="sqlite", bucket=rig.bucket)
    for text, start in ((filtered, MIDNIGHT), (plain, START)):
        outcome = Runner(other, text)(start)
        assert (outcome.state, outcome.messages) == ("done", [])
    return other.rows()


def _records_agree(rig: Rig, refs: list[ObjectRef]) -> None:
    """G2: what the ledger remembers of each object adds up to what is live."""
    records = rig.records(refs)
    assert len(records) == len(refs)
    assert sum(one.stored for one in records.values()) == sum(
        file.rows for file in rig.live() if file.table == PROD.table
    )
