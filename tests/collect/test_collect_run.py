"""`penstock collect` without its command line: what is new, a range, again and again, and every bad input."""

from __future__ import annotations

import datetime as dt
import gzip
import io
import json
import os
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest
from tests.collect import rig as rigs
from tests.collect.rig import PROD, Rig, logs
from tests.collect.runs import NOW, Runner, bucket, folder, lay, partition, sums
from tests.collect.store import Fault, Store

from infra import samples
from penstock import convert
from penstock.collect.run import Outcome, Range, Watch, run

DAY = dt.timedelta(days=1)
MIDNIGHT = dt.datetime(2026, 2, 1, tzinfo=dt.UTC)  # in the middle of `logs`


@pytest.fixture
def local(store: Store, tmp_path: Path) -> Rig:
    """A workspace in a directory, with SQLite."""
    store.faults.clear()
    return rigs.make(store, tmp_path, kind="sqlite")


def stored(*objects: samples.SampleObject) -> int:
    """The rows that objects must give."""
    return sum(one.stored for one in objects)


def test_a_folder_is_collected_once(local: Rig, tmp_path: Path) -> None:
    """Every file of it, whatever its date; a second run finds nothing new, a new file is collected alone."""
    root = tmp_path / "logs"
    lay(root, logs(6))
    runner = Runner(local, partition(folder(root)))
    first = runner()
    assert (first.state, sums(first), first.report.stored) == ("done", (6, 6, 0, 0), stored(*logs(6)))
    assert local.rows().num_rows == stored(*logs(6))
    assert sums(runner()) == (6, 0, 6, 0)
    lay(root, logs(2, seed="more"))
    assert sums(runner()) == (8, 2, 6, 0)
    found = local.rows().to_pylist()
    assert {row["tp_source_type"] for row in found} == {"file"}
    places = {str(root / one.key) for one in (*logs(6), *logs(2, seed="more"))}
    assert {row["tp_source_location"] for row in found} == places


def test_two_runs_at_once(local: Rig, tmp_path: Path) -> None:
    """One that runs in the middle of another takes what it can; no row is there twice."""
    lay(tmp_path / "logs", logs(6))
    runner = Runner(local, partition(folder(tmp_path / "logs")), {"PENSTOCK_COMMIT_OBJECTS": "3"})
    outcomes: list[Outcome] = []

    def step(name: str) -> None:
        if name == "commit" and not outcomes:
            outcomes.append(runner())

    outer = runner(step=step)
    assert sums(outcomes[0]) == (6, 6, 0, 0)
    assert (outer.state, sums(outer)) == ("done", (6, 0, 6, 0))
    assert local.rows().num_rows == stored(*logs(6))


def test_progress_is_told_commit_by_commit(local: Rig, tmp_path: Path) -> None:
    """The plan first, then each commit; they add up to the end."""
    lay(tmp_path / "logs", logs(6))
    runner = Runner(local, partition(folder(tmp_path / "logs")), {"PENSTOCK_COMMIT_OBJECTS": "2"})
    outcome = runner()
    (listed,) = runner.listed
    assert (listed.wanted, listed.bytes) == (6, sum(len(one.body) for one in logs(6)))
    assert [report.objects for report in runner.told] == [2, 2, 2]
    assert sum(report.stored for report in runner.told) == outcome.report.stored


def test_stopped_and_run_again(local: Rig, tmp_path: Path) -> None:
    """It ends after the commit under way; the next run goes on where it was."""
    lay(tmp_path / "logs", logs(6))
    runner = Runner(local, partition(folder(tmp_path / "logs")), {"PENSTOCK_COMMIT_OBJECTS": "2"})
    runner.stop_at = lambda: bool(runner.told)
    first = runner()
    assert (first.state, sums(first), first.messages) == ("cancelled", (6, 2, 0, 0), [])
    runner.stop_at = lambda: False
    assert sums(runner()) == (6, 4, 2, 0)
    runner.stop_at = lambda: True
    before = local.open_ledger().head(PROD)
    assert runner().state == "cancelled"
    assert local.open_ledger().head(PROD) == before


