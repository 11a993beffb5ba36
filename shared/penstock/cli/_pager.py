"""Shows what is longer than the terminal in the person's pager; what fits is printed."""

from __future__ import annotations

import contextlib
import io
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

from rich.cells import cell_len
from rich.console import Console

from penstock.config import pager

__all__ = ["Page", "paged"]

_LESS = "less -FRX"
"""Quits when all fits after all, shows colours, and leaves what was shown on the screen."""


class Page(io.TextIOBase):
    """Text on its way to a terminal: held back until it is longer than the screen, then paged.

    `width` in cells and `color` say what the screen takes. `left` turns true when the person quits
    the pager: there is no use in writing more.
    """

    def __init__(self, out: TextIO, command: str) -> None:
        size = shutil.get_terminal_size()
        self.width, self._room = size.columns, size.lines - 2  # the prompt and the line of figures
        self.color = not Console(file=out).no_color
        self.left = False
        self._out, self._command = out, command
        self._held: list[str] = []
        self._process: subprocess.Popen[str] | None = None

    def writable(self) -> bool:
        """Yes."""
        return True

    def write(self, text: str) -> int:
        """Hold it, or hand it on."""
        if not self._command:
            return self._out.write(text)
        self._held.append(text)
        self._room -= sum(cell_len(line) // max(self.width, 1) + 1 for line in text.split("\n")[1:])
        if self._room < 0:
            self._hand_on()
        return len(text)

    def end(self) -> None:
        """Print what was held, or wait until the person has read it."""
        if self._process is None:
            self._out.write("".join(self._held))
            self._out.flush()
            return
        self._hand_on()
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()  # type: ignore[union-attr]  # a pipe was asked for
        while self._process.poll() is None:
            with contextlib.suppress(KeyboardInterrupt):  # it is the pager's
                self._process.wait()

    def _hand_on(self) -> None:
        if self._process is None:
            try:
                self._process = subprocess.Popen(
                    shlex.split(self._command),
                    stdin=subprocess.PIPE,
                    encoding=self._out.encoding,
                    errors=self._out.errors,
                )
            except OSError:
                self._command = ""  # no such program
                self._out.write("".join(self._held))
                self._held.clear()
                return
        try:
            self._process.stdin.write("".join(self._held))  # type: ignore[union-attr]
        except BrokenPipeError:
            self.left = True
        self._held.clear()


@contextmanager
def paged(out: TextIO, *, wanted: bool) -> Iterator[Page]:
    """A Page for one answer; without `wanted` (or a pager) it prints as it goes."""
    command = pager() if wanted else ""
    page = Page(out, _LESS if command == "less" else command)
    try:
        yield page
    finally:
        page.end()
