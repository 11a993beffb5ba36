"""`penstock query` from the command line: on a directory, on S3 with DynamoDB, and when it cannot."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.query.hives import FIRST_DAY, LOGIN, Hive, rows_of, upload
from tests.query.store import REGION, Store

from penstock import aws
from penstock.cli import main
from penstock.hive import open_hive
from penstock.ledger.dynamodb import create_table
from penstock.ledger.open import open_ledger

Run = Callable[..., int]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run the command with a home and a configuration of its own; its exit status."""
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.chdir(home)
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "PENSTOCK_WORKSPACE", "PENSTOCK_CONFIG_PATH"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")

    def call(*arguments: str) -> int:
        with pytest.raises(SystemExit) as ended:
            main(["query", *arguments])
        return int(ended.value.code or 0)

    return call


def configure(folder: Path, **workspaces: dict[str, str]) -> None:
    """Write a configuration with these workspaces where the command looks."""
    blocks = [
        f'workspace "{name}" {{\n' + "".join(f'  {k} = "{v}"\n' for k, v in given.items()) + "}\n"
        for name, given in workspaces.items()
    ]
    (folder / "home" / "main.tpc").write_text("\n".join(blocks))


@pytest.fixture
def local(tmp_path: Path, hive: Hive, run: Run) -> Hive:
    """Three days in a directory, as the default workspace."""
    hive.days(3)
    configure(tmp_path, default={"hive": hive.root, "ledger": f"sqlite:///{hive.ledger.path}"})
    return hive


