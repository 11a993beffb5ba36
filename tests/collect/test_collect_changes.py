"""A table that cannot read its older files: refused where it is written, and nothing else stops."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from penstock.cli import main

CONFIG = """
format "delimited" "csv" {{ header = true }}
table "app" {{
  format = format.delimited.csv
  column "tp_timestamp" {{ source = "time" }}
  {column}
}}
table "other" {{
  format = format.delimited.csv
  column "tp_timestamp" {{ source = "time" }}
}}
partition "app" "p" {{
  source "file" {{ paths = ["{home}/logs"] }}
}}
partition "other" "p" {{
  source "file" {{ paths = ["{home}/logs"] }}
}}
"""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of its own, with logs."""
    (tmp_path / "logs").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("PENSTOCK_CONFIG_PATH", str(tmp_path / "config"))
    monkeypatch.delenv("PENSTOCK_WORKSPACE", raising=False)
    return tmp_path


def configure(home: Path, column: str) -> None:
    """The two tables, one of them with this column."""
    (home / "config").mkdir(exist_ok=True)
    (home / "config" / "main.tpc").write_text(CONFIG.format(column=column, home=home))


def lay(home: Path, day: int, n: str) -> None:
    """One more log, of one row."""
    (home / "logs" / f"{day}.csv").write_text(f"time,n\n2026-01-0{day}T00:00:00Z,{n}\n")


def run(*arguments: str) -> Result:
    """A command."""
    return CliRunner().invoke(main, arguments)


def asked(sql: str) -> str:
    """The answer to a question, as CSV without its head."""
    done = run("query", sql, "--output", "csv")
    assert done.exit_code == 0, done.output
    return done.stdout.partition("\n")[2]


def test_a_type_that_cannot_be_read(home: Path) -> None:
    """Check and collect say why; the other table goes on; mended or emptied, nothing is missing."""
    configure(home, 'column "n" { type = "varchar" }')
    assert "not compared with a hive: workspace default has none yet" in run("config", "check").output
    lay(home, 1, "x")
    assert run("collect").exit_code == 0
    done = run("config", "check")
    assert done.exit_code == 0
    assert "compared with 2 live files of workspace default: readable as configured" in done.output
    configure(home, 'column "n" { type = "bigint" }')
    lay(home, 2, "7")
    reason = "app.n: found the type BIGINT, but {} hold it as VARCHAR, which does not always read as BIGINT"
    done = run("config", "check")
    assert done.exit_code == 1
    assert f"{home}/config/main.tpc:6: {reason.format('1 live file (1 rows)')}" in done.output
    done = run("collect")
    assert done.exit_code == 1
    assert reason.format("older files") in done.output
    assert asked("SELECT n FROM app") == "x\n"
    assert asked("SELECT count(*) FROM other") == "2\n"
    done = run("compact")
    assert done.exit_code == 1
    assert "table app: app.n: found the type BIGINT" in done.output
    configure(home, 'column "n" { type = "varchar" }\n  column "m" {\n source = "n"\n type = "bigint"\n }')
    assert run("collect").exit_code == 0
    assert asked("SELECT n, m FROM app ORDER BY tp_timestamp") == "x,\n7,7\n"


def test_a_ledger_out_of_reach(home: Path) -> None:
    """It is said, and the configuration is judged without it."""
    configure(home, "")
    (home / "config" / "w.tpc").write_text(
        f'workspace "away" {{\n  hive = "{home}/hive"\n  ledger = "sqlite:///{home}/logs"\n}}\n'
        f'workspace "bad" {{\n  hive = "{home}/hive"\n  ledger = "sqlite:///{home}/config/main.tpc"\n}}\n'
    )
    assert "workspace away has none yet" in run("config", "check", "--workspace", "away").output
    done = run("config", "check", "--workspace", "bad")
    assert done.exit_code == 0
    assert "not compared with a hive: workspace bad: " in done.output


def test_what_was_deleted_stands_in_nobodys_way(home: Path) -> None:
    """Without the old rows the type is free: the published catalogue says which schemas are in use."""
    configure(home, 'column "n" { type = "varchar" }')
    lay(home, 1, "x")
    assert run("collect").exit_code == 0
    configure(home, 'column "n" { type = "bigint" }')
    done = run("partition", "delete", "app.p", "--force")
    assert done.exit_code == 0, done.output
    assert run("config", "check").exit_code == 0
    assert run("catalog", "publish").exit_code == 0
    lay(home, 2, "7")
    assert run("collect", "app.p").exit_code == 0
    assert asked("SELECT n + 1 FROM app ORDER BY n")[-2:] == "8\n"
