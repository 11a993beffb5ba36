"""Drops the oldest commits of a log, once nobody needs them: the floor takes their place.

    needed by     new readers                 up to the checkpoint: published, so not from there on
                  `settle`, that owes files   from its cursor on
                  `--at`                      for as long as the history, and the grace, say
                  a worker in the middle      for a day: none lives longer
    drop          fold floor and commits ─ put the floor ─ delete the commits

Until the floor is put nothing has changed, and from then on the commits before it are asked for by
nobody who does not find out: a gap in the log sends its reader to the floor. So any step may be
interrupted and repeated, by several at once.
"""

from __future__ import annotations

from itertools import islice, takewhile

from penstock.compact.clean import ABANDONED
from penstock.compact.site import Site
from penstock.ledger import CLEANED
from penstock.ledger.floor import fold
from penstock.model import PartitionId

__all__ = ["WORTH", "drop"]

WORTH = 500
"""Commits that make it worth while: the floor is written anew each time, with every live file."""

_MOST = 5000  # of which memory holds the files they added


def drop(site: Site, partition: PartitionId, *, worth: int = WORTH) -> int:
    """Drop what may go, if it is `worth` so many commits; how many went.

    Retry when ledger or hive cannot be reached; nothing is lost then.
    """
    ledger = site.ledger
    head, begins = ledger.head(partition), ledger.begins(partition)
    last = min(head.checkpoint, head.version - 1, int(ledger.cursor(partition, CLEANED) or 0))
    if last - begins < worth:
        return 0
    with site.lease(f"compact#{partition}#drop") as held:
        if not held:
            return 0
        before = site.now() - max(site.kept, ABANDONED)
        old = takewhile(lambda commit: commit.time <= before, ledger.commits(partition, begins, last))
        commits = list(islice(old, _MOST))
        if len(commits) < worth:
            return 0
        site.step("finish drop")
        ledger.drop(partition)  # what one that died left: its floor is about to be replaced
        site.step("floor")
        floor = ledger.floor(partition)
        if floor.version != begins:
            return 0  # another one put it meanwhile: it has some of the commits already
        ledger.put_floor(partition, fold(floor, commits))
        site.step("drop")
        return ledger.drop(partition)
