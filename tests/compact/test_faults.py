"""Whatever step compaction dies at: run again, run twice, run two at once, the rows are the same (G3)."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

import pytest
from tests.compact.yard import DAY, PROD, Yard

from penstock.compact.clean import abandoned, clear
from penstock.compact.live import is_hidden
from penstock.compact.tail import read
from penstock.errors import OutcomeUnknown

STEPS = (
    "fetch", "merge", "intent", "put", "put one", "commit", "committed", "forget", "publish", "checkpoint",
)  # fmt: skip
FLIP_STEPS = (
    "flip intent", "copy", "copy one", "flip commit", "committed", "delete one", "flip forget", "clean",
    "note", "publish", "checkpoint",
)  # fmt: skip


AT_THE_STORE = ("put one", "commit", "committed", "copy one", "flip commit", "delete one", "note")
"""Steps at which what is left behind depends on the store: these die on S3 and DynamoDB too."""


def both(steps: Sequence[str]) -> list[tuple[str, str]]:
    """(store, step): every step on SQLite, some on DynamoDB."""
    return [("sqlite", step) for step in steps] + [("dynamodb", one) for one in steps if one in AT_THE_STORE]


class DeathError(BaseException):
    """A worker dies: no clean-up for an Exception may hide it."""


def dying(step: str) -> Callable[[str], None]:
    """Dies at that step, every time."""

    def told(name: str) -> None:
        if name == step:
            raise DeathError(step)

    return told


def settled(yard: Yard) -> None:
    """Let all graces pass, and run until nothing is owed and nothing is left behind.

    What came late is merged where it was collected, follows its day to the tier, is merged there: each
    takes two rounds, one more deletes the last hidden name.
    """
    compactor = yard.compactor()
    for _ in range(8):
        yard.turn(hours=30)
        assert compactor.run().failed == {}
        tail = read(yard.ledger, PROD)
        if not tail.flips and not tail.removed and not [*yard.ledger.intents(yard.now())]:
            return
    raise AssertionError(f"not settled: {tail}")


def clean(yard: Yard) -> None:
    """What stands is what is live, all of it in sight, and nobody owes or intends anything."""
    live = yard.live()
    assert set(live) == yard.standing() == yard.shown()
    tail = read(yard.ledger, PROD)
    assert (tail.flips, tail.removed) == ((), ())
    assert list(yard.ledger.intents(yard.now())) == []


@pytest.mark.parametrize(("either", "step"), both(STEPS), indirect=["either"])
def test_g3_death_in_a_merge(either: Yard, step: str) -> None:
    """Dying at any step of merge and publication changes no row; the next run makes up for it."""
    either.collect(12, 30)
    before = either.rows()
    with pytest.raises(DeathError):
        either.compactor(dying(step)).run()
    assert either.rows() == before
    either.turn(minutes=30)  # the dead one's lease runs out
    report = either.compactor().run()
    assert report.failed == {}
    assert either.rows() == before
    (file,) = either.live().values()
    assert is_hidden(file.path)
    settled(either)
    assert either.rows() == before
    clean(either)


@pytest.mark.parametrize(("either", "step"), both(FLIP_STEPS), indirect=["either"])
def test_g3_death_in_a_flip(either: Yard, step: str) -> None:
    """Dying at any step of flip and clean-up hides no row from either kind of reader."""
    either.collect(6, 30)
    before = either.rows()
    either.compactor().run()
    either.turn(hours=2)
    with pytest.raises(DeathError):
        either.compactor(dying(step)).run()
    assert either.rows() == before
    ids = {row[0] for row in either.rows(columns="tp_id")}
    assert {row[0] for row in either.rows(sorted(either.shown()), "tp_id")} == ids
    either.turn(minutes=30)
    assert either.compactor().run().failed == {}
    assert either.rows() == before
    assert either.rows(sorted(either.shown())) == before
    settled(either)
    assert either.rows() == before
    clean(either)


def test_g2_a_merge_that_slept_for_a_day(either: Yard) -> None:
    """Shut between put and commit, it commits no file that was cleared meanwhile; the next run merges."""
    either.collect(12, 30)
    before = either.rows()

    def sleeps(step: str) -> None:
        if step == "commit":
            either.turn(hours=25)
            awake = either.compactor()
            intents = abandoned(awake.site)
            assert clear(awake.site, intents, awake.live(awake.look(either.config()))).files == 1

    (reason,) = either.compactor(sleeps).run().failed.values()
    assert "too long ago" in reason
    assert either.rows() == before
    settled(either)
    assert either.rows() == before
    clean(either)


@pytest.mark.parametrize("step", ["expire", "committed"])
def test_g3_death_in_expiry(either: Yard, step: str) -> None:
    """Dying before or in the commit of a day leaves it whole or gone; the next run ends it."""
    either.collect(2, 10)
    either.collect(2, 10, day=DAY.replace(day=1))
    kept = either.rows([path for path, file in either.live().items() if file.tp_date == DAY])
    either.retention = 20
    with pytest.raises(DeathError):
        either.compactor(dying(step)).run()
    assert len(either.rows()) == (40 if step == "expire" else 20)
    settled(either)
    assert either.rows() == kept
    clean(either)


def test_g3_answers_are_lost(either: Yard, monkeypatch: pytest.MonkeyPatch) -> None:
    """A commit whose answer never comes is neither undone nor done twice."""
    monkeypatch.setattr("penstock.ledger.commit.clock.sleep", lambda _: None)
    either.collect(6, 30)
    before = either.rows()

    def lost(name: str) -> None:
        if name == "committed":
            raise OutcomeUnknown("the answer was lost")

    for _ in range(3):
        either.compactor(lost).run()
        assert either.rows() == before
        either.turn(hours=2)
    settled(either)
    assert either.rows() == before
    clean(either)


def test_g3_two_at_once(either: Yard) -> None:
    """Four compactors at one hive while files come: each row stands once, none is lost."""
    either.collect(10, 20)
    errors: list[BaseException] = []

    def work() -> None:
        try:
            compactor = either.compactor()
            for _ in range(2):
                compactor.run()
        except BaseException as error:  # noqa: BLE001 - a thread's own; raised below
            errors.append(error)

    for _ in range(3):
        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        either.collect(3, 20)
        for thread in threads:
            thread.join()
        either.turn(hours=2)
    assert errors == []
    rows = either.rows(columns="tp_id")
    assert len(rows) == len(set(rows)) == 380
    settled(either)
    assert either.rows(columns="tp_id") == rows
    clean(either)


def test_g3_overtaken_in_the_merge(either: Yard) -> None:
    """Files that another commit removed while they were merged: nothing is done, its own output goes."""
    either.collect(6, 20)
    before = either.rows()

    def overtaken(name: str) -> None:
        if name == "commit" and not other:
            other.append(1)
            for lease in list_leases(either):
                either.ledger.release(*lease)
            either.compactor().run()

    other: list[int] = []
    slow = either.compactor(overtaken)
    report = slow.run()
    assert (report.merges, report.lost) == (0, 1)
    assert either.rows() == before
    assert len(either.live()) == 1
    hidden = {path for path in either.standing() if is_hidden(path)}
    assert hidden == set(either.live())


def list_leases(yard: Yard) -> list[tuple[str, str]]:
    """(name, owner) of the lease that the slow compactor holds, as if it had run out."""
    name = f"compact#{PROD}#login#login.prod/default/{DAY}"
    return [(name, one.site.owner) for one in yard.made]


def test_g3_late_rows_while_merging(either: Yard) -> None:
    """A file that comes between plan and commit stays beside the merged ones: tried again on top."""
    either.collect(6, 20)

    def late(name: str) -> None:
        if name == "commit":
            either.collect(1, 20)

    report = either.compactor(late).run()
    assert (report.merges, report.lost) == (1, 0)
    assert len(either.live()) == 2
    assert len(either.rows()) == 140
