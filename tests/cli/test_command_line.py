"""The command line as a whole: completion, --debug, help, and statements that may not leave the hive."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.cli.commands import Run, configure
from tests.query.hives import Hive
from tests.query.test_statement import ATTEMPTS

from penstock import tables
from penstock.cli import main


@pytest.fixture
def local(hive: Hive, run: Run, tmp_path: Path) -> Hive:
    """One day, with a file beside the hive that must not be read."""
    hive.days(1)
    (tmp_path / "secret.csv").write_text("x\ntop secret\n")
    configure(tmp_path, default={"hive": hive.root, "ledger": f"sqlite:///{hive.ledger.path}"})
    return hive


def test_no_statement_leaves_the_hive(
    local: Hive, run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every attempt that the check knows, through the command: refused with a reason, nothing written."""
    names = {"{file}": "secret.csv", "{hive}": "hive", "{out}": "out", "{folder}": ""}
    statements = []
    for attempt in ATTEMPTS:
        for name, place in names.items():
            attempt = attempt.replace(name, str(tmp_path / place))
        statements.append(f" {attempt} -- tried")  # so that none looks like an option or a file
    before = sorted(tmp_path.rglob("*.parquet"))
    assert len(statements) > 100
    assert run("query", "--output", "csv", *statements) == 41
    out, err = capsys.readouterr()
    assert "top secret" not in out + err
    assert "Traceback" not in err
    assert not (tmp_path / "out").exists()
    assert sorted(tmp_path.rglob("*.parquet")) == before
    # What is harmless in front of a refused statement does not run either: one text is checked whole.
    assert out == ""


def test_debug_shows_where_an_error_came_from(
    local: Hive, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    """Only when asked; the message and the status are the same."""
    assert run("partition", "show", "nobody") == 254
    plain = capsys.readouterr().err
    assert run("--debug", "partition", "show", "nobody") == 254
    told = capsys.readouterr().err
    assert "Traceback" not in plain
    assert "Traceback" in told
    assert told.endswith(plain)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_is_printed(run: Run, shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    """For each shell, with the variable by which it asks."""
    assert run("completion", shell) == 0
    assert f"_PENSTOCK_COMPLETE={shell}_complete" in capsys.readouterr().out.replace('"', "").replace(
        "env ", ""
    )


def test_bash_completes(tmp_path: Path) -> None:
    """The printed script, in a real bash: commands by their beginning, then options."""
    script = tmp_path / "completion.bash"
    command = Path(sys.executable).with_name("penstock")
    made = subprocess.run([command, "completion", "bash"], capture_output=True, text=True, check=True)
    script.write_text(made.stdout)
    asking = f"""
source {script}
COMP_WORDS=(penstock part); COMP_CWORD=1; _penstock_completion penstock; echo "${{COMPREPLY[@]}}"
COMPREPLY=()
COMP_WORDS=(penstock query --outp); COMP_CWORD=2; _penstock_completion penstock; echo "${{COMPREPLY[@]}}"
"""
    environment = {"PATH": f"{command.parent}:{os.environ['PATH']}", "HOME": str(tmp_path)}
    done = subprocess.run(
        ["bash", "--norc", "-c", asking], capture_output=True, text=True, check=True, env=environment
    )
    assert done.stdout.split() == ["partition", "--output"]


def test_every_command_has_a_line_and_help(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    """`penstock --help` lists them all, each with what it is for."""
    assert run("--help") == 0
    shown = capsys.readouterr().out
    commands = main.list_commands(None)  # type: ignore[arg-type]
    for name in commands:
        assert f"  {name} " in shown
        assert run(name, "--help") == 0
        assert "Usage: penstock" in capsys.readouterr().out


def test_every_example_of_the_reference_runs(
    local: Hive, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    """As it stands on the page, through the command, on tables that have no rows yet."""
    statements = [example.sql for name in tables.names() for example in tables.find(name).examples]
    assert len(statements) >= 2 * (len(tables.names()) - 1)
    assert run("query", "--output", "csv", *statements) == 0, capsys.readouterr().err


def test_a_misspelt_command_gets_the_nearest_one(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    """Where one is near."""
    with pytest.raises(SystemExit, match="254"):
        main(["qurey"])
    assert "did you mean query?" in capsys.readouterr().err
    with pytest.raises(SystemExit, match="254"):
        main(["xyz"])
    assert "did you mean" not in capsys.readouterr().err


def test_a_query_starts_without_what_it_may_not_need() -> None:
    """Start is felt with every question: Arrow, the shell's libraries and the bar come when they are used."""
    spared = {"pyarrow", "boto3", "prompt_toolkit", "pygments", "hcl2", "lark", "rich.progress", "mcp"}
    code = f"import sys, penstock.cli.query; sys.exit(str({spared} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stderr.strip() == "set()"