def test_a_backfill_interrupted_three_times(rig: Rig, tmp_path: Path) -> None:
    """90 days in a bucket, stopped three times on the way: equal to one that is not."""
    span = dt.timedelta(days=90)
    # One account and region: fewer folders to list.
    objects = list(
        samples.objects(
            "backfill", 90, 2, NOW - span, span=span, with_story=False,
            account_ids=["111122223333"], regions=["us-east-1"],
        )
    )  # fmt: skip
    for one in objects:
        rig.put(one.key, one.body)
    runner = Runner(rig, partition(bucket(rig.bucket)), {"PENSTOCK_COMMIT_OBJECTS": "12"})
    for limit in (1, 2, 1):
        runner.told.clear()
        runner.stop_at = lambda limit=limit: len(runner.told) >= limit  # type: ignore[misc]
        assert runner(NOW - span - DAY).state == "cancelled"
    runner.stop_at = lambda: False
    assert sums(runner(NOW - span - DAY)) == (90, 42, 48, 0)
    whole = rigs.make(rig.store, tmp_path, kind="sqlite", bucket=rig.bucket)
    assert sums(Runner(whole, runner.text)(NOW - span - DAY)) == (90, 90, 0, 0)
    assert rigs.differences(rig.rows(), whole.rows()) == (0, 0)


def test_only_the_range(rig: Rig) -> None:
    """The dates of the keys decide; what is outside is not even counted, what is known is skipped."""
    objects = logs(12)
    refs = {one.key: rig.put(one.key, one.body) for one in objects}
    late = [one for one in objects if "/2026/02/01/" in one.key]
    assert 0 < len(late) < 12
    runner = Runner(rig, partition(bucket(rig.bucket)))
    assert sums(runner(MIDNIGHT, MIDNIGHT + DAY)) == (len(late), len(late), 0, 0)
    assert set(rig.records(list(refs.values()))) == {one.key for one in late}
    assert sums(runner(MIDNIGHT - DAY)) == (12, 12 - len(late), len(late), 0)
    assert sums(runner(MIDNIGHT + DAY)) == (0, 0, 0, 0)


def test_without_a_range(rig: Rig) -> None:
    """The first run looks seven days back; later ones from the newest day that is there, if that is older."""
    span = dt.timedelta(days=40)
    start = NOW - span
    old = list(samples.objects("old", 40, 1, start, span=span, with_story=False))
    for one in old:
        rig.put(one.key, one.body)
    runner = Runner(rig, partition(bucket(rig.bucket)))
    middle = start + dt.timedelta(days=20)
    assert 6 <= runner(None, middle, now=middle).found <= 9
    assert 21 <= runner().found <= 24
    assert 7 <= runner().found <= 9


def test_sources_side_by_side(rig: Rig, tmp_path: Path) -> None:
    """A bucket, a folder and a command in one partition; each has its rows, its type and its name."""
    objects = logs(3)
    rig.put(objects[0].key, objects[0].body)
    lay(tmp_path / "logs", objects[1:2])
    text = tmp_path / "third.json"
    text.write_bytes(gzip.decompress(objects[2].body))
    command = f'  source "command" {{\n    command = ["cat", "{text}"]\n  }}\n'
    runner = Runner(rig, partition(bucket(rig.bucket), folder(tmp_path / "logs"), command))
    outcome = runner(MIDNIGHT - 2 * DAY)
    assert (outcome.state, sums(outcome)) == ("done", (3, 3, 0, 0))
    counts: dict[tuple[str, str], int] = {}
    for row in rig.rows().to_pylist():
        where = (row["tp_source_type"], row["tp_source_name"])
        counts[where] = counts.get(where, 0) + 1
    assert counts == {
        ("aws_s3_bucket", rig.bucket): objects[0].stored,
        ("file", None): objects[1].stored,
        ("command", f"cat {text}"): objects[2].stored,
    }
    assert sums(runner(MIDNIGHT - 2 * DAY)) == (3, 0, 3, 0)


def test_each_source_has_its_format(local: Rig, tmp_path: Path) -> None:
    """Objects of two sources go into one commit, each read as its own source says."""
    one, two = logs(2)
    lay(tmp_path / "whole", [one])
    (tmp_path / "lines").mkdir()
    records = json.loads(gzip.decompress(two.body))["Records"]
    (tmp_path / "lines" / "log.jsonl").write_text("".join(f"{json.dumps(record)}\n" for record in records))
    text = 'format "jsonl" "lines" {\n}\n' + partition(
        folder(tmp_path / "whole"), folder(tmp_path / "lines", "    format = format.jsonl.lines\n")
    )
    outcome = Runner(local, text)()
    assert (outcome.state, sums(outcome), outcome.report.commits) == ("done", (2, 2, 0, 0), 1)
    assert local.rows().num_rows == stored(one, two)


