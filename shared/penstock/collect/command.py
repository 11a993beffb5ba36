"""Runs the program of a `command` source and keeps what it prints; its exit status decides."""

from __future__ import annotations

import datetime as dt
import hashlib
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time as clock
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from penstock.errors import ConfigError, Problem, Retry
from penstock.listing import Window
from penstock.model import ObjectRef
from penstock.sources.command import CommandSource

__all__ = ["run"]

_LOOK_EVERY = 0.2  # seconds
_SAID = 400
_BLOCK = 1 << 20


def _nothing() -> None:
    """Nobody watches."""


def run(
    source: CommandSource,
    window: Window,
    folder: Path,
    *,
    most: int,
    now: dt.datetime,
    tick: Callable[[], None] = _nothing,
) -> tuple[ObjectRef, Path] | None:
    """Run the program to its end: its output as one object, and where it lies; None if it printed nothing.

    The object is known by a hash of the output, so a run that prints the same is the same. `most`
    bounds the output in bytes. `tick` is called while the program runs; what it raises ends the
    program and comes out. Retry when the program fails, is ended or takes too long: then
    nothing of its output counts. ConfigError when it cannot be started.
    """
    output = Path(tempfile.mkdtemp(dir=folder)) / "output"
    words = [_filled(word, window, now) for word in source.command]
    digest, size = _printed(source, words, output, most, tick)
    if not size:
        return None
    return ObjectRef("", source.place, None, digest, size, now, "command"), output


def _filled(word: str, window: Window, now: dt.datetime) -> str:
    """`{from}` and `{to}` as times; without them, from the beginning and to now."""
    start = window.start or dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
    for name, time in (("{from}", start), ("{to}", window.end or now)):
        word = word.replace(name, f"{time.astimezone(dt.UTC):%Y-%m-%dT%H:%M:%SZ}")
    return word


def _printed(
    source: CommandSource, words: list[str], output: Path, most: int, tick: Callable[[], None]
) -> tuple[str, int]:
    """Its output's hash and size, once it is known to be whole."""
    digest, size = hashlib.sha256(), 0
    with output.open("wb") as file, tempfile.TemporaryFile() as said:
        with _started(source, words, said) as process, _guard(process, source, tick) as guard:
            assert process.stdout is not None  # noqa: S101 - a pipe was asked for
            while block := process.stdout.read(_BLOCK):
                size += len(block)
                if size > most:
                    raise Retry(f"{source.place}: it printed more than {most:,} bytes; it was stopped")
                digest.update(block)
                file.write(block)
            status = process.wait()
        said.seek(max(0, said.seek(0, 2) - _SAID))
        last = said.read().decode("utf-8", "replace").strip()
    if guard.reason is not None:
        raise guard.reason
    if status:
        how = f"it was ended by signal {-status}" if status < 0 else f"it ended with status {status}"
        raise Retry(f"{source.place}: {how}; nothing of its output is collected{_quoted(last)}")
    return digest.hexdigest(), size


@dataclass(slots=True)
class _Guard:
    """Why a program was ended from here, if it was."""

    reason: Exception | None = None


@contextmanager
def _guard(
    process: subprocess.Popen[bytes], source: CommandSource, tick: Callable[[], None]
) -> Iterator[_Guard]:
    """Ends the program when its time is up or `tick` raises, and in any case when the body is left."""
    guard, left = _Guard(), threading.Event()

    def watch() -> None:
        deadline = clock.monotonic() + source.timeout
        while not left.wait(max(0.0, min(_LOOK_EVERY, deadline - clock.monotonic()))):
            try:
                tick()
                if clock.monotonic() >= deadline:
                    raise Retry(f"{source.place}: it took longer than {source.timeout:g} s and was stopped")
            except Exception as reason:  # noqa: BLE001 - another thread's; raised again where it is waited for
                guard.reason = reason
                _end(process)
                return

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield guard
    finally:
        left.set()
        _end(process)
        watcher.join()


def _started(source: CommandSource, words: list[str], said: IO[bytes]) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(
            words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=said, start_new_session=True
        )
    except OSError as error:
        found = f"cannot be started: {error.strerror}"
        raise ConfigError(Problem(source.place, 0, found, "expected a program")) from error


def _end(process: subprocess.Popen[bytes]) -> None:
    """Stop it with all that it started: one of those may hold its output open."""
    if sys.platform == "win32":
        process.kill()
        return
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)


def _quoted(text: str) -> str:
    return f"; it said: {text}" if text else ""
