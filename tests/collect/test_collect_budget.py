"""How a batch is cut into commits, what happens when time runs out, and whose configuration counts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from tests.collect import rig as rigs
from tests.collect.rig import PROD, Rig, logs

from penstock import collect, convert
from penstock.collect import worker as workers
from penstock.collect.landing import commit_id
from penstock.collect.prepare import ConfigReader
from penstock.errors import ConfigError
from penstock.model import ObjectRef


def _put(rig: Rig, count: int, events: int = 3) -> list[ObjectRef]:
    return [rig.put(one.key, one.body) for one in logs(count, events)]


def _commits(rig: Rig) -> list[int]:
    return [commit.objects for commit in rig.open_ledger().commits(PROD, 0)]


def test_cut_by_count(rig: Rig) -> None:
    """No commit has more objects than the setting says."""
    refs = _put(rig, 7)
    assert rig.worker(commit_objects=3).handle([rig.message(*refs)]).commits == 3
    assert _commits(rig) == [3, 3, 1]
    rig.check(refs)


def test_cut_by_bytes(rig: Rig) -> None:
    """No commit has more bytes than the setting says, but for one larger object alone."""
    refs = [*_put(rig, 2), *_put(rig, 1, 60), *_put(rig, 4)[2:]]
    sizes = [ref.size or 0 for ref in refs]
    assert sizes[2] > 2 * max(sizes[0], sizes[1], sizes[3], sizes[4])
    limit = max(sizes[0] + sizes[1], sizes[3] + sizes[4])
    assert rig.worker(commit_bytes=limit).handle([rig.message(*refs)]).commits == 3
    assert _commits(rig) == [2, 1, 2]
    rig.check(refs)


def _falling(*values: int) -> Iterator[int]:
    yield from values
    while True:
        yield values[-1]


def test_time_runs_out_between_commits(rig: Rig) -> None:
    """After two commits the rest is handed back unread; the next call finishes it."""
    refs = _put(rig, 6)
    messages = [(str(number), rig.message(ref)[1]) for number, ref in enumerate(refs)]
    worker = rig.worker(commit_objects=2)
    clock = _falling(200_000, 200_000, 1_000)
    rig.store.asked()
    report = worker.handle(messages, lambda: next(clock))
    assert (report.commits, sorted(report.again)) == (2, ["4", "5"])
    assert set(report.again.values()) == {"no time left in this invocation"}
    asked = rig.store.asked()
    assert not any(ref.key in what for ref in refs[4:] for _, what in asked)
    again = worker.handle([message for message in messages if message[0] in report.again])
    assert (again.done, again.again) == (2, {})
    rig.check(refs)


def test_a_slow_call_does_not_stop_the_next(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """Time is judged within one call: a warm process works on after an hour of slow answers."""
    refs = _put(rig, 4)
    ticks = _falling(0, 500, 500, 501)
    monkeypatch.setattr(workers, "clock", SimpleNamespace(monotonic=lambda: next(ticks)))
    worker = rig.worker(commit_objects=1)
    messages = [(str(number), rig.message(ref)[1]) for number, ref in enumerate(refs)]
    first = worker.handle(messages[:2], lambda: 300_000)
    assert (first.done, list(first.again)) == (1, ["1"])
    assert worker.handle(messages[1:], lambda: 300_000).done == 3
    rig.check(refs)


def test_time_runs_out_before_a_large_object(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """An object that is read in pieces is a commit of its own: it is handed back alone."""
    monkeypatch.setattr(convert, "AT_ONCE", 64 << 10)
    monkeypatch.setattr(convert.large, "PIECE", 64 << 10)
    refs = [*_put(rig, 2), rig.put(logs(3)[2].key, logs(1, 400, "large")[0].body)]
    messages = [(str(number), rig.message(ref)[1]) for number, ref in enumerate(refs)]
    clock = _falling(200_000, 1_000)
    worker = rig.worker()
    report = worker.handle(messages, lambda: next(clock))
    assert (report.done, list(report.again)) == (2, ["2"])
    assert worker.handle(messages).done == 1
    rig.check(refs)


def test_no_time_at_all(rig: Rig) -> None:
    """With no time left everything is handed back."""
    (ref,) = _put(rig, 1)
    message = rig.message(ref)
    assert list(rig.worker().handle([message], lambda: 4_999).again) == [message[0]]
    assert rig.live() == []


def test_wrong_or_missing_configuration(rig: Rig) -> None:
    """It is refused with its place; nothing is collected, and a corrected one is taken up at once."""
    (ref,) = _put(rig, 1)
    worker = rig.worker()
    rig.configure('partition "aws_cloudtrail_log" "prod" {\n  sauce "aws_s3_bucket" {}\n}\n')
    with pytest.raises(ConfigError, match=r"main\.tpc:2"):
        worker.handle([rig.message(ref)])
    bucket, _, prefix = rig.hive.removeprefix("s3://").partition("/")
    rig.s3.delete_object(Bucket=bucket, Key=f"{prefix}/_config/main.tpc")
    with pytest.raises(ConfigError, match=r"found no \*\.tpc or \*\.hcl file"):
        worker.handle([rig.message(ref)])
    rig.configure()
    assert worker.handle([rig.message(ref)]).done == 1


def test_changed_configuration_is_picked_up(rig: Rig) -> None:
    """A new partition needs no new deployment: within a minute a warm worker knows it."""
    rig.configure(rigs.ONE_PARTITION % "another-bucket")
    (ref,) = _put(rig, 1)
    now = 1000.0
    worker = rig.worker()
    reader = worker.read_config
    assert isinstance(reader, ConfigReader)
    reader.clock = lambda: now
    assert worker.handle([rig.message(ref)]).unwanted == 1
    rig.configure()
    now += 59
    assert worker.handle([rig.message(ref)]).unwanted == 1
    now += 2
    assert worker.handle([rig.message(ref)]).done == 1


def test_a_batch_keeps_its_configuration(rig: Rig) -> None:
    """One that changes, or breaks, while a batch is fetched is the next one's."""
    (ref,) = _put(rig, 1)
    now = 1000.0
    worker = rig.worker()
    reader = worker.read_config
    assert isinstance(reader, ConfigReader)
    reader.clock = lambda: now

    def step(name: str) -> None:
        nonlocal now
        if name == "fetch":
            rig.configure('partition "aws_cloudtrail_log" "prod" {\n  sauce "aws_s3_bucket" {}\n}\n')
            now += 61

    worker.step = step
    assert worker.handle([rig.message(ref)]).done == 1
    with pytest.raises(ConfigError, match=r"main\.tpc:2"):
        worker.handle([rig.message(ref)])