def test_statement_is_answered(local: Hive, run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    """Rows on standard output, nothing beside, status 0."""
    assert run("--output", "csv", "SELECT n, who FROM login ORDER BY n LIMIT 2") == 0
    assert capsys.readouterr() == ("n,who\n0,user 0\n1,user 1\n", "")


def test_parameters_choose_files(local: Hive, run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    """As a value that is written does; and the command gives the rows of that day."""
    day = f"day={FIRST_DAY}"
    sql = "SELECT count(DISTINCT n) FROM login WHERE tp_timestamp < $day::DATE + 1 AND who <> $who"
    given = ("--param", day, "--param", "who=user 0")
    assert run(*given, "--explain", sql) == 0
    assert "at most 1 of 3 files" in capsys.readouterr().out
    assert run(*given, "--output", "csv", "--no-header", sql) == 0
    assert capsys.readouterr().out == "2\n"
    assert run("--param", "day", sql) == 254
    assert "expected NAME=VALUE" in capsys.readouterr().err
    assert run("--param", day, sql) == 41
    assert "--param who=<value>" in capsys.readouterr().err


def test_new_commits_are_seen(local: Hive, run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    """Each call goes to the head."""
    assert run("--output", "csv", "--no-header", "SELECT count(*) FROM login") == 0
    local.commit([local.put(FIRST_DAY, rows_of(FIRST_DAY, 1, 99))])
    assert run("--output", "csv", "--no-header", "SELECT count(*) FROM login") == 0
    assert capsys.readouterr().out == "9\n10\n"


def test_statements_files_and_standard_input_run_in_turn(
    local: Hive, run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQL, a file, a pattern of files, and -."""
    for name in "ab":
        (tmp_path / f"{name}.sql").write_text(f"-- a file\nSELECT '{name}' AS x;")
    monkeypatch.setattr(sys, "stdin", io.StringIO("SELECT 'in' AS x"))
    arguments = ["SELECT 1 AS x; SELECT 2 AS x", str(tmp_path / "a.sql"), str(tmp_path / "[ab].sql"), "-"]
    assert run("--output", "jsonl", *arguments) == 0
    assert [json.loads(line)["x"] for line in capsys.readouterr().out.splitlines()] == [
        1,
        2,
        "a",
        "a",
        "b",
        "in",
    ]


def test_filters_reach_the_views(local: Hive, run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    """--from, --to, --partition and --index narrow what the statement sees."""
    options = [
        "--from",
        "2026-01-01T01:00:00Z",
        "--to",
        "2026-01-03",
        "--partition",
        "x,log*.prod",
        "--index",
        "def*",
    ]
    assert run("--output", "csv", *options, "SELECT count(*) FROM login") == 254
    options[5] = "login.prod, log*"
    assert run("--output", "csv", "--no-header", *options, "SELECT count(*) FROM login") == 0
    out, err = capsys.readouterr()
    assert out == "6\n"
    assert "--partition x: no partition matches; there are login.prod" in err


def test_failed_statement_ends_in_41_and_the_others_run(
    local: Hive, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    """The error goes to standard error with its place; no traceback."""
    assert run("--output", "csv", "SELECT whoo FROM login", "SELECT 1 AS x") == 41
    out, err = capsys.readouterr()
    assert out == "x\n1\n"
    assert 'Candidate bindings: "who"' in err
    assert "LINE 1: SELECT whoo FROM login" in err
    assert "in the column unmapped: unmapped->>'whoo'" in err
    assert "Traceback" not in err


@pytest.mark.parametrize(
    ("sql", "hint"),
    [
        ('SELECT n FROM login WHERE who = "user 1"', "a text has single ones: 'user 1'"),
        ("SELECT 'é', \"a\" FROM login", "a text has single ones: 'a'"),
        ("SELECT '\"', a FROM login", "in the column unmapped: unmapped->>'a'"),
        ('SELECT "when it was" FROM login', "a text has single ones: 'when it was'"),
        ('SELECT "when it was" FROM login', "in the column unmapped: unmapped->>'when it was'"),
        ("SELECT tpTimestamp FROM login", "Did you mean tp_timestamp?"),
    ],
)
@pytest.mark.parametrize("options", [[], ["--explain"]])
def test_a_name_that_no_column_has_is_explained(
    local: Hive, run: Run, capsys: pytest.CaptureFixture[str], options: list[str], sql: str, hint: str
) -> None:
    """With its place in what the person wrote, whether it was to run or to be estimated."""
    assert run(*options, sql) == 41
    err = capsys.readouterr().err
    assert hint in err
    assert f"LINE 1: {sql}" in err


@pytest.mark.parametrize(
    ("sql", "hint"),
    [
        (
            "SELECT 1 FROM (SELECT 'a' AS x, '{\"k\":\"No\"}'::JSON AS j) WHERE x = 'a' AND j->>'k' = 'N'",
            "parentheses",
        ),
        ("SELECT 1 FROM (SELECT '{\"k\":\"No\"}'::JSON AS j) WHERE (j->'k') = 'No'", "->> gives the text"),
        ("SELECT 1 FROM (SELECT 'x' AS j) WHERE j::INTEGER = 1", None),
    ],
)
def test_arrows_are_explained(
    local: Hive, run: Run, capsys: pytest.CaptureFixture[str], sql: str, hint: str | None
) -> None:
    """They take more than they seem to, and one of them gives JSON."""
    assert run(sql) == 41
    assert (hint or "Could not convert") in (err := capsys.readouterr().err)
    assert ("->" in err.partition("\n\n")[2]) == (hint is not None)


def test_without_configuration_an_empty_hive_is_named(
    run: Run, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nought would look like an answer."""
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path / "empty")
    assert run("--output", "csv", "--no-header", "SELECT count(*) FROM aws_cloudtrail_log") == 0
    out, err = capsys.readouterr()
    assert out == "0\n"
    assert "found no *.tpc or *.hcl file: asking" in err


def test_a_comment_may_come_first(local: Hive, run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    """Two dashes and a space begin no option; comments alone are no statement."""
    assert run("--output", "csv", "-- one\nSELECT 1 AS x", "--no-header") == 0
    assert capsys.readouterr().out == "1\n"
    assert run("/* nothing */;", "SELECT 2 AS x", "--output", "csv") == 41
    out, err = capsys.readouterr()
    assert (out, "found comments alone" in err) == ("x\n2\n", True)


def test_any_bytes_and_any_terminal(local: Hive, tmp_path: Path) -> None:
    """UTF-8 is read whatever the locale; what is none is refused; what a terminal lacks is written out."""
    home = os.environ | {"LC_ALL": "C"}  # which Python makes UTF-8 of
    strange = home | {"PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}

    def ask(environ: dict[str, str], *arguments: str | bytes, given: bytes = b"") -> tuple[int, bytes, bytes]:
        command = [sys.executable, "-m", "penstock.cli", "query", "--output", "csv", "--no-header"]
        done = subprocess.run(
            [*command, *arguments],
            input=given,
            env=environ,
            cwd=tmp_path / "home",
            capture_output=True,
            check=False,
        )
        return done.returncode, done.stdout, done.stderr

    assert ask(home, "SELECT 'é'")[:2] == (0, "é\n".encode())
    assert ask(strange, "SELECT $x || 'é'", "--param", "x=😀")[:2] == (0, b"\\U0001f600\\xe9\n")
    assert ask(strange, "-", given="SELECT 'é'".encode())[:2] == (0, b"\\xe9\n")
    for status, _, err in (ask(home, b"SELECT '\xe9'"), ask(home, "-", given=b"SELECT '\xe9'")):
        assert (status, b"expected UTF-8" in err, b"Traceback" in err) == (254, True, False)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ([], "found no statement"),
        (["--output", "xml", "SELECT 1"], "'xml' is not one of"),
        (["--separator", "ab", "SELECT 1"], "expected one character"),
        (["--from", "T-7", "SELECT 1"], "--from: found 'T-7'"),
        (["--to", "today", "SELECT 1"], "--to: found 'today'"),
        (
            ["--from", "2026-01-02", "--to", "2026-01-01", "SELECT 1"],
            "--from 2026-01-02 is after --to 2026-01-01",
        ),
        (["missing.sql"], "missing.sql"),
        (["  "], "found nothing"),
        (["--nonsense"], "--nonsense"),
    ],
)
def test_wrong_command_ends_in_254(
    local: Hive, run: Run, arguments: list[str], reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A person's mistake is named before anything runs."""
    assert run(*arguments) == 254
    out, err = capsys.readouterr()
    assert out == ""
    assert reason in err


def test_unknown_workspace_and_wrong_configuration_end_in_250(
    local: Hive, run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What keeps the first statement from running has its own status."""
    assert run("--workspace", "other", "SELECT 1") == 250
    (tmp_path / "home" / "broken.tpc").write_text('workspace "x" {')
    assert run("SELECT 1") == 250
    err = capsys.readouterr().err
    assert 'workspace "other" is not configured, expected one of default' in err
    assert "broken.tpc:1" in err


def test_empty_hive_answers(run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Before the first commit the built-in tables are there and empty."""
    (tmp_path / "new").mkdir()
    configure(tmp_path, default={"hive": f"{tmp_path}/new", "ledger": f"sqlite:///{tmp_path}/new.db"})
    assert (
        run(
            "--output",
            "csv",
            "SELECT count(*) AS n FROM aws_cloudtrail_log",
            "SELECT count(*) AS n FROM tp_rejected",
        )
        == 0
    )
    assert capsys.readouterr().out == "n\n0\nn\n0\n"


def test_hive_on_s3_with_its_ledger_in_sqlite(
    store: Store, hive: Hive, run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Region and endpoint of the workspace, credentials of the chain; one file is asked for, no LIST.

    The first time a published catalogue is looked for; from then on there is one here.
    """
    store.client().create_bucket(Bucket="cli-hive", CreateBucketConfiguration={"LocationConstraint": REGION})
    files = hive.days(3)
    upload(store.client(), hive, files, "cli-hive", "logs/hive")
    place = {"region": REGION, "endpoint_url": store.url}
    configure(
        tmp_path,
        remote={"hive": "s3://cli-hive/logs/hive", "ledger": f"sqlite:///{hive.ledger.path}", **place},
    )
    store.asked()
    arguments = ["--workspace", "remote", "--output", "csv", "--no-header"]
    assert run(*arguments, "SELECT who FROM login WHERE n = 4") == 0
    assert capsys.readouterr().out == "user 1\n"
    asked = {("GET", f"logs/hive/{files[1].path}")}
    assert set(store.asked()) == asked | {("GET", "logs/hive/_catalog/penstock.ducklake")}
    assert run(*arguments, "SELECT who FROM login WHERE n = 4") == 0
    assert not store.asked(), "what the first command read is kept on disk"


def test_hive_on_s3_with_its_ledger_in_dynamodb(
    store: Store, hive: Hive, run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The deployed form: nothing but the head is read again when nothing is new."""
    store.client().create_bucket(
        Bucket="cli-dynamo", CreateBucketConfiguration={"LocationConstraint": REGION}
    )
    client = aws.client("dynamodb", aws.Account(region=REGION, endpoint_url=store.url))
    create_table(client, "cli-ledger")
    ledger = open_ledger("dynamodb://cli-ledger", dynamodb=client, blobs=open_hive(hive.root))
    files = hive.days(2)
    for schema in hive.known:
        ledger.put_schema(schema)
    for commit in hive.ledger.commits(LOGIN, 0):
        ledger.attempt(commit)
    upload(store.client(), hive, files, "cli-dynamo", "logs/hive")
    place = {"hive": "s3://cli-dynamo/logs/hive", "ledger": "dynamodb://cli-ledger"}
    configure(tmp_path, default={**place, "region": REGION, "endpoint_url": store.url})
    for _ in range(2):
        assert run("--output", "csv", "--no-header", "SELECT count(*), max(what.ip) FROM login") == 0
    assert capsys.readouterr().out == "6,10.0.0.2\n" * 2


@pytest.mark.parametrize("filled", [False, True])
def test_bucket_that_does_not_exist_is_named(
    store: Store, hive: Hive, run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str], filled: bool
) -> None:
    """An empty hive and a mistyped bucket are told apart."""
    if filled:
        hive.days(1)
    place = {"region": REGION, "endpoint_url": store.url}
    configure(
        tmp_path,
        default={"hive": "s3://no-such-bucket/x", "ledger": f"sqlite:///{hive.ledger.path}", **place},
    )
    assert run("SELECT * FROM tp_rejected" if not filled else "SELECT who FROM login") == (
        41 if filled else 250
    )
    err = capsys.readouterr().err
    assert "no-such-bucket" in err
    assert "does not exist" in err


def test_no_credentials_is_said(
    hive: Hive, run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With what was looked for."""
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    configure(tmp_path, default={"hive": "s3://bucket/x", "ledger": f"sqlite:///{hive.ledger.path}"})
    assert run("SELECT 1") == 250
    assert "found no AWS credentials, expected a profile" in capsys.readouterr().err


def test_unknown_profile_is_said(
    hive: Hive, run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """By name."""
    place = {"hive": "s3://bucket/x", "ledger": f"sqlite:///{hive.ledger.path}", "profile": "nobody"}
    configure(tmp_path, default=place)
    assert run("SELECT 1") == 250
    assert "nobody" in capsys.readouterr().err


def test_a_reader_that_stops_is_no_failure(local: Hive, run: Run) -> None:
    """`penstock query … | head` ends quietly."""
    assert open_ledger(f"sqlite:///{local.ledger.path}").partitions()
    command = f"{sys.executable} -c 'from penstock.cli import main; main()' query --output csv"
    shell = f"{command} 'SELECT i FROM range(5000000) t(i)' | head -n 2"
    done = subprocess.run(["bash", "-c", shell], capture_output=True, text=True, check=False, timeout=60)
    assert done.stdout == "i\n0\n"
    assert "Traceback" not in done.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device of Linux")
@pytest.mark.parametrize("rows", [1, 100_000])
def test_a_full_disk_is_said(local: Hive, rows: int) -> None:
    """Whether it is told while rows are written or when the last of them is."""
    command = f"{sys.executable} -m penstock.cli query --output csv 'FROM range({rows})' > /dev/full"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False, timeout=60)
    assert done.stderr == "standard output: cannot be written: No space left on device\n"
    assert done.returncode == 254
