"""What a person sees who asks at a terminal: a real one (a pseudo terminal of 80 by 24)."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.query.hives import Hive
from tests.query.test_query_cli import configure

Screen = Callable[..., tuple[int, str]]


def _read(ours: int, process: subprocess.Popen[bytes], cancel: bytes) -> str:
    """All that is shown; once it holds `cancel`, Ctrl-C is pressed."""
    shown, end = b"", time.monotonic() + 90
    while time.monotonic() < end:
        if select.select([ours], [], [], 0.1)[0]:
            try:
                shown += os.read(ours, 65536)
            except OSError:  # Linux says so when the other side is closed
                break
        if cancel and cancel in shown:
            process.send_signal(signal.SIGINT)
            cancel = b""
    return shown.decode()


@pytest.fixture
def screen(tmp_path: Path, hive: Hive) -> Screen:
    """Run `penstock query` on a terminal; its status and all that was shown."""
    home = tmp_path / "home"
    home.mkdir()
    hive.days(3)
    configure(tmp_path, default={"hive": hive.root, "ledger": f"sqlite:///{hive.ledger.path}"})

    def call(*arguments: str, pager: str = "", cancel: bytes = b"", **more: str) -> tuple[int, str]:
        environment = {
            "HOME": str(home),
            "PATH": os.environ["PATH"],
            "TERM": "xterm",
            "PENSTOCK_PAGER": pager,
        }
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        process = subprocess.Popen(
            [sys.executable, "-m", "penstock.cli", "query", *arguments],
            stdin=theirs, stdout=theirs, stderr=theirs, env=environment | more, cwd=home,
            # Whoever runs the tests in the background has it ignored, and a child inherits that.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )  # fmt: skip
        os.close(theirs)
        try:
            shown = _read(ours, process, cancel)
            return process.wait(60), shown
        finally:
            os.close(ours)
            process.kill()
            process.wait()

    return call


MANY = "SELECT range AS x, CASE WHEN range > 0 THEN 'y' END AS t FROM range(5000)"


def test_rows_then_figures(screen: Screen) -> None:
    """Null is seen, and not as a text; below stand rows and time."""
    status, shown = screen("SELECT n, NULL::VARCHAR AS nothing FROM login ORDER BY n LIMIT 2")
    assert status == 0
    assert "\x1b[2m<null>" in shown
    assert "2 rows in 0." in shown


def test_no_color_is_obeyed(screen: Screen) -> None:
    """NO_COLOR (https://no-color.org) leaves no escape sequence at all."""
    _, shown = screen("SELECT NULL AS nothing", NO_COLOR="1")
    assert "<null>" in shown
    assert "\x1b" not in shown


def test_a_terminal_is_shown_a_thousand_rows(screen: Screen) -> None:
    """More only by --limit; it is said."""
    _, shown = screen(MANY)
    assert "999" in shown
    assert "1000 " not in shown
    assert "only the first 1,000 rows are shown; --limit 0 shows all" in shown
    _, shown = screen("--limit", "0", "--output", "line", MANY)
    assert "RECORD 5000" in shown
    assert "5,000 rows in" in shown


def test_long_answers_are_paged_and_short_ones_not(screen: Screen) -> None:
    """The pager gets the rows, all of them; --no-pager goes without."""
    _, shown = screen("SELECT 1 AS x", pager="sed s/^/P:/")
    assert "P:" not in shown
    _, shown = screen("--limit", "0", MANY, pager="sed s/^/P:/")
    assert "P:4999" in shown.replace(" ", "")
    assert shown.count("P:") == 5002
    _, shown = screen("--no-pager", MANY, pager="sed s/^/P:/")
    assert "P:" not in shown


def test_a_pager_that_is_left_ends_the_statement(screen: Screen) -> None:
    """No traceback, status 0, and the rest is not computed: it would take longer than a test may."""
    status, shown = screen("--limit", "0", "SELECT i FROM range(1000000000) t(i)", pager="head -n 3")
    assert status == 0
    assert "Traceback" not in shown


def test_a_pager_that_is_not_there_is_done_without(screen: Screen) -> None:
    """The rows are printed."""
    status, shown = screen(MANY, pager="no-such-pager")
    assert status == 0
    assert "999" in shown


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT max(hash(a.range)) FROM range(100000000000) a",
        # One task of it lasts for hours.
        "SELECT count(*) FROM range(3000000) a, range(3000000) b, range(9) c WHERE a.range * b.range < 0",
    ],
)
def test_a_long_statement_shows_a_bar_and_is_cancelled(screen: Screen, sql: str) -> None:
    """After a second there is a bar; Ctrl-C ends the statement at once, with its own status."""
    status, shown = screen(sql, cancel="━".encode())
    assert status == 91
    assert "━" in shown
    assert "cancelled" in shown
    assert "Traceback" not in shown


def test_parquet_is_not_for_a_terminal(screen: Screen) -> None:
    """Bytes would garble it."""
    status, shown = screen("--output", "parquet", "SELECT 1 AS x")
    assert status == 254
    assert "is not for a terminal" in shown
