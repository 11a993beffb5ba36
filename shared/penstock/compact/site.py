"""What every piece of maintenance works with: the hive, the ledger, the clock, and who may be at work."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from penstock.errors import Retry
from penstock.hive import Hive
from penstock.ledger import Ledger
from penstock.places import is_here

__all__ = ["LEASE", "Site", "nothing", "utc_now"]

LEASE = dt.timedelta(minutes=20)
"""Longer than a function may live, so a lease that ran out is nobody's any more."""


def utc_now() -> dt.datetime:
    """The time of day."""
    return dt.datetime.now(dt.UTC)


def nothing(step: str) -> None:
    """Nobody watches the steps."""
    del step


@dataclass(frozen=True, slots=True)
class Site:
    """Where maintenance happens. `grace` is how long a removed file stays, longer than any query, and
    `history` how long an earlier state can be asked for: the longer one holds.

    `here` says whether directories of this machine may hold tiers: those of a function's machine may not.
    `step` is told the name of each step as it is about to be taken: whoever wants to see what
    dying there does raises.
    """

    hive: Hive
    ledger: Ledger
    grace: dt.timedelta
    now: Callable[[], dt.datetime] = utc_now
    step: Callable[[str], None] = nothing
    owner: str = field(default_factory=lambda: uuid.uuid4().hex)
    history: dt.timedelta = dt.timedelta()
    here: bool = True

    @property
    def kept(self) -> dt.timedelta:
        """How long a removed file stays."""
        return max(self.grace, self.history)

    def reaches(self, path: str) -> bool:
        """Whether the file can be touched from here: another machine's directory is left to it."""
        return self.here or not is_here(path)

    @contextmanager
    def lease(self, name: str) -> Iterator[bool]:
        """Whether the piece of work is ours alone for as long as `LEASE`; given back in the end.

        It saves work and is not what keeps the hive whole: every commit stands on its own
        conditions. Whoever dies keeps it until it runs out.
        """
        now = self.now()
        held = self.ledger.acquire(name, self.owner, now, now + LEASE) is not None
        try:
            yield held
        except Exception:
            self._release(name)
            raise
        if held:
            self._release(name)

    def forget(self, commit_id: str) -> None:
        """Drop an intent. One that stays tells the truth still: the ledger says what is live."""
        with suppress(Retry):
            self.ledger.drop_intent(commit_id)

    def _release(self, name: str) -> None:
        with suppress(Retry):
            self.ledger.release(name, self.owner)
