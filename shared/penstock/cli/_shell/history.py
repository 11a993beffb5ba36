"""Keeps what was entered from one shell to the next."""

from __future__ import annotations

import os
from itertools import islice
from pathlib import Path

from prompt_toolkit.history import FileHistory, History, InMemoryHistory

__all__ = ["MOST_ENTRIES", "open_history"]

MOST_ENTRIES = 5000


def open_history(path: Path) -> tuple[History, str]:
    """The history kept at `path`, and why it is not kept, if it cannot be.

    Statements name what somebody looks for, so nobody else can read the file. When it has twice
    MOST_ENTRIES, the older half goes.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600))
        kept = FileHistory(path)
        entries = list(islice(kept.load_history_strings(), 2 * MOST_ENTRIES))
        if len(entries) == 2 * MOST_ENTRIES:
            _rewrite(path, entries[:MOST_ENTRIES])
    except OSError as error:
        return InMemoryHistory(), f"{path}: what you enter is not kept: {error.strerror}"
    return kept, ""


def _rewrite(path: Path, newest_first: list[str]) -> None:
    beside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    os.close(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600))
    fresh = FileHistory(beside)
    for entry in reversed(newest_first):
        fresh.store_string(entry)
    beside.replace(path)
