"""`penstock collect` as a person runs it: a folder, a workspace on AWS, and every way to be wrong."""

from __future__ import annotations

import datetime as dt
import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.collect.rig import Rig, logs
from tests.collect.runs import bucket, folder, lay, partition

from penstock.cli import main
from penstock.cli._collecting import Display, choose
from penstock.collect import Report
from penstock.collect.listed import Listed
from penstock.errors import UsageError
from penstock.ledger.sqlite import SqliteLedger
from penstock.model import PartitionId

PROD = PartitionId("aws_cloudtrail_log", "prod")
ROWS = sum(one.stored for one in logs(6))

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home and a working directory of its own, without a trace of AWS."""
    made = tmp_path / "home"
    made.mkdir()
    for name in [name for name in os.environ if name.startswith(("AWS_", "PENSTOCK_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(made))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.chdir(made)
    return made


@pytest.fixture
def run(home: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run the command: exit status, standard output, standard error."""

    def call(*arguments: str, command: str = "collect") -> tuple[int, str, str]:
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main([command, *arguments])
        told = capsys.readouterr()
        return int(ended.value.code or 0), told.out, told.err

    assert home.is_dir()
    return call


@pytest.fixture
def logs_here(home: Path) -> Path:
    """Six files, and a configuration that collects them."""
    root = home / "trail"
    lay(root, logs(6))
    (home / "main.tpc").write_text(partition(folder(root)))
    return root


def test_a_folder_and_a_question(run: Run, logs_here: Path) -> None:
    """Nothing to set up and no AWS: collect, then ask; the second time there is nothing to do."""
    status, out, err = run()
    assert (status, err) == (0, "")
    assert out.startswith(
        "aws_cloudtrail_log.prod: 6 objects found, 6 collected, 0 skipped, 0 bad; "
        f"{ROWS} rows read, {ROWS} stored, 0 filtered, 0 rejected; "
    )
    status, out, err = run("select count(*) as n from aws_cloudtrail_log", "--output", "csv", command="query")
    assert (status, out, err) == (0, f"n\n{ROWS}\n", "")
    status, out, _ = run("--progress=false")
    assert (status, "6 found, 0 collected, 6 skipped" in out.replace("objects ", "")) == (0, True)
    assert (logs_here.parent / ".penstock/default/hive").is_dir()


def test_json(run: Run, logs_here: Path) -> None:
    """One document for scripts, on standard output alone."""
    (logs_here / "odd.json").write_text("{}")
    status, out, err = run("--output", "json", "--no-progress", "AWS_*.prod")
    assert (status, err) == (0, "")
    (told,) = json.loads(out)["partitions"]
    assert told.pop("seconds") > 0
    assert told.pop("bytes") == sum(path.stat().st_size for path in logs_here.rglob("*.*"))
    (reason,) = told.pop("bad").values()
    assert "Records" in reason
    assert told == {
        "partition": "aws_cloudtrail_log.prod",
        "state": "done",
        "objects": {"found": 7, "collected": 6, "skipped": 0, "bad": 1, "sent": 0},
        "rows": {"read": ROWS, "stored": ROWS, "filtered": 0, "rejected": 0},
        "files": 2,
        "commits": 1,
        "messages": [],
    }


def test_what_fails_alike_does_not_fill_the_screen(run: Run, home: Path) -> None:
    """A full disk or a lost permission fails every object: a few are told, JSON has them all."""
    sources = [folder(f"/no/such/{number}") for number in range(8)]
    (home / "main.tpc").write_text(partition(*sources))
    status, _, err = run()
    assert (status, err.count("/no/such/")) == (1, 5)
    assert err.endswith("aws_cloudtrail_log.prod: and 3 more (--output json tells all)\n")
    _, out, _ = run("--output", "json")
    assert len(json.loads(out)["partitions"][0]["messages"]) == 8


def test_a_range_again(run: Run, home: Path, logs_here: Path) -> None:
    """--overwrite with another filter: the rows of the range are as the new configuration wants them."""
    run()
    (home / "main.tpc").write_text(partition(folder(logs_here), more='  filter = "false"\n'))
    status, out, _ = run("--overwrite")
    assert status == 0
    assert f"{ROWS} rows read, 0 stored, {ROWS} filtered" in out
    _, out, _ = run("select count(*) as n from aws_cloudtrail_log", "--output", "csv", command="query")
    assert out == "n\n0\n"


