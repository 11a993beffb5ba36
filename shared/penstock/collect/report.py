"""What one call of a worker did: G2's numbers, and what must come again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from penstock.collect.plan import Task
from penstock.model import ObjectRecord

__all__ = ["Report", "add", "again", "count"]


@dataclass(slots=True)
class Report:
    """What one call did: G2's numbers for the log, and what must come again with its reason.

    `notes` say what was left out on purpose.
    """

    objects: int = 0
    known: int = 0
    unwanted: int = 0
    done: int = 0
    bad: int = 0
    rows: int = 0
    stored: int = 0
    filtered: int = 0
    rejected: int = 0
    bytes: int = 0
    files: int = 0
    commits: int = 0
    retries: int = 0
    again: dict[str, str] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def again(report: Report, owners: Mapping[str, set[str]], tasks: Sequence[Task], reason: str) -> None:
    """Note that the messages which named these objects must come again."""
    for task in tasks:
        for message_id in owners[task.ref.identity]:
            report.again.setdefault(message_id, reason)


def count(report: Report, done: Sequence[ObjectRecord]) -> None:
    """Add the records of a commit that landed."""
    for record in done:
        report.done += record.state == "done"
        report.bad += record.state == "bad"
        report.rows += record.rows_read
        report.stored += record.stored
        report.filtered += record.filtered
        report.rejected += record.rejected
        report.bytes += record.bytes
        if record.state == "bad":
            report.reasons[record.identity] = record.reason


def add(report: Report, more: Report) -> None:
    """Add what another call did."""
    for name in Report.__slots__:
        if name not in ("again", "reasons", "notes"):
            setattr(report, name, getattr(report, name) + getattr(more, name))
    report.again |= more.again
    report.reasons |= more.reasons
    report.notes += more.notes
