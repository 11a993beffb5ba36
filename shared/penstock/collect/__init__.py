"""Collect: from messages of the queue, or from what a source lists, to committed files.

`prepare` makes a `Worker` from the settings, once per process. `Worker.handle` collects what a
batch of messages names, `Worker.collect` objects that are known by name; both say in their
`Report` what they did and what must come again.

    plan      messages to objects, objects to batches
    reach     opens and fetches the objects of each kind of source
    landing   one commit: convert, put, commit
    worker    takes batches through it, within a budget of time
"""

from penstock.collect.prepare import prepare
from penstock.collect.report import Report
from penstock.collect.worker import Worker

__all__ = ["Report", "Worker", "prepare"]