def test_one_partition_fails_and_the_others_go_on(run: Run, home: Path, logs_here: Path) -> None:
    """Status 1, and the reason with the partition's name."""
    wrong = partition(folder("/no/such/place")).replace('"prod"', '"gone"')
    (home / "main.tpc").write_text(wrong + partition(folder(logs_here)))
    status, out, err = run()
    assert status == 1
    assert "aws_cloudtrail_log.gone (failed): 0 objects found" in out
    assert "aws_cloudtrail_log.prod: 6 objects found, 6 collected" in out
    assert err.startswith("aws_cloudtrail_log.gone: /no/such/place: found nothing, expected a directory")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nothing"], "found no partition 'nothing', expected one of: aws_cloudtrail_log.prod"),
        (
            ["--from", "yesterday"],
            "--from: found 'yesterday', expected a date (2026-01-31), a month (2026-01)",
        ),
        (["--to", "31/1/2026"], "--to: found '31/1/2026', expected a date"),
        (["--from", "2026-02", "--to", "2026-01"], "--from 2026-02 is not before --to 2026-01"),
        (["--from", "2999"], "--from 2999 lies in the future"),
        (["--to", "2999-01-01"], "--to 2999-01-01 lies in the future"),
        (["--detach"], "--detach: workspace default has no functions"),
        (["--redrive", "--from", "2026"], "--redrive tries all bad objects again"),
        (["--detach", "--here"], "--detach leaves the work to the queue"),
        (["--output", "xml"], "Invalid value for '--output'"),
        (["--progress=perhaps"], "--progress"),
    ],
)
def test_a_wrong_command(run: Run, logs_here: Path, arguments: list[str], words: str) -> None:
    """Status 254, nothing is collected, and the message has an example of what is right."""
    status, out, err = run(*arguments)
    assert (status, out) == (254, "")
    assert words in err
    assert not (logs_here.parent / ".penstock/default/hive/tp_table=aws_cloudtrail_log").exists()


def test_without_a_partition(run: Run, home: Path) -> None:
    """The configuration is at fault; so is a filter that does not hold."""
    assert run()[0::2] == (1, "configuration: found no partition, expected at least one block partition\n")
    (home / "main.tpc").write_text(partition(folder("x"), more='  filter = "no_column = 1"\n'))
    status, _, err = run()
    assert (status, "filter: " in err, "no_column" in err) == (1, True, True)


def aws(rig: Rig, home: Path, monkeypatch: pytest.MonkeyPatch, more: str = "") -> None:
    """A workspace on AWS and the credentials to reach it."""
    for name, value in (("AWS_ACCESS_KEY_ID", "key"), ("AWS_SECRET_ACCESS_KEY", "secret")):
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_ENDPOINT_URL", rig.store.url)
    arguments = f'  hive = "{rig.hive}"\n  ledger = "{rig.ledger}"\n  endpoint_url = "{rig.store.url}"\n'
    text = f'workspace "default" {{\n{arguments}  region = "us-east-1"\n{more}}}\n'
    (home / "main.tpc").write_text(text + partition(bucket(rig.bucket)))
    for one in logs(6):
        rig.put(one.key, one.body)


