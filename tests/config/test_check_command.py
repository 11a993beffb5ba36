"""`penstock config check`: what it prints and how it ends."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from penstock.cli import main

CASES = Path(__file__).with_name("cases")


def run(*arguments: str, path: str | None = None) -> Result:
    """One run of the command in this process, with PENSTOCK_CONFIG_PATH set or unset."""
    return CliRunner().invoke(main, arguments, env={"PENSTOCK_CONFIG_PATH": path})


def test_a_right_configuration() -> None:
    """What was read is listed with counts, and the status is 0."""
    done = run("config", "check", str(CASES / "valid" / "every_argument"))
    assert done.exit_code == 0
    assert done.output.startswith("all well: 3 files, 2 connections, 1 partition, 3 workspaces\n")
    for line in ("connection aws.role", "partition aws_cloudtrail_log.all", "workspace carried_over"):
        assert line in done.output.splitlines()
    assert "  aws_s3_bucket s3://first.bucket/audit/ by connection.aws.role" in done.output
    assert "workspaces.tpc:12: log_level has no effect here" in done.output
    assert "wJalr" not in done.output


def test_the_default_connection_is_told_when_it_is_written(tmp_path: Path) -> None:
    """It is there without being written, and then it is nothing to tell of."""
    (tmp_path / "a.tpc").write_text('workspace "w" {}\n')
    assert "connection aws" not in run("config", "check", str(tmp_path)).output
    (tmp_path / "b.tpc").write_text('connection "aws" "default" {\n  profile = "logs"\n}\n')
    done = run("config", "check", str(tmp_path))
    assert done.output.startswith("all well: 2 files, 1 connection, ")
    assert "connection aws.default" in done.output.splitlines()


@pytest.mark.parametrize("case", sorted(p.name for p in (CASES / "wrong").iterdir()))
def test_a_wrong_configuration(case: str) -> None:
    """Every problem stands on a line of its own, and the status is 1."""
    done = run("config", "check", path=str(CASES / "wrong" / case))
    expected = (CASES / "wrong" / case / "expected.txt").read_text().splitlines()
    assert done.exit_code == 1
    assert len(done.output.splitlines()) == len(expected) + 1
    assert f"{len(expected)} problems in" in done.output.splitlines()[-1]


def test_filters_are_held_against_the_table(tmp_path: Path) -> None:
    """A filter that names no column of its table is a problem on the filter's line."""
    source = 'source "aws_s3_bucket" { bucket = "trail" }'
    text = 'partition "aws_cloudtrail_log" "a" {\n' + source + "\nfilter = `%s`\n}\n"
    (tmp_path / "a.tpc").write_text(text % "event_name = 'x' and not read_only")
    assert run("config", "check", str(tmp_path)).exit_code == 0
    (tmp_path / "a.tpc").write_text(text % "evnt_name = 'x'")
    done = run("config", "check", str(tmp_path))
    assert done.exit_code == 1
    assert f"{tmp_path}/a.tpc:3: filter: " in done.output
    assert "evnt_name" in done.output


def test_nothing_configured(tmp_path: Path) -> None:
    """An empty directory is no error, and is said."""
    done = run("config", "check", str(tmp_path))
    assert (done.exit_code, done.output) == (
        0, f"no *.tpc or *.hcl file in {tmp_path}; nothing is configured\n",
    )  # fmt: skip


@pytest.mark.parametrize("arguments", [["config", "chek"], ["config", "check", "--nope"], ["chek"]])
def test_a_wrong_command(arguments: list[str]) -> None:
    """A command that does not exist ends with 254 and names what was meant."""
    assert run(*arguments).exit_code == 254


def test_help_teaches_and_is_quick() -> None:
    """Every help shows; the list of commands imports none of them."""
    assert 'partition "aws_cloudtrail_log" "prod"' in run("config", "check", "--help").output
    code = "import sys; from penstock.cli import main\ntry: main(['--help'])\nfinally: print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "config" in done.stdout
    assert {"rich", "duckdb", "boto3", "lark", "penstock.config"} & set(done.stdout.split()) == set()
