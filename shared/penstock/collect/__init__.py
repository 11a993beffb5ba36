"""Collect: from messages of the queue to committed files.

`prepare` makes a `Worker` from the settings, once per process; `Worker.handle` collects what a
batch of messages names and says in its `Report` what it did and which messages must come again.
"""

from penstock.collect.prepare import prepare
from penstock.collect.worker import Report, Worker

__all__ = ["Report", "Worker", "prepare"]
