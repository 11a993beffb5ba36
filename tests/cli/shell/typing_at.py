"""Types at `penstock query` on a pseudo terminal, as a person does."""

from __future__ import annotations

import os
import re
import signal
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pexpect

__all__ = ["READY", "TAKEN", "Person", "Terminal"]

READY, TAKEN = "\x1b[?2004h", "\x1b[?2004l"
"""What the prompt says to the terminal when it begins to take keys, and when it has got a line."""
_SECONDS = 60
_STILL = 0.7
_ESCAPES = re.compile(r"\x1b(\[[0-?]*[ -/]*[@-~]|[@-_=>])")


@dataclass
class Person:
    """Somebody at one shell; `seen` is all that was shown, escape sequences and all."""

    child: Any
    seen: str = ""

    def wait(self, text: str) -> str:
        """Wait until `text` is shown; what was shown up to it, without escape sequences."""
        self.child.expect_exact(text)
        part = self.child.before + text
        self.seen += part
        return _ESCAPES.sub("", part)

    def enter(self, text: str, until: str) -> str:
        """Enter a line, wait for what it brings, and for the prompt behind it; what it brought."""
        self.child.send(text + "\r")
        return self.brings(until)

    def brings(self, until: str) -> str:
        """Wait until the line is taken, has brought `until`, and the prompt is back; what it brought."""
        self.wait(TAKEN)
        return self.wait(until) + self.wait(READY)

    def press(self, keys: str) -> None:
        """Press keys."""
        self.child.send(keys)

    def settle(self) -> str:
        """Wait until the screen is still; what was shown."""
        part = ""
        while self.child.expect([".+", pexpect.TIMEOUT], timeout=_STILL) == 0:
            part += self.child.after
        self.seen += part
        return _ESCAPES.sub("", part)

    def leaves(self) -> int:
        """Wait until the shell has ended; its exit status."""
        self.child.expect(pexpect.EOF)
        self.seen += self.child.before
        self.child.close()
        return int(self.child.exitstatus)


@dataclass
class Terminal:
    """Where shells are opened: `home` has the configuration."""

    home: Path
    opened: list[Person] = field(default_factory=list)

    def open(self, *arguments: str, before: tuple[str, ...] = (), **more: str) -> Person:
        """A shell that has shown its prompt; `before` stands before the command's name."""
        environment = {
            "HOME": str(self.home),
            "PATH": os.environ["PATH"],
            "TERM": "xterm",
            "PENSTOCK_PAGER": "",
            "PROMPT_TOOLKIT_NO_CPR": "1",  # this terminal does not say where its cursor is
        }
        child = pexpect.spawn(
            sys.executable,
            ["-m", "penstock.cli", *before, "query", *arguments],
            env=environment | more, cwd=str(self.home), timeout=_SECONDS, encoding="utf-8",
            dimensions=(40, 160),
            # Whoever runs the tests in the background has it ignored, and a child inherits that.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )  # fmt: skip
        person = Person(child)
        self.opened.append(person)
        person.wait(READY)
        return person

    def close(self) -> None:
        """End what still runs."""
        for person in self.opened:
            person.child.close(force=True)