def test_close_gives_the_folder_back(rig: Rig) -> None:
    """Nothing is left of a closed worker, nor of a commit once it is done."""
    (ref,) = _put(rig, 1)
    worker = rig.worker()
    worker.handle([rig.message(ref)])
    assert [path.name for path in worker.folder.iterdir() if path.name != "spill"] == []
    worker.close()
    worker.close()
    assert not worker.folder.exists()


def test_directory_and_sqlite_do_the_same(rig: Rig, tmp_path: Path) -> None:
    """The embedded hive and ledger hold the same rows as S3 and DynamoDB."""
    refs = _put(rig, 5)
    rig.worker().handle([rig.message(*refs)])
    embedded = rigs.make(rig.store, tmp_path, kind="sqlite", bucket=rig.bucket)
    embedded.worker().handle([embedded.message(*refs)])
    embedded.check(refs)
    assert rigs.differences(rig.rows(), embedded.rows()) == (0, 0)
    embedded.close()


def test_commit_ids() -> None:
    """They sort by time and never come twice, also within one second."""
    import datetime as dt

    early, late = dt.datetime(2026, 1, 31, 9, tzinfo=dt.UTC), dt.datetime(2026, 1, 31, 10, tzinfo=dt.UTC)
    ids = [commit_id(early) for _ in range(1000)]
    assert len(set(ids)) == 1000
    assert max(ids) < commit_id(late)
    elsewhere = late.astimezone(dt.timezone(dt.timedelta(hours=9)))
    assert commit_id(elsewhere).startswith("20260131T100000Z-")


def test_public_names() -> None:
    """What the package offers."""
    assert set(collect.__all__) == {"Report", "Worker", "prepare"}
