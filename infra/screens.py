"""The pictures of the command line in the docs, taken from a real terminal: `make screens`.

A day of the sample story is collected into a hive in a directory; then the commands are typed into
tmux, and what the terminal shows is drawn as SVG. Needs tmux. Times that are shown are this machine's.
"""

from __future__ import annotations

import datetime as dt
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from rich import _export_format
from rich.console import Console
from rich.text import Text

from infra.samples.trees import objects

__all__ = ["SCREENS", "Screen", "main"]

_DOCS = Path(__file__).parents[1] / "docs" / "screens"
_WIDTH, _HEIGHT = 104, 22
_PATIENCE = 120  # seconds
_DAY = dt.datetime(2026, 1, 31, tzinfo=dt.UTC)
_CONFIG = """partition "aws_cloudtrail_log" "prod" {
  source "file" {
    paths = ["logs"]
  }
}
"""
# The fonts are the reader's own: nothing is fetched by whoever opens a page.
_FORMAT = re.sub(
    r"@font-face \{\{.*?\}\}\s*", "", _export_format.CONSOLE_SVG_FORMAT, flags=re.DOTALL
).replace("<svg ", '<svg xml:space="preserve" ', 1)  # some programs drop the spaces before a word


@dataclass(frozen=True, slots=True)
class Screen:
    """One picture: what is typed (a text, then keys by tmux's names), and what must then be shown."""

    name: str
    title: str
    steps: tuple[tuple[str, tuple[str, ...], str], ...]


_ENTER = ("Enter",)
SCREENS = (
    Screen(
        "query",
        "penstock query",
        (
            (
                'penstock query "select event_name, count(*) as calls, count(distinct source_ip_address) as'
                " addresses from aws_cloudtrail_log where error_code is not null group by all"
                ' order by calls desc limit 8"',
                _ENTER,
                "rows in",
            ),
            (
                "penstock query --explain"
                " \"from aws_cloudtrail_log where tp_timestamp < '2026-01-31 06:00'\"",
                _ENTER,
                "at most",
            ),
            ('penstock query "select evnt_name from aws_cloudtrail_log"', _ENTER, "Candidate"),
        ),
    ),
    Screen(
        "shell",
        "penstock query: the shell",
        (
            ("penstock query", _ENTER, ".help shows"),
            (".from 2026-01-31", _ENTER, "from 2026-01-31"),
            ("select user_identity.type, count(*) as n, max(tp_timestamp) as latest", _ENTER, "->"),
            ("from aws_cloudtrail_log where event_name = 'ConsoleLogin'", _ENTER, "ConsoleLogin"),
            ("group by 1 order by n desc;", _ENTER, "rows in"),
            (
                "select event_name, source_ip_address from aws_cloudtrail_log where user_identity.a",
                (),
                "access_key_id",
            ),
        ),
    ),
)


def main() -> None:
    """Take every picture anew."""
    _DOCS.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="penstock-screens-") as folder:
        home = _prepared(Path(folder))
        for screen in SCREENS:
            path = _DOCS / f"{screen.name}.svg"
            path.write_text(_drawn(screen, _taken(screen, home)), encoding="utf-8")
            print(path)


def _prepared(home: Path) -> Path:
    """A home with a workspace that has collected the story."""
    for sample in objects("screens", 96, 250, _DAY):
        path = home / "logs" / sample.key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(sample.body)
    (home / "main.tpc").write_text(_CONFIG)
    subprocess.run([_penstock(), "collect"], cwd=home, env=_environment(home), check=True, stdout=sys.stderr)
    return home


def _penstock() -> str:
    return str(Path(sys.executable).with_name("penstock"))


def _environment(home: Path) -> dict[str, str]:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return {"PATH": path, "HOME": str(home), "TERM": "xterm-256color", "LANG": "C.UTF-8", "PS1": "$ "}


@contextmanager
def _terminal(home: Path) -> Iterator[list[str]]:
    """A tmux of its own; what its commands begin with."""
    tmux = shutil.which("tmux")
    if tmux is None:
        raise SystemExit("tmux is not here, expected it to take the pictures with")
    command = [tmux, "-S", str(home / "tmux"), "-f", "/dev/null"]
    size = ["-x", str(_WIDTH), "-y", str(_HEIGHT)]
    shell = ["env", "-i", *(f"{k}={v}" for k, v in _environment(home).items()), "sh"]
    subprocess.run([*command, "new-session", "-d", *size, "-c", str(home), *shell], check=True)
    try:
        yield command
    finally:
        subprocess.run([*command, "kill-server"], check=True)


def _taken(screen: Screen, home: Path) -> str:
    """What the terminal shows in the end, with its colours."""
    with _terminal(home) as tmux:
        _until(tmux, "$")
        for text, keys, shown in screen.steps:
            if text:  # a semicolon at its end would be tmux's own
                subprocess.run([*tmux, "send-keys", "-l", re.sub(";$", r"\\;", text)], check=True)
            if keys:
                subprocess.run([*tmux, "send-keys", *keys], check=True)
            _until(tmux, shown)
        return _shown(tmux, "-e")


def _until(tmux: list[str], text: str) -> None:
    """Wait until it is shown and the screen is still."""
    last, end = "", time.monotonic() + _PATIENCE
    while time.monotonic() < end:
        now = _shown(tmux)
        if text in now and now == last:
            return
        last = now
        time.sleep(1.5)
    raise SystemExit(f"found no {text!r} on the screen after {_PATIENCE} s:\n{last}")


def _shown(tmux: list[str], *more: str) -> str:
    command = [*tmux, "capture-pane", "-p", *more]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def _drawn(screen: Screen, shown: str) -> str:
    console = Console(record=True, width=_WIDTH, file=open(os.devnull, "w"), force_terminal=True)  # noqa: SIM115, PTH123
    for line in shown.rstrip("\n").splitlines():
        console.print(Text.from_ansi(line), soft_wrap=True)
    return console.export_svg(title=screen.title, code_format=_FORMAT, unique_id=screen.name)


if __name__ == "__main__":
    main()
