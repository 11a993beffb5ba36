"""Earlier states are asked for by version or time, for as long as the history says; then it is told."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from tests.compact.test_faults import clean, settled
from tests.compact.yard import DAY, PROD, Yard

from penstock import query
from penstock.cli import main
from penstock.compact.live import is_hidden
from penstock.errors import QueryError, UsageError

WEEK = dt.timedelta(days=7)
COUNT = "SELECT count(*), count(DISTINCT tp_id), coalesce(sum(n), 0)::BIGINT FROM login"


def place_of(yard: Yard) -> query.Place:
    """The yard's hive, to be queried."""
    return query.Place(
        yard.folder / "reader" / "c.ducklake", yard.ledger, yard.hive.root, yard.source,
        {"login": yard.table.all_columns()}, lambda: None, yard.folder / "spill",
    )  # fmt: skip


def asked(yard: Yard, at: dt.datetime | int) -> tuple[object, ...]:
    """Count, distinct ids and a sum at an earlier state."""
    session = query.open_earlier(place_of(yard), at)
    (one,) = query.prepare(session, COUNT)
    try:
        return next(query.batches(query.run(session, one), ["#1", "#2", "#3"]))[0]
    finally:
        session.close()


def told(yard: Yard) -> tuple[object, ...]:
    """The same of the newest state."""
    numbers = [n for (n,) in yard.rows(columns="n")]
    return len(numbers), len(set(numbers)), sum(numbers)


States = dict[int, tuple[object, ...]]


def eventful(yard: Yard, history: dt.timedelta) -> tuple[States, dict[dt.datetime, int]]:
    """Rows come, are merged, shown, expire: what was live at each version, and when it was made."""
    states: States = {}
    times: dict[dt.datetime, int] = {}

    def note() -> None:
        head = yard.ledger.head(PROD).version
        states[head], times[yard.now()] = told(yard), head
        yard.turn(minutes=10)

    for n in range(2):
        for _ in range(3):
            yard.collect(1, 10, DAY - dt.timedelta(days=n))
            note()
        yard.compactor(history=history).run()
        note()
        yard.turn(hours=2)
    yard.retention = 3
    yard.compactor(history=history).run()
    note()
    yard.retention = None
    yard.turn(hours=2)
    yard.compactor(history=history).run()
    note()
    return states, times


def test_every_state_of_the_history(yard: Yard) -> None:
    """By version and by time, whatever merged, showed and expired since; nothing of it is cleaned away."""
    states, times = eventful(yard, WEEK)
    assert len(set(states.values())) > 5
    yard.turn(days=3)
    report = yard.compactor(history=WEEK).run()
    assert (report.deleted, report.dropped) == (0, 0)
    for version, expected in states.items():
        assert asked(yard, version) == expected, version
    for time, version in times.items():
        assert asked(yard, time) == states[version]
    assert asked(yard, min(times) - dt.timedelta(days=1)) == (0, 0, 0)
    assert asked(yard, yard.now()) == told(yard)


def test_files_go_when_the_history_is_over(yard: Yard) -> None:
    """Then the state is refused, with what went and when; the log forgets it in the end."""
    states, times = eventful(yard, WEEK)
    yard.turn(days=8)
    compactor = yard.compactor(history=WEEK, worth=10**9)
    assert compactor.run().flipped > 0
    first = min(states)
    with pytest.raises(UsageError, match=f"of version {first} were removed by version .*PENSTOCK_HISTORY"):
        asked(yard, first)
    newest = yard.ledger.head(PROD).version
    assert asked(yard, newest) == told(yard)
    for _ in range(3):
        yard.turn(days=9)
        yard.compactor(history=WEEK).run()
    begins = yard.ledger.begins(PROD)
    assert begins > first
    with pytest.raises(UsageError, match=f"found version {first}, expected {begins} to"):
        asked(yard, first)
    with pytest.raises(UsageError, match="its log begins at"):
        asked(yard, min(times))
    with pytest.raises(UsageError, match="expected"):
        asked(yard, 10**6)
    settled(yard)
    clean(yard)


def test_readers_that_glob_wait_for_the_history(yard: Yard) -> None:
    """A merge is shown to them when what it replaces may go: before, they would see rows twice."""
    yard.collect(4, 10)
    ids = yard.globbed()
    yard.compactor(history=WEEK).run()
    yard.turn(days=6)
    yard.compactor(history=WEEK).run()
    assert all(map(is_hidden, yard.live()))
    assert yard.globbed() == ids
    yard.turn(days=2)
    yard.compactor(history=WEEK).run()
    assert not any(map(is_hidden, yard.live()))
    assert yard.globbed() == ids


def test_a_file_that_went_meanwhile_has_a_reason(yard: Yard) -> None:
    """A query of the past that meets a gap says why."""
    old = yard.collect(2, 10)[0]
    yard.compactor().run()
    Path(yard.hive.root, old.path).unlink()
    session = query.open_earlier(place_of(yard), 2)
    (one,) = query.prepare(session, "SELECT max(who) FROM login")
    with pytest.raises(QueryError, match="PENSTOCK_HISTORY_SECONDS"):
        list(query.batches(query.run(session, one), ["#1"]))
    session.close()


@pytest.fixture
def run(yard: Yard, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Call the command line on the yard's hive."""
    text = f'workspace "default" {{\n  hive = "{yard.hive.root}"\n  ledger = "{yard.source}"\n}}\n'
    (yard.folder / "config").mkdir()
    (yard.folder / "config" / "main.tpc").write_text(text)
    monkeypatch.setenv("PENSTOCK_CONFIG_PATH", str(yard.folder / "config"))
    monkeypatch.setenv("HOME", str(yard.folder))
    return lambda *arguments: CliRunner().invoke(main, ["query", *arguments])


def test_the_command(yard: Yard, run: Callable[..., Result]) -> None:
    """Versions, dates and relative times; what cannot be is refused by name."""
    yard.collect(3, 10)
    count = "select count(*) from login"
    form = ("--output", "csv", "--no-header")
    for at, rows in (("1", 10), ("2", 20), ("3", 30), ("2030-01-01", 30)):
        done = run("--at", at, *form, count)
        assert (done.exit_code, done.stdout.strip()) == (0, str(rows)), done.output
    for at, said in (("4", "found version 4, expected up to 3"), ("soon", "--at: ")):
        done = run("--at", at, count)
        assert (done.exit_code, said in done.output) == (254, True), done.output
    done = run("--at", "1", "--engine", "athena", count)
    assert (done.exit_code, "--at" in done.output) == (254, True)
    explained = run("--at", "1", "--explain", "select n from login")
    assert "at most 1 of 1 files" in explained.output, explained.output
