"""Meta-commands, without a terminal; what Tailpipe's shell has is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from prompt_toolkit.history import InMemoryHistory
from tests.query.hives import FIRST_DAY, Hive, rows_of

from penstock import query
from penstock.cli import _output
from penstock.cli._shell import history, take
from penstock.cli._shell.meta import COMMANDS, is_meta
from penstock.cli._shell.state import Shell

PEERS = {
    ".help", ".exit", ".quit", ".inspect", ".output", ".header", ".separator", ".multi", ".autocomplete",
    ".clear", ".tables", ".partitions", ".schemas", ".timing", ".limit", ".from", ".to", ".partition",
    ".index", ".explain", ".refresh", ".save", ".open",
}  # fmt: skip

Capture = pytest.CaptureFixture[str]


def test_every_promised_command_is_there_with_help(shell: Shell, capsys: Capture) -> None:
    """Each has a line in .help and a help of its own."""
    names = [command.name for command in COMMANDS]
    assert len(set(names)) == len(names)
    assert set(names) >= PEERS
    assert take(shell, ".help")
    whole = capsys.readouterr().out
    for command in COMMANDS:
        assert f"{command.name} " in whole
        assert take(shell, f".help {command.name.removeprefix('.')}")
        assert command.summary in capsys.readouterr().out


def test_the_documentation_tells_what_the_declarations_tell() -> None:
    """A row for each command, in the order of .help, and none for what is not there."""
    page = (Path(__file__).parents[3] / "docs" / "shell.md").read_text(encoding="utf-8")
    rows = [line for line in page.splitlines() if line.startswith("| `.")]
    said = [
        (f"{command.name} {command.argument}".strip(), f"{command.summary} {command.more}".strip())
        for command in COMMANDS
    ]
    assert rows == [
        f"| `{usage.replace('|', '&#124;')}` | {text} |".replace("&#124;", r"\|") for usage, text in said
    ]


SWITCHED = (
    (".output", "output table"),
    (".output json", "output json"),
    (".header off", "header off"),
    (".separator tab", "separator tab"),
    (".separator ;", "separator ;"),
    (".timing on", "timing on"),
    (".pager off", "pager off"),
    (".limit", "limit 1,000 for table and line"),
    (".limit 5_000", "limit 5,000"),
    (".limit off", "limit off"),
    (".multi off", "multi off"),
    (".autocomplete off", "autocomplete off"),
    (".keys vi", "keys vi"),
    (".from 2026-01-02", "from 2026-01-02 00:00:00Z"),
    (".to 2026-01-02T10:00:00Z;", "to 2026-01-02 10:00:00Z"),
    (".partition login.*, prod", "partition login.*, prod"),
    (".index def*", "index def*"),
    (".OUTPUT CSV", "output csv"),
)


def test_switches_say_how_they_stand(shell: Shell, capsys: Capture) -> None:
    """After a change and, without an argument, as it is."""
    for line, told in SWITCHED:
        assert take(shell, line)
        assert capsys.readouterr() == (f"{told}\n", ""), line


MISTAKES = (
    (".output xml", ".output: found xml, expected table, csv"),
    (".output parquet", ".save FILE.parquet"),
    (".header perhaps", ".header: found perhaps, expected on or off"),
    (".separator ab", ".separator: found 'ab', expected one character"),
    (".limit many", ".limit: found many, expected a number of rows"),
    (".from yesterday", ".from: found 'yesterday', expected a date"),
    (".partition nobody", ".partition nobody: no partition matches"),
    (".inspect logn", "did you mean login?"),
    (".quit now", ".quit: found now, expected nothing behind it"),
    (".save", ".save: found no file"),
    (".save x.csv", "nothing was asked yet"),
    (".open nowhere.sql", "nowhere.sql"),
    (".explain", "nothing was asked yet"),
    (".explain drop table login", "refused"),
    (".", "unknown command ."),
    (".frm T-1d", "did you mean .from?"),
)


def test_mistakes_are_told_and_change_nothing(shell: Shell, capsys: Capture) -> None:
    """What was found and what was expected, on standard error; the shell stays as it was."""
    before = (shell.manner, shell.session)
    for line, told in MISTAKES:
        assert not take(shell, line)
        out, err = capsys.readouterr()
        assert out == ""
        assert told in err
        assert "Traceback" not in err
        assert (shell.manner, shell.session) == before


def test_what_a_log_says_in_an_error_is_shown_not_obeyed(shell: Shell, capsys: Capture) -> None:
    """An escape sequence in a value that does not convert reaches no terminal."""
    assert not take(shell, "select (chr(27) || ']0;owned' || chr(7))::int as x")
    err = capsys.readouterr().err
    assert "owned" in err
    assert "\x1b" not in err
    assert "\x07" not in err


def count(shell: Shell, capsys: Capture, table: str = "login") -> int:
    """The rows that the shell sees."""
    assert take(shell, ".output csv")
    assert take(shell, f"select count(*) as n from {table}")
    return int(capsys.readouterr().out.split()[-1])


def test_filters_narrow_every_table_until_they_are_off(shell: Shell, capsys: Capture) -> None:
    """One upon the other; schemas too; a wrong one changes nothing."""
    assert count(shell, capsys) == 9
    assert take(shell, ".from 2026-01-02")
    assert count(shell, capsys) == 6
    assert take(shell, ".to 2026-01-02T01:00:00Z")
    assert count(shell, capsys) == 2
    assert count(shell, capsys, "early.login") == 1
    assert not take(shell, ".from 2026-01-05")
    assert "is after" in capsys.readouterr().err
    assert count(shell, capsys) == 2
    assert take(shell, ".from off")
    assert take(shell, ".to off")
    assert take(shell, ".index nothing")
    assert count(shell, capsys) == 0
    assert take(shell, ".index off")
    assert shell.session.filters == query.Filters()
    assert count(shell, capsys) == 9


def test_what_there_is_is_shown(shell: Shell, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tables with rows and days; columns, own ones first; partitions with their last commit; schemas."""
    assert take(shell, ".tables log*")
    assert re.search(r"login\s+1\s+9\s+[\d.]+ kB\s+2026-01-01\s+2026-01-03", capsys.readouterr().out)
    assert take(shell, ".inspect LOGIN")
    names = [line.split(" ")[0] for line in capsys.readouterr().out.splitlines()[2:]]
    assert names[:3] == ["n", "what", "who"]
    assert all(name.startswith("tp_") for name in names[3:] if name)
    assert take(shell, ".inspect aws_vpc_flow_log")
    assert "IP traffic" in capsys.readouterr().out
    assert take(shell, ".partitions prod")
    assert re.search(r"login.prod\s+3\s+9", capsys.readouterr().out)
    assert take(shell, ".schemas")
    assert re.search(r"early\s+login\s+2026-01-02", capsys.readouterr().out)


