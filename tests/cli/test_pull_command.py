"""`penstock pull` as a person calls it: told beforehand, resumed, listed, dropped; queries read copies."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import zlib
from pathlib import Path
from typing import Any

import pytest
from tests.cli.commands import Run, configure
from tests.query.hives import FIRST_DAY, Hive, rows_of, upload
from tests.query.store import REGION, Store

from penstock.model import DataFile, PartitionId
from penstock.query import pulled

OTHER = PartitionId("login", "other")
COUNT = ("query", "--output", "csv", "--no-header", "SELECT count(DISTINCT n), max(who) FROM login")


def bucket_of(request: pytest.FixtureRequest) -> str:
    """One for each test."""
    return f"pull-{zlib.crc32(request.node.name.encode())}"


@pytest.fixture
def files(
    store: Store, hive: Hive, run: Run, tmp_path: Path, request: pytest.FixtureRequest
) -> list[DataFile]:
    """Five days on S3 as the default workspace, and one file of another partition."""
    bucket = bucket_of(request)
    client = store.client()
    client.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
    found = hive.days(5)
    other = hive.put(FIRST_DAY, rows_of(FIRST_DAY, 2, 50), partition=OTHER)
    hive.commit([other], partition=OTHER)
    upload(client, hive, [*found, other], bucket, "logs")
    place = {"hive": f"s3://{bucket}/logs", "region": REGION, "endpoint_url": store.url}
    configure(tmp_path, default={**place, "ledger": f"sqlite:///{hive.ledger.path}"})
    return [*found, other]


def gets(store: Store) -> set[str]:
    """The data files that were asked for since the last time."""
    return {
        key.removeprefix("logs/")
        for method, key in store.asked()
        if method == "GET" and key.endswith(".parquet")
    }


def test_a_range_is_pulled_queried_listed_and_dropped(
    store: Store, files: list[DataFile], run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is fetched is told before; the query of the range asks for no file; --drop undoes it."""
    assert run("pull", "login.prod", "--from", "2026-01-02", "--to", "2026-01-03T12:00:00Z") == 0
    out, err = capsys.readouterr()
    assert err.startswith("2 files, ")
    assert "wanted, 0 here; " in err
    assert out.startswith("2 files, ")
    assert gets(store) == {files[1].path, files[2].path}
    narrow = ("--partition", "login.prod", "--from", "2026-01-02", "--to", "2026-01-03T12:00:00Z")
    assert run(*COUNT, *narrow) == 0
    assert (capsys.readouterr().out, gets(store)) == ("6,user 2\n", set())
    assert run(*COUNT) == 0
    assert (capsys.readouterr().out, gets(store)) == ("17,user 2\n", {files[n].path for n in (0, 3, 4, 5)})

    assert run("pull", "--list", "--output", "json") == 0
    size = files[1].bytes + files[2].bytes
    of = sum(file.bytes for file in files[:5])
    [listed] = json.loads(capsys.readouterr().out)
    assert listed == {
        "name": "login.prod", "files": 2, "bytes": size, "first": "2026-01-02T00:00:00Z",
        "last": "2026-01-03T02:00:00Z", "of_files": 5, "of_bytes": of, "percent": 100 * size // of,
    }  # fmt: skip
    assert run("pull", "--drop", "login", "--to", "2026-01-02") == 0
    assert capsys.readouterr().out == f"1 file, {files[1].bytes} B removed\n"
    assert run("pull", "--drop") == 0
    assert run("pull", "--list") == 0
    assert capsys.readouterr().err == "nothing is pulled\n"