def test_a_command_that_fails_commits_nothing(local: Rig, tmp_path: Path) -> None:
    """Half a run is none: no row, no record; the reason is told, and a good run later is collected."""
    text = tmp_path / "text.json"
    text.write_bytes(gzip.decompress(logs(1)[0].body))
    script = "import sys; print(open(sys.argv[1]).read()); sys.exit(int(open(sys.argv[2]).read()))"
    status = tmp_path / "status"
    words = json.dumps([sys.executable, "-c", script, str(text), str(status)])
    runner = Runner(local, partition(f'  source "command" {{\n    command = {words}\n  }}\n'))
    status.write_text("3")
    outcome = runner()
    assert (outcome.state, sums(outcome)) == ("failed", (0, 0, 0, 0))
    assert "ended with status 3; nothing of its output is collected" in outcome.messages[0]
    assert local.open_ledger().head(PROD).version == 0
    status.write_text("0")
    assert sums(runner()) == (1, 1, 0, 0)
    assert sums(runner()) == (1, 0, 1, 0)


def test_the_functions_run_no_command(rig: Rig, tmp_path: Path) -> None:
    """A worker that takes messages leaves commands and files of its machine alone."""
    marker = tmp_path / "marker"
    lay(tmp_path / "logs", logs(1, seed="file"))
    command = f'  source "command" {{\n    command = ["touch", "{marker}"]\n  }}\n'
    rig.configure(partition(command, folder(tmp_path / "logs"), bucket(rig.bucket)))
    (one,) = logs(1)
    report = rig.worker().handle([rig.message(rig.put(one.key, one.body))])
    assert (report.done, report.again) == (1, {})
    assert not marker.exists()
    assert rig.rows().num_rows == one.stored


def archives(objects: tuple[samples.SampleObject, ...]) -> dict[str, bytes]:
    """The same objects as a zip and as a compressed tar, with what is no log beside them."""
    members = {one.key: one.body for one in objects}
    members["AWSLogs/1/CloudTrail-Digest/x.json.gz"] = b"no log"
    zipped, tarred = io.BytesIO(), io.BytesIO()
    with zipfile.ZipFile(zipped, "w") as pack:
        for name, body in members.items():
            pack.writestr(name, body)
    with tarfile.open(fileobj=tarred, mode="w:gz") as pack:
        for name, body in members.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(body)
            pack.addfile(entry, io.BytesIO(body))
    return {"logs.zip": zipped.getvalue(), "logs.tgz": tarred.getvalue()}