def test_explain_runs_nothing(shell: Shell, capsys: Capture) -> None:
    """Of a statement, or of the last one."""
    assert take(shell, ".explain select * from login where tp_date = '2026-01-02';")
    assert "at most 1 of 3 files" in capsys.readouterr().out
    assert take(shell, "select n from login limit 1")
    assert "─" in capsys.readouterr().out
    assert take(shell, ".explain")
    assert "of 3 files" in capsys.readouterr().out


def test_a_new_commit_is_seen_without_refresh(shell: Shell, hive: Hive, capsys: Capture) -> None:
    """By the next statement; .refresh says which partitions moved, and opens a session of its own."""
    assert count(shell, capsys) == 9
    hive.commit([hive.put(FIRST_DAY, rows_of(FIRST_DAY, 4))])
    assert count(shell, capsys) == 13
    hive.commit([hive.put(FIRST_DAY, rows_of(FIRST_DAY, 4))])
    before = shell.session
    assert take(shell, ".refresh")
    assert capsys.readouterr().out == "login.prod: version 2 to 3\n"
    assert shell.session is not before
    assert count(shell, capsys) == 17


def test_every_shown_form_can_be_chosen(shell: Shell, capsys: Capture) -> None:
    """Those of --output, but for the two that go to files."""
    for form in set(_output.FORMS) - set(_output.BINARY):
        assert take(shell, f".output {form}")
        assert take(shell, "select 12345 as x")
        assert "12345" in capsys.readouterr().out


def test_bare_words_leave_too() -> None:
    """Whoever types exit means it; a statement never looks like a meta-command."""
    assert is_meta("exit")
    assert is_meta(" Quit; ")
    assert is_meta(".tables")
    assert not is_meta("select .5")
    assert not is_meta("exit from")


def test_history_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """At twice the bound the older half goes; entries of several lines stay whole."""
    monkeypatch.setattr(history, "MOST_ENTRIES", 10)
    path = tmp_path / "new" / "history"
    kept, lost = history.open_history(path)
    assert lost == ""
    for number in range(20):
        kept.store_string(f"select\n{number};")
    again, _ = history.open_history(path)
    assert list(again.load_history_strings()) == [f"select\n{n};" for n in range(19, 9, -1)]
    assert path.stat().st_mode & 0o077 == 0


def test_a_history_that_cannot_be_kept_is_said(tmp_path: Path) -> None:
    """The shell works without it."""
    (tmp_path / "file").write_text("")
    kept, lost = history.open_history(tmp_path / "file" / "history")
    assert isinstance(kept, InMemoryHistory)
    assert "what you enter is not kept" in lost
