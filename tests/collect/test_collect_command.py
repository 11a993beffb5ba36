"""What a `command` source prints, and every way in which a program can fail."""

from __future__ import annotations

import datetime as dt
import hashlib
import shlex
import sys
import time
from pathlib import Path

import pytest

from penstock.collect.command import run
from penstock.errors import ConfigError, Retry
from penstock.listing import EVER, Window
from penstock.sources.command import CommandSource

NOW = dt.datetime(2026, 2, 1, 12, tzinfo=dt.UTC)


def python(text: str, *arguments: str, timeout: float = 60) -> CommandSource:
    """A program of a few lines."""
    return CommandSource((sys.executable, "-c", text, *arguments), timeout)


def printed(source: CommandSource, folder: Path, window: Window = EVER, most: int = 1 << 20) -> bytes | None:
    """What it printed, checked against what it is known by."""
    found = run(source, window, folder, most=most, now=NOW)
    if found is None:
        return None
    ref, path = found
    data = path.read_bytes()
    assert ref.identity == f"command:{source.place}?etag={hashlib.sha256(data).hexdigest()}"
    assert ref.size == len(data)
    return data


def test_output_is_one_object(tmp_path: Path) -> None:
    """All of it, known by its content: the same output is the same object, another is another."""
    source = python("print('a'); print('b')")
    assert printed(source, tmp_path) == printed(source, tmp_path) == b"a\nb\n"


def test_output_may_be_empty(tmp_path: Path) -> None:
    """Then there is no object."""
    assert printed(python("pass"), tmp_path) is None


def test_no_shell_and_no_input(tmp_path: Path) -> None:
    """Arguments go as they are, and a program that asks finds nothing."""
    text = "import sys; print(sys.argv[1], sys.stdin.read())"
    assert printed(python(text, "$HOME; `x` *"), tmp_path) == b"$HOME; `x` * \n"


def test_times_stand_in_the_arguments(tmp_path: Path) -> None:
    """Those of the range in UTC; open ends are the beginning of time and now."""
    source = python("import sys; print(sys.argv[1:])", "--since={from}", "{to}", '{"a": 1}')
    berlin = dt.timezone(dt.timedelta(hours=1))
    window = Window(dt.datetime(2026, 1, 31, tzinfo=berlin), dt.datetime(2026, 2, 1, tzinfo=dt.UTC))
    expected = ["--since=2026-01-30T23:00:00Z", "2026-02-01T00:00:00Z", '{"a": 1}']
    assert printed(source, tmp_path, window) == f"{expected}\n".encode()
    expected[:2] = ["--since=1970-01-01T00:00:00Z", "2026-02-01T12:00:00Z"]
    assert printed(source, tmp_path) == f"{expected}\n".encode()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "import sys; print('half', flush=True); sys.exit('no more')",
            "ended with status 1; .* said: no more",
        ),
        ("import os; print('half', flush=True); os.kill(os.getpid(), 9)", "ended by signal 9"),
        ("while True: print('x' * 10000)", "printed more than 1,048,576 bytes"),
    ],
)
def test_a_program_that_fails_gives_nothing(text: str, words: str, tmp_path: Path) -> None:
    """Half an output is none; the message says which program, how it ended and what it said."""
    source = python(text)
    with pytest.raises(Retry, match=words) as caught:
        printed(source, tmp_path)
    assert shlex.join(source.command) in str(caught.value)


def test_a_program_that_takes_too_long(tmp_path: Path) -> None:
    """It is stopped, with what it started: a child that holds the output open does not hold us."""
    text = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'import time; time.sleep(60)'])"
    started = time.monotonic()
    with pytest.raises(Retry, match=r"longer than 0\.5 s"):
        printed(python(text, timeout=0.5), tmp_path)
    assert time.monotonic() - started < 30


def test_a_program_that_somebody_stops(tmp_path: Path) -> None:
    """What is raised while it runs ends it at once, and comes out."""
    seen: list[int] = []

    def tick() -> None:
        seen.append(1)
        if len(seen) > 2:
            raise InterruptedError("enough")

    started = time.monotonic()
    with pytest.raises(InterruptedError, match="enough"):
        run(python("import time; time.sleep(60)"), EVER, tmp_path, most=1, now=NOW, tick=tick)
    assert time.monotonic() - started < 30


def test_a_program_that_is_not_there(tmp_path: Path) -> None:
    """Someone must correct the configuration."""
    with pytest.raises(ConfigError, match=r"no-such-program --x: cannot be started: No such file"):
        printed(CommandSource(("no-such-program", "--x")), tmp_path)
