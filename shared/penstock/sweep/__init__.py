"""Sweep: finds what events missed, and what was there before there were events.

`prepare` makes a `Sweeper` from the settings, once per process; `Sweeper.run` sweeps every
partition and says in its `Report` what it found and whether there is more to do.

    position  up to when a source is swept, as the text of a cursor in the ledger
    queue     names of objects to the queue that collect reads
    sweeper   one run: list, ask, send, move the cursor
"""

from penstock.sweep.prepare import prepare
from penstock.sweep.queue import Queue
from penstock.sweep.report import Report
from penstock.sweep.sweeper import Sweeper

__all__ = ["Queue", "Report", "Sweeper", "prepare"]
