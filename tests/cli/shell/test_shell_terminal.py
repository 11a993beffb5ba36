"""The shell at a real terminal: a pseudo terminal, the installed command, keys."""

from __future__ import annotations

import json
import re
import stat
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest
from tests.cli.commands import Run
from tests.cli.shell.typing_at import READY, Person, Terminal
from tests.query.hives import FIRST_DAY, Hive, rows_of

pytestmark = pytest.mark.filterwarnings("ignore:.*forkpty.*:DeprecationWarning")

CTRL_C, CTRL_D, CTRL_R, TAB, ESCAPE = "\x03", "\x04", "\x12", "\t", "\x1b"
HOME, END, RIGHT = "\x01", "\x05", "\x1b[C"


def test_a_statement_over_lines_then_leaving(terminal: Terminal) -> None:
    """Enter goes on until the semicolon; rows and time are shown; Ctrl-D leaves with status 0."""
    person = terminal.open()
    person.press("select n * 100 + 7 as answer\r")
    person.wait("->")
    shown = person.enter("from login order by n limit 2;", "2 rows in")
    assert "answer" in shown
    assert "107" in shown
    person.press(CTRL_D)
    assert person.leaves() == 0
    assert "Traceback" not in person.seen


def test_ctrl_c_cancels_and_keeps_the_shell(terminal: Terminal) -> None:
    """A statement of days ends at once, the next is answered; at the prompt the line goes."""
    person = terminal.open()
    for long in (
        "select max(hash(a.range)) from range(100000000000) a;",
        "select count(*) from range(3000000) a, range(3000000) b, range(9) c where a.range * b.range < 0;",
    ):
        person.press(long + "\r")
        person.wait("0:00:01")  # the bar of a long statement
        person.press(CTRL_C)
        person.wait("cancelled")
        person.wait(READY)
    assert "41" in person.enter("select 40 + 1 as x;", "1 row in")
    person.press("select nonsense" + CTRL_C)
    person.wait(READY)
    assert "43" in person.enter("select 42 + 1 as x;", "1 row in")
    person.press(".exit\r")
    assert person.leaves() == 0


def test_a_commit_is_seen_by_the_next_statement_and_told_by_refresh(terminal: Terminal, hive: Hive) -> None:
    """No restart; .refresh names the partition and its versions."""
    person = terminal.open()
    assert re.search(r"\b9\b", person.enter("select count(*) from login;", "1 row in"))
    hive.commit([hive.put(FIRST_DAY, rows_of(FIRST_DAY, 5))])
    assert re.search(r"\b14\b", person.enter("select count(*) from login;", "1 row in"))
    hive.commit([hive.put(FIRST_DAY, rows_of(FIRST_DAY, 5))])
    person.enter(".refresh", "login.prod: version 2 to 3")
    assert re.search(r"\b19\b", person.enter("select count(*) from login;", "1 row in"))
    person.enter(".refresh", "nothing is new")


def test_errors_are_told_without_a_traceback(terminal: Terminal) -> None:
    """DuckDB's words with the place, a refusal, an unknown command; the shell goes on after each."""
    person = terminal.open()
    person.enter("select nn from login;", 'Candidate bindings: "n"')
    person.enter("attach 'x.db';", "ATTACH is refused")
    person.enter(".tabels", "did you mean .tables?")
    assert "3" in person.enter("select 1 + 2;", "1 row in")
    person.press(".quit\r")
    assert person.leaves() == 0
    assert "Traceback" not in person.seen


def test_debug_shows_where_an_error_came_from(terminal: Terminal) -> None:
    """Only with --debug, before the command."""
    person = terminal.open(before=("--debug",))
    assert "Traceback" in person.enter("select nn from login;", "Candidate bindings")


def test_tab_completes(terminal: Terminal) -> None:
    """A meta-command, a table, a value; then, as the table is known, a member behind an alias."""
    person = terminal.open()
    _completed(person, ".tab")
    _completed(person, " logi")
    assert "2026-01-03" in person.enter(" ", "login")
    _completed(person, "select  from logi")
    _completed(person, " l where l.tp_partition = 'pr")
    _completed(person, HOME + RIGHT * 7 + "l.what.i")
    assert "10.0.0.2" in person.enter(END + ";", "9 rows in")


def _completed(person: Person, keys: str) -> None:
    """Type, look at the suggestions, take the first."""
    person.press(keys)
    person.settle()
    person.press(TAB)
    person.settle()


