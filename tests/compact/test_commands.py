"""The commands as a person calls them, on a workspace in a directory."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from tests.compact.yard import DAY, PROD, Yard

from penstock.cli import main
from penstock.compact.publish import PUBLISHED


@pytest.fixture
def run(yard: Yard, monkeypatch: pytest.MonkeyPatch) -> object:
    """Call the command line on the yard's hive."""
    text = f'workspace "default" {{\n  hive = "{yard.hive.root}"\n  ledger = "{yard.source}"\n}}\n'
    (yard.folder / "config").mkdir()
    (yard.folder / "config" / "main.tpc").write_text(text)
    monkeypatch.setenv("PENSTOCK_CONFIG_PATH", str(yard.folder / "config"))
    monkeypatch.setenv("PENSTOCK_GRACE_SECONDS", "0")

    def call(*arguments: str) -> Result:
        return CliRunner().invoke(main, list(arguments))

    return call


def test_compact(yard: Yard, run: object) -> None:
    """Merges, shows and deletes in turn; says what it did, in words or as JSON."""
    assert callable(run)
    yard.collect(6, 10)
    before = yard.rows()
    done: Result = run("compact", "login", "--from", str(DAY), "--to", f"{DAY}T12:00:00Z")
    assert (done.exit_code, "merged: 6 files to 1, 60 rows" in done.stdout) == (0, True), done.output
    assert f"login.prod/default/{DAY}: 6 files to 1" in done.stderr
    told = json.loads(run("compact", "--output", "json").stdout)
    assert (told["flipped"], told["merges"], told["failed"]) == (1, 0, {})
    assert yard.rows() == before
    assert len(yard.globbed()) == 60


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("nothing",), "login.prod"),
        (("--from", "2026-02-02", "--to", "2026-02-01"), "not before"),
        (("--from", "soon"), "--from"),
    ],
)
def test_wrong_commands(yard: Yard, run: object, arguments: tuple[str, ...], said: str) -> None:
    """A name or a time that means nothing is refused, with what there is."""
    assert callable(run)
    yard.collect(1)
    done: Result = run("compact", *arguments)
    assert (done.exit_code, said in done.output) == (254, True), done.output


def test_a_file_that_is_gone(yard: Yard, run: object) -> None:
    """The command does what it can, names what it could not do, and says so by its status."""
    assert callable(run)
    lost = yard.collect(3)[0]
    Path(yard.hive.root, lost.path).unlink()
    done: Result = run("compact")
    assert done.exit_code == 1
    assert lost.path in done.stderr
    found: Result = run("fsck")
    assert (found.exit_code, f"{lost.path}: missing" in found.stdout) == (1, True), found.output
    assert "3 live files, 2 in the hive, 1 faults" in found.stdout
    assert run("fsck", "--repair").exit_code == 1


def test_fsck_of_a_sound_hive(yard: Yard, run: object) -> None:
    """Nothing is wrong: status 0."""
    assert callable(run)
    yard.collect(2)
    done: Result = run("fsck")
    assert (done.exit_code, done.stdout) == (0, "2 live files, 2 in the hive, 0 faults\n")


def test_catalog(yard: Yard, run: object) -> None:
    """Published once per state by hand, made anew on request."""
    assert callable(run)
    yard.collect(2)
    first: Result = run("catalog", "publish")
    assert (first.exit_code, f"{PUBLISHED}: published, " in first.stdout) == (0, True), first.output
    assert f"{PROD} at version 2" in first.stdout
    assert "published already" in run("catalog", "publish").stdout
    Path(yard.hive.root, PUBLISHED).unlink()
    again: Result = run("catalog", "rebuild")
    assert (again.exit_code, "published, " in again.stdout) == (0, True)
    assert Path(yard.hive.root, PUBLISHED).is_file()
