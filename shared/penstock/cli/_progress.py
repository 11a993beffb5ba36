"""Shows how far a statement is, once it takes longer than a second, on a terminal."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from types import TracebackType
from typing import Self, TextIO, TypeVar

from penstock import query

__all__ = ["Bar"]

T = TypeVar("T")

_PATIENCE = 1.0  # seconds
_EVERY = 0.1


class Bar:
    """A bar on `err` while a statement of `session` runs; use it as a context. It clears up behind itself.

    `latest` is when the last items came (`time.perf_counter`): what a person reads afterwards is no
    part of the statement.
    """

    def __init__(self, session: query.Session, err: TextIO) -> None:
        self._session, self._err = session, err
        self._done = threading.Event()
        self._thread: threading.Thread | None = None
        self.latest = time.perf_counter()

    def __enter__(self) -> Self:
        """Begin to wait."""
        if self._err.isatty():
            self._thread = threading.Thread(target=self._draw, daemon=True)
            self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Take it away."""
        self.stop()

    def stop(self) -> None:
        """Take it away before rows are shown."""
        self._done.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def watch(self, items: Iterator[T], *, until_first: bool = False) -> Iterator[T]:
        """The items; with `until_first` the bar is gone before the first one (it goes to the same screen)."""
        for item in items:
            self.latest = time.perf_counter()
            if until_first:
                self.stop()
            yield item
        self.latest = time.perf_counter()
        self.stop()

    def _draw(self) -> None:
        if self._done.wait(_PATIENCE):
            return
        from rich.console import Console  # most statements are done before they need it
        from rich.progress import BarColumn, Progress, TaskProgressColumn, TimeElapsedColumn

        shown = (BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
        with Progress(*shown, console=Console(file=self._err), transient=True) as progress:
            task = progress.add_task("", total=None)
            while not self._done.wait(_EVERY):
                percent = query.progress(self._session)
                progress.update(task, total=100 if percent > 0 else None, completed=max(percent, 0))