@pytest.mark.parametrize("name", ["logs.zip", "logs.tgz"])
@pytest.mark.parametrize("large", [False, True], ids=["at once", "streamed"])
def test_archives(
    local: Rig, tmp_path: Path, name: str, large: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An archive is one object; each member gives its rows, told by its place in it."""
    objects = logs(5, 40)
    root = tmp_path / "logs"
    root.mkdir()
    (root / name).write_bytes(archives(objects)[name])
    if large:
        monkeypatch.setattr(convert, "AT_ONCE", 64 << 10)
    outcome = Runner(local, partition(folder(root)))()
    assert (outcome.state, sums(outcome), outcome.messages) == ("done", (1, 1, 0, 0), [])
    assert outcome.report.stored == local.rows().num_rows == stored(*objects)
    assert outcome.report.bytes == (root / name).stat().st_size
    found = local.rows().to_pylist()
    assert {row["tp_source_location"] for row in found} == {f"{root / name}!/{one.key}" for one in objects}
    assert len({row["tp_id"] for row in found}) == len(found)


def test_an_archive_with_a_bad_member(local: Rig, tmp_path: Path) -> None:
    """It is bad as a whole, by the member's name, and leaves no row; what is beside it is collected."""
    objects = logs(3)
    root = tmp_path / "logs"
    lay(root, objects[2:])
    with zipfile.ZipFile(root / "odd.zip", "w") as pack:
        pack.writestr("one.json.gz", objects[0].body)
        pack.writestr("two.json", b'{"NoRecords": 1}')
    outcome = Runner(local, partition(folder(root)))()
    assert (outcome.state, sums(outcome)) == ("done", (2, 1, 0, 1))
    (reason,) = outcome.report.reasons.values()
    assert reason.startswith("member two.json: ")
    assert local.rows().num_rows == stored(objects[2])
    assert local.standing() == {file.path for file in local.live()}


def test_requester_pays(rig: Rig) -> None:
    """Listing and fetching say who pays; a bucket of others refuses without."""
    one = logs(1)[0]
    rig.put(one.key, one.body)
    asked: list[tuple[str, object]] = []
    runner = Runner(rig, partition(bucket(rig.bucket, "    requester_pays = true\n")))
    worker = runner.worker()
    client = worker.clients("aws.default")
    client.meta.events.register(
        "before-call.s3", lambda model, params, **_: asked.append((model.name, _payer(params)))
    )
    watch = Watch(lambda _: None, lambda _: None, lambda: False)
    outcome = run(worker, runner.config.partitions[PROD], Range(NOW, MIDNIGHT - 2 * DAY), watch)
    assert sums(outcome) == (1, 1, 0, 0)
    ours = {name for name, payer in asked if payer == "requester"}
    assert {"ListObjectVersions", "GetObject"} <= ours


def _payer(params: dict[str, object]) -> object:
    headers = params["headers"]
    assert isinstance(headers, dict) or hasattr(headers, "get")
    return headers.get("x-amz-request-payer")


def test_a_layout_that_matches_nothing(rig: Rig, tmp_path: Path) -> None:
    """It fails, with the layout and the nearest that was seen, in a bucket as in a folder."""
    one = logs(1)[0]
    rig.put(one.key, one.body)
    layout = "    file_layout = `AWSLogs/%{NUMBER:account_id}/CloudTrails/%{YEAR:year}/%{DATA}.gz`\n"
    outcome = Runner(rig, partition(bucket(rig.bucket, layout)))(MIDNIGHT - 9 * DAY)
    assert (outcome.state, outcome.found) == ("failed", 0)
    (message,) = outcome.messages
    assert "nothing matches the layout AWSLogs/" in message
    assert message.endswith(f"the nearest found is {one.key}")
    lay(tmp_path / "logs", [one])
    outcome = Runner(rig, partition(folder(tmp_path / "logs", layout)))()
    assert outcome.state == "failed"
    assert outcome.messages[0].endswith(f"the nearest found is {tmp_path}/logs/{one.key}")


def test_a_range_without_logs_is_no_fault(rig: Rig) -> None:
    """The layout matches what is there, only not at that time; so it is with an empty bucket."""
    runner = Runner(rig, partition(bucket(rig.bucket)))
    assert (runner(MIDNIGHT).state, runner(MIDNIGHT).found) == ("done", 0)
    one = logs(1)[0]
    rig.put(one.key, one.body)
    outcome = runner(MIDNIGHT + 5 * DAY)
    assert (outcome.state, outcome.found, outcome.messages) == ("done", 0, [])


def test_a_bucket_that_may_not_be_listed(rig: Rig) -> None:
    """The permission is named; another source's rows do not make up for it."""
    rig.store.faults.append(Fault("denied", "LIST", rig.bucket, times=9))
    outcome = Runner(rig, partition(bucket(rig.bucket)))(MIDNIGHT)
    assert (outcome.state, outcome.found) == ("failed", 0)
    assert "s3:ListBucket" in outcome.messages[0]
    outcome = Runner(rig, partition(bucket("no-such-bucket")))(MIDNIGHT)
    assert (outcome.state, "no such bucket" in outcome.messages[0]) == ("failed", True)


def test_a_source_that_vanishes_meanwhile(local: Rig, tmp_path: Path) -> None:
    """What cannot be had is not recorded: the run fails, says which, and the next one goes on."""
    lay(tmp_path / "logs", logs(3))
    gone = tmp_path / "logs" / logs(3)[1].key

    def step(name: str) -> None:
        if name == "fetch" and gone.exists():
            os.rename(gone, tmp_path / "kept")  # noqa: PTH104

    runner = Runner(local, partition(folder(tmp_path / "logs")))
    outcome = runner(step=step)
    assert (outcome.state, sums(outcome)) == ("failed", (3, 2, 0, 0))
    assert outcome.messages[0] == "1 object could not be had"
    assert gone.name in outcome.messages[1]
    (tmp_path / "kept").rename(gone)
    again = runner()
    assert (again.state, sums(again)) == ("done", (3, 1, 2, 0))


def test_bad_objects_are_redriven(rig: Rig, tmp_path: Path) -> None:
    """They alone are tried again, of a bucket as of a folder; what is gone is told."""
    one, two, three, four = logs(4)
    rig.put(one.key, one.body)
    rig.put(two.key, two.body)
    lay(tmp_path / "a=b", [three, four])
    sources = (bucket(rig.bucket), folder(tmp_path / "a=b"))
    runner = Runner(rig, partition(*sources), {"PENSTOCK_MAX_INFLATED_BYTES": "100"})
    assert sums(runner(MIDNIGHT - 9 * DAY)) == (4, 0, 0, 4)
    runner.settings.clear()
    (tmp_path / "a=b" / four.key).unlink()
    outcome = runner(redrive=True)
    assert (outcome.state, sums(outcome), outcome.messages) == ("done", (4, 3, 1, 0), [])
    assert "no source gives 1 of the bad objects any more" in outcome.notes[0]
    assert rig.rows().num_rows == stored(one, two, three)
    assert sums(runner(redrive=True)) == (1, 0, 1, 0)


def test_one_source_that_fails(local: Rig, tmp_path: Path) -> None:
    """A folder that is gone, a program that fails, a bucket that is not there: the others are collected."""
    lay(tmp_path / "logs", logs(2))
    command = '  source "command" {\n    command = ["false"]\n  }\n'
    sources = (folder(tmp_path / "gone"), command, bucket("no-such-bucket"), folder(tmp_path / "logs"))
    runner = Runner(local, partition(*sources))
    outcome = runner()
    assert (outcome.state, sums(outcome)) == ("failed", (2, 2, 0, 0))
    told = " | ".join(outcome.messages)
    assert [words in told for words in ("/gone: found nothing", "false: it ended", "no such bucket")] == [
        True
    ] * 3
    again = runner(overwrite=True)
    assert (again.state, again.report.files, again.messages[-1]) == ("failed", 0, "nothing was replaced")
    assert local.rows().num_rows == stored(*logs(2))


@pytest.mark.parametrize(("replaces", "rows"), [("", 4), ("nothing", 12), ("object", 8)])
def test_a_file_that_grew(rig: Rig, tmp_path: Path, replaces: str, rows: int) -> None:
    """Its rows are not there twice unless somebody says so; without a word it is left alone, and told."""
    one, two = logs(2, 4)
    records = [json.loads(gzip.decompress(each.body))["Records"] for each in (one, two)]
    path = tmp_path / "logs" / "log.jsonl"
    path.parent.mkdir()

    def write(of: list[dict[str, object]]) -> None:
        path.write_text("".join(f"{json.dumps(record)}\n" for record in of))

    said = f'  replaces = "{replaces}"\n' if replaces else ""
    runner = Runner(rig, partition(folder(path.parent), more=said))
    write(records[0])
    assert (runner().state, rig.rows().num_rows) == ("done", 4)
    write(records[0] + records[1])
    lay(path.parent, [one])
    grown = runner()
    assert rig.rows().num_rows == rows + 4  # the new file is collected in any case
    if replaces:
        assert (grown.state, grown.messages) == ("done", [])
    else:
        assert (grown.state, sums(grown)) == ("failed", (2, 1, 1, 0))
        assert grown.messages[0].startswith(
            f"1 file holds something else than when collected, {path} the first"
        )
        assert runner(overwrite=True).state == "done"
        assert (runner().state, rig.rows().num_rows) == ("done", 12)


def test_bad_objects_are_told_and_tried_again_by_an_overwrite(local: Rig, tmp_path: Path) -> None:
    """A run with bad objects is no failure; they stay bad until somebody asks for them again."""
    (one,) = logs(1)
    lay(tmp_path / "logs", [one])
    runner = Runner(local, partition(folder(tmp_path / "logs")), {"PENSTOCK_MAX_INFLATED_BYTES": "100"})
    outcome = runner()
    assert (outcome.state, sums(outcome)) == ("done", (1, 0, 0, 1))
    again = runner()
    assert (again.state, sums(again), again.bad_before) == ("done", (1, 0, 1, 0), 1)
    runner.settings.clear()
    assert sums(runner(overwrite=True)) == (1, 1, 0, 0)
    assert local.rows().num_rows == one.stored
