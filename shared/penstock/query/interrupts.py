"""Ctrl-C while DuckDB computes."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

__all__ = ["heeded"]


@contextmanager
def heeded(stop: Callable[[], None]) -> Iterator[None]:
    """Meanwhile Ctrl-C calls `stop` at once, from another thread; KeyboardInterrupt follows as ever.

    Python hears of a signal when DuckDB gives back control, which its package does between tasks: one
    task of a join without a condition lasts minutes. On other threads than the main one nothing changes,
    for they get no signals.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    end, wake = os.pipe()
    os.set_blocking(wake, False)
    before = signal.set_wakeup_fd(wake, warn_on_full_buffer=False)

    def watch() -> None:
        while told := os.read(end, 1):
            if told[0] == signal.SIGINT:
                stop()

    watcher = threading.Thread(target=watch, name="ctrl-c", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        signal.set_wakeup_fd(before)
        os.close(wake)
        watcher.join()
        os.close(end)