def test_a_workspace_on_aws(rig: Rig, run: Run, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """--detach sends to the queue that the workspace names; --here works on this machine with its ledger."""
    url = rig.store.client("sqs").create_queue(QueueName="collect-cli")["QueueUrl"]
    aws(rig, home, monkeypatch, f'  queue = "{url}"\n')
    status, out, err = run("--from", "2026-01", "--to", "2026-03", "--detach")
    assert (status, err) == (0, "")
    assert "6 objects found, 0 collected, 0 skipped, 0 bad, 6 sent to the queue" in out
    answer = rig.store.client("sqs").receive_message(QueueUrl=url, MaxNumberOfMessages=10)
    assert len(answer["Messages"]) == 1
    status, out, _ = run("--from", "2026-01", "--here")
    assert (status, "6 collected" in out) == (0, True)
    assert rig.rows().num_rows == ROWS


def test_a_workspace_on_aws_without_a_queue(
    rig: Rig, run: Run, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The argument is named, and so is the way without it."""
    aws(rig, home, monkeypatch)
    status, _, err = run("--from", "2026-01")
    assert status == 1
    assert 'workspace "default": lacks the argument queue, expected the URL of the queue' in err
    assert "--here needs none" in err


def test_ctrl_c(home: Path, logs_here: Path) -> None:
    """It ends after the commit under way with status 91; the next run goes on; a row is there once."""
    for number in range(60):
        lay(logs_here / str(number), logs(4))
    environ = {**os.environ, "PENSTOCK_COMMIT_OBJECTS": "1"}
    command = [sys.executable, "-m", "penstock.cli", "collect"]
    process = subprocess.Popen(
        command, cwd=home, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    ledger = home / ".penstock/default/hive/_ledger.sqlite"
    deadline = time.monotonic() + 60
    while not (ledger.exists() and SqliteLedger(ledger).head(PROD).version > 2):
        assert time.monotonic() < deadline
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 91
    assert err == "ending after the commit under way; Ctrl-C again to end at once\n"
    assert "(cancelled): 246 objects found" in out
    done = SqliteLedger(ledger).head(PROD).version
    assert 2 < done < 246
    assert list(SqliteLedger(ledger).intents(dt.datetime.max.replace(tzinfo=dt.UTC))) == []
    again = subprocess.run(command, cwd=home, env=os.environ, capture_output=True, text=True, check=True)
    assert f"{246 - done} collected, {done} skipped" in again.stdout


class Terminal(io.StringIO):
    """What says that it is one."""

    def isatty(self) -> bool:
        """It does."""
        return True


def watched(err: io.StringIO, *, wanted: bool) -> str:
    """What a display writes on the way through two partitions."""
    with Display(err, wanted=wanted) as display:
        for name in ("one", "two"):
            display.begin(f"aws_cloudtrail_log.{name}")
            display.found(9)
            display.listed(Listed(Path(), (), found=9, known=5, wanted=4, bytes=123_456))
            display.tell(Report(objects=3, rows=1234, rejected=7, bytes=100_000))
            display.tell(Report(objects=1))
    return err.getvalue()


def test_progress_is_for_terminals(monkeypatch: pytest.MonkeyPatch) -> None:
    """Objects, rows, bytes, rejected rows; nothing where nobody watches or wants it."""
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("TERM", "xterm")
    shown = watched(Terminal(), wanted=True)
    assert "4 objects (123.5 kB) to collect, 5 known" in shown
    for text in (
        "listing: 9 found",
        "aws_cloudtrail_log.two",
        "4/4 objects",
        "1,234 rows",
        "100.0 kB",
        "7 rejected",
    ):
        assert text in shown
    assert watched(Terminal(), wanted=False) == watched(io.StringIO(), wanted=True) == ""


KNOWN = [
    PartitionId("aws_cloudtrail_log", "prod"),
    PartitionId("aws_cloudtrail_log", "test"),
    PartitionId("aws_vpc_flow_log", "prod"),
    PartitionId("nginx", "aws_vpc_flow_log"),
]


@pytest.mark.parametrize(
    ("names", "places"),
    [
        ([], [0, 1, 2, 3]),
        (["aws_cloudtrail_log"], [0, 1]),
        (["AWS_CloudTrail_Log.PROD"], [0]),
        (["prod"], [0, 2]),
        (["aws_vpc_flow_log"], [2]),
        (["aws_*"], [0, 1, 2]),
        (["*.prod"], [0, 2]),
        (["*.t?st"], [1]),
        (["nginx.*", "aws_cloudtrail_log.test"], [1, 3]),
        (["*"], [0, 1, 2, 3]),
    ],
)
def test_partitions_by_name(names: list[str], places: list[int]) -> None:
    """A table before a partition, wildcards in either, case ignored, in the order of the configuration."""
    assert choose(KNOWN, names) == [KNOWN[place] for place in places]


@pytest.mark.parametrize("name", ["aws", "prod.aws_cloudtrail_log", "[a-z]*", "*.", ".prod", ""])
def test_a_name_that_means_none(name: str) -> None:
    """It is refused with what there is, also beside one that means some."""
    with pytest.raises(UsageError, match=r"expected one of: aws_cloudtrail_log\.prod, "):
        choose(KNOWN, ["prod", name])


def test_bad_objects_can_be_looked_at_afterwards(run: Run, logs_here: Path) -> None:
    """`partition show` tells which objects could not be read, and why; the next run says so."""
    (logs_here / "cut.json").write_text('{"Records":[{"eventTime":')
    (logs_here / "empty.json").write_text("")
    run()
    _, out, _ = run("show", "aws_cloudtrail_log.prod", "--output", "json", command="partition")
    shown = json.loads(out)
    assert shown["bad"] == 2
    named = {text.partition("?")[0].rpartition("/")[2] for text in shown["bad_objects"]}
    assert named == {"cut.json", "empty.json"}
    assert all("expected" in text for text in shown["bad_objects"])
    assert "2 objects are known as bad; `penstock partition show aws_cloudtrail_log.prod` says" in run()[2]
    _, out, _ = run("show", "aws_cloudtrail_log.prod", command="partition")
    *_, first, second = out.splitlines()
    assert (first.startswith("bad objects "), " file://" in first, second.strip()[:7]) == (
        True,
        True,
        "file://",
    )
    (logs_here / "cut.json").unlink()
    status, out, err = run("--redrive")
    assert status == 0
    assert ": 2 objects found, 0 collected, 1 skipped, 1 bad; " in out
    assert "no source gives 1 of the bad objects any more" in err


@pytest.mark.parametrize(
    ("command", "flag"),
    [("collect", "--here=true"), ("collect", "--overwrite=false"), ("query", "--header=false")],
)
def test_flags_may_have_a_value(run: Run, logs_here: Path, command: str, flag: str) -> None:
    """As other tools write them."""
    assert logs_here.is_dir()
    question = ["select 1 as x", "--output", "csv"] if command == "query" else []
    status, out, _ = run(*question, flag, command=command)
    assert status == 0
    assert out == "1\n" or command == "collect"
