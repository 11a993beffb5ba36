"""What one run of the sweep did, for the log, the metrics and whoever runs it again."""

from __future__ import annotations

from dataclasses import dataclass, field

__all__ = ["Report"]


@dataclass(slots=True)
class Report:
    """Counts of a run. Partitions are named `table.partition`.

    requests: LIST requests. keys: versions listed. objects: those of them that a partition wants.
    known: wanted ones that the ledger knows. queued: those that were sent to the queue.
    rows: read by polling sources that send no events. moves: how often a cursor moved.
    busy: partitions that another sweep works at. held: those whose next pass waits until the queue is
    shorter. unfinished: partitions for which time ran out; the
    next run goes on where this one ended. failed: partitions that could not be swept, with the reason.
    """

    requests: int = 0
    keys: int = 0
    objects: int = 0
    known: int = 0
    queued: int = 0
    rows: int = 0
    moves: int = 0
    busy: list[str] = field(default_factory=list)
    held: list[str] = field(default_factory=list)
    unfinished: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)

    @property
    def goes_on(self) -> bool:
        """Whether running again at once gets further: time ran out, and not without any progress."""
        return bool(self.unfinished) and self.moves > 0