def test_everything_and_again(
    store: Store,
    files: list[DataFile],
    run: Run,
    hive: Hive,
    request: pytest.FixtureRequest,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The second run fetches nothing; one that follows a compaction fetches the merged file alone."""
    assert run("pull") == 0
    assert len(gets(store)) == 6
    capsys.readouterr()
    assert run("pull") == 0
    out, err = capsys.readouterr()
    assert out.startswith("0 files, 0 B pulled")
    assert "wanted, 6 here; 0 B to fetch" in err
    merged = hive.put(FIRST_DAY, rows_of(FIRST_DAY, 3), stem="merged")
    hive.commit([merged], [files[0].path], kind="compact")
    upload(store.client(), hive, [merged], bucket_of(request), "logs")
    store.asked()
    assert run("pull", "--list") == 0
    assert "1 file, " in capsys.readouterr().err
    assert run("pull", "login.prod") == 0
    assert "that the hive no longer has" in capsys.readouterr().err
    assert gets(store) == {merged.path}
    assert run(*COUNT) == 0
    assert (capsys.readouterr().out, gets(store)) == ("17,user 2\n", set())


def test_a_killed_pull_is_run_again(
    store: Store, files: list[DataFile], run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """SIGKILL while files come: queries are right at once, and the next run brings the rest."""
    program = (
        "import time\nfrom penstock.cli import main\nfrom penstock.query import pulling\n"
        "bring = pulling._bring\n"
        "def slow(hive, folder, file):\n"
        "    if len(list(folder.rglob('*.parquet'))) >= 2: print('there', flush=True); time.sleep(60)\n"
        "    return bring(hive, folder, file)\n"
        "pulling._bring, pulling._AT_ONCE = slow, 1\nmain(['pull'])\n"
    )
    calling = [sys.executable, "-c", program]
    with subprocess.Popen(calling, stdout=subprocess.PIPE, env=os.environ.copy(), text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "there\n"
        process.send_signal(signal.SIGKILL)
    store.asked()
    assert run(*COUNT) == 0
    assert capsys.readouterr().out == "17,user 2\n"
    assert len(gets(store)) == 4
    assert run("pull") == 0
    assert "wanted, 2 here; " in capsys.readouterr().err
    assert len(gets(store)) == 4
    assert run(*COUNT) == 0
    assert (capsys.readouterr().out, gets(store)) == ("17,user 2\n", set())


WRONG: list[tuple[list[str], str]] = [
    (["--list", "--drop"], "found --list and --drop, expected one of them"),
    (["nobody"], "found no partition 'nobody', expected one of: login.other, login.prod"),
    (["--from", "soon"], "--from: found 'soon'"),
    (["--from", "2026-01-03", "--to", "2026-01-02"], "--from 2026-01-03 is after --to 2026-01-02"),
]


@pytest.mark.parametrize(("arguments", "reason"), WRONG)
def test_mistakes_are_named(
    files: list[DataFile], run: Run, arguments: list[str], reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Before anything is fetched, with status 254."""
    assert run("pull", *arguments) == 254
    assert reason in capsys.readouterr().err


def test_a_hive_in_a_directory_is_here_already(
    hive: Hive, run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """There is nothing to bring."""
    configure(tmp_path, default={"hive": hive.root, "ledger": f"sqlite:///{hive.ledger.path}"})
    assert run("pull") == 254
    assert capsys.readouterr().err == f"the hive is a directory, {hive.root}: it is here already\n"


def test_a_full_disk_is_told_before(
    store: Store,
    files: list[DataFile],
    run: Run,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Nothing is fetched when there is no room for all of it."""
    usage: Any = type("Usage", (), {"free": 10})
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    assert run("pull") == 254
    assert "found 10 B free, expected " in capsys.readouterr().err
    assert not gets(store)


def test_materialized_schemas_are_kept_here(
    store: Store,
    files: list[DataFile],
    run: Run,
    hive: Hive,
    tmp_path: Path,
    request: pytest.FixtureRequest,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A query brings what is new of them first; what they no longer show goes, and so do all in the end."""
    config = tmp_path / "home" / "main.tpc"
    plain = config.read_text()
    schema = 'schema "early" {{\n  partitions = ["prod"]\n  to = "{to}"\n  materialized = true\n}}\n'
    config.write_text(plain + schema.format(to="2026-01-03T12:00:00Z"))
    asking = (
        "query",
        "--output",
        "csv",
        "--no-header",
        "SELECT count(DISTINCT n), max(who) FROM early.login",
    )

    assert run(*asking) == 0
    out, err = capsys.readouterr()
    assert out == "9,user 2\n"
    assert err.startswith("materialized schemas: 3 files, ")
    assert gets(store) == {file.path for file in files[:3]}
    assert run(*asking) == 0
    assert (capsys.readouterr(), gets(store)) == (("9,user 2\n", ""), set())

    new = hive.put(FIRST_DAY, rows_of(FIRST_DAY, 1, 99))
    hive.commit([new], [files[0].path])
    upload(store.client(), hive, [new], bucket_of(request), "logs")
    assert run(*asking) == 0
    assert (capsys.readouterr().out, gets(store)) == ("7,user 2\n", {new.path})
    assert kept(tmp_path) == {new.path, files[1].path, files[2].path}
    assert run("pull", "--list", "--output", "plain") == 0
    assert capsys.readouterr().out.startswith("login.prod\t3\t")

    config.write_text(plain + schema.format(to="2026-01-02T12:00:00Z"))
    assert run(*asking) == 0
    assert kept(tmp_path) == {new.path, files[1].path}
    config.write_text(plain)
    assert run("query", "SELECT 1") == 0
    assert kept(tmp_path) == set()


def kept(home: Path) -> set[str]:
    """The files that stand here for schemas."""
    folder = home / "home" / ".penstock" / "cache" / "default" / "materialized"
    return {path for one in folder.glob("*/") for path in pulled.copies(one)}


def test_what_cannot_be_kept_is_read_from_s3(
    store: Store,
    files: list[DataFile],
    run: Run,
    tmp_path: Path,
    request: pytest.FixtureRequest,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """It is told, and the statement is answered all the same."""
    config = tmp_path / "home" / "main.tpc"
    config.write_text(config.read_text() + 'schema "everything" {\n  materialized = true\n}\n')
    whole = Path(tmp_path / "hive" / files[2].path).read_bytes()
    key = f"logs/{files[2].path}"
    store.client().put_object(Bucket=bucket_of(request), Key=key, Body=whole + b"more")
    assert run("query", "--output", "csv", "--no-header", "SELECT count(*) FROM everything.login") == 0
    out, err = capsys.readouterr()
    assert out == "17\n"
    assert f"found {len(whole) + 4} bytes, expected {len(whole)}; S3 is read for what is not here" in err