def test_history_is_kept_private_and_searched(terminal: Terminal, place: Path) -> None:
    """From one shell to the next, by Ctrl-R and by the arrow; nobody else can read the file."""
    first = terminal.open()
    first.enter("select 1234 + 1 as found;", "1235")
    first.enter("select 7 as other;", "1 row in")
    first.press(CTRL_D)
    assert first.leaves() == 0
    assert stat.S_IMODE((place / ".penstock" / "history").stat().st_mode) == 0o600
    second = terminal.open()
    second.press(CTRL_R + "1234\r")
    assert "1235" in second.enter("", "1 row in")


def test_keys_pastes_and_ends_of_statements(terminal: Terminal) -> None:
    """A paste of two statements runs both; with .multi off Enter ends one; vi's commands edit one."""
    person = terminal.open()
    person.press("\x1b[200~select 10 + 1 as a;\nselect 20 + 2 as b;\x1b[201~")
    assert "11" in person.enter("", "22")
    person.enter(".keys vi", "keys vi")
    person.press("select 555 as x;" + ESCAPE)
    person.settle()  # Escape alone, not the beginning of a sequence
    person.press("0wr8")  # the first digit of 555
    assert "855" in person.enter("", "1 row in")
    person.enter(".multi off", "multi off")
    assert "99" in person.enter("select 98 + 1 as x", "1 row in")


def test_no_color_is_obeyed(terminal: Terminal) -> None:
    """With NO_COLOR no sequence that sets a colour; without it SQL has some."""
    colour = re.compile(r"\x1b\[(?:\d+;)*(?:3[0-7]|38;[^m]*|9[0-7])m")
    plain = terminal.open(NO_COLOR="1")
    plain.enter("select null as x;", "1 row in")
    assert not colour.search(plain.seen)
    bright = terminal.open(TERM="xterm-256color")
    bright.enter("select null as x;", "1 row in")
    assert re.search(r"\x1b\[[\d;]*38;5;\d+", bright.seen)


def test_output_save_and_open(terminal: Terminal, place: Path) -> None:
    """What is shown, in another form; all rows in a file; the statement in a file and back at the prompt."""
    person = terminal.open()
    person.enter(".output json", "output json")
    assert '{"n": 3}' in person.enter("select n from login where n = 3;", "]")
    person.enter(".limit 1", "limit 1")
    person.enter("select n from login order by n;", "only the first 1 rows are shown")
    person.enter(".save all.parquet", "9 rows are in all.parquet")
    assert duckdb.execute(f"select count(*) from '{place / 'all.parquet'}'").fetchall() == [(9,)]
    person.enter(".save all.jsonl", "9 rows are in all.jsonl")
    lines = (place / "all.jsonl").read_text().splitlines()
    assert [json.loads(line)["n"] for line in lines] == list(range(9))
    person.enter(".save last.sql", "the last statement is in last.sql")
    assert (place / "last.sql").read_text() == "select n from login order by n;\n"
    (place / "other.sql").write_text("select 6 * 111 as y;\n")
    person.press(".open other.sql\r")
    person.wait("111")
    person.enter("", '{"y": 666}')


def test_options_and_the_own_file_begin_the_shell(terminal: Terminal, place: Path) -> None:
    """--from narrows it, --output shapes it; ~/.penstock/shellrc is done first, its mistakes named."""
    (place / ".penstock").mkdir(exist_ok=True)
    (place / ".penstock" / "shellrc").write_text("-- mine\n.separator tab\n\nselect 1\n.limit many\n")
    person = terminal.open("--from", "2026-01-03", "--output", "csv")
    assert "shellrc:4: found select 1, expected a meta-command" in re.sub(r"\s+", " ", person.seen)
    assert "shellrc:5" in person.seen
    shown = person.enter("select n, n + 1 as m from login order by n;", "8\t9")
    assert "5\t6" not in shown


def test_without_a_terminal_there_is_no_shell(place: Path) -> None:
    """An error says what was expected."""
    done = subprocess.run(
        [sys.executable, "-m", "penstock.cli", "query"],
        cwd=place, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False,
    )  # fmt: skip
    assert done.returncode == 254
    assert "found no statement" in done.stderr


def test_what_needs_a_statement_opens_no_shell(
    place: Path, run: Run, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Options that are about one statement are not dropped in silence, terminal or not."""
    monkeypatch.setattr(sys.modules["penstock.cli.query"], "_at_terminal", lambda: True)
    for arguments in (("--explain",), ("-o", "x.csv"), ("--engine", "athena")):
        assert run("query", *arguments) == 254
        assert "found no statement" in capsys.readouterr().err
    assert run("query", "--output", "parquet") == 254
    assert "the shell shows rows" in capsys.readouterr().err
