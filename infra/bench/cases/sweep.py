"""Sweep: a tree of a million keys is planned; the listing is simulated at the client, the rest is real.

The tree is 20 accounts of 5 regions over 90 days, 112 objects a day and region, and as many of another
service. No key of it is kept: each answer is made when it is asked for.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from infra.bench import Context, Figure
from infra.bench.alone import alone
from penstock import collect, config
from penstock.ledger.open import open_ledger
from penstock.sweep import Queue, Sweeper

NEEDS: tuple[str, ...] = ()

_MOST_MB = 300
_MOST_REQUESTS = 5.0
_PAGE = 1000
_END = dt.datetime(2026, 2, 1, tzinfo=dt.UTC)
_MODIFIED = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
_CONFIG = """
partition "aws_cloudtrail_log" "bench" {
  source "aws_s3_bucket" {
    bucket = "bench-logs"
  }
}
"""


def run(context: Context) -> list[Figure]:
    """Keys a second, memory and requests of a first sweep of everything."""
    took = alone(f"{__name__}:sweep", work=str(context.work), accounts=20, regions=5, days=90, each=112)
    found = took.result
    expected = 20 * 5 * 90 * 112
    if (found["objects"], found["known"] + found["queued"]) != (expected, expected):
        raise RuntimeError(f"sweep: found {found}, expected {expected} objects, each known or queued")
    note = f"{found['objects']:,} objects, {found['queued']:,} queued"
    requests = f"{found['requests']:,}, of which {found['folders']:,} for folders; 9,000 folders have keys"
    return [
        Figure("sweep", found["objects"] / took.cpu, "keys/s cpu", note=note),
        Figure("sweep, peak memory", took.peak_mb, "MB", _MOST_MB, "<=", "resident, of the whole process"),
        Figure(
            "sweep, LIST requests for each thousand objects",
            found["requests"] / (expected / 1000),
            "requests",
            _MOST_REQUESTS,
            "<=",
            requests,
        ),
    ]


@dataclass
class Tree:
    """S3's listing of a bucket, by rule and not by memory."""

    accounts: int
    regions: int
    days: int
    each: int
    asked: Counter[str] = field(default_factory=Counter)

    def list_objects_v2(self, *, Prefix: str, StartAfter: str = "", **_: Any) -> dict[str, Any]:  # noqa: N803
        """The folders in a folder."""
        self.asked["folders"] += 1
        found = [f"{Prefix}{name}/" for name in self._names(Prefix)]
        return {"CommonPrefixes": [{"Prefix": path} for path in found if path > StartAfter]}

    def list_object_versions(
        self,
        *,
        Prefix: str,  # noqa: N803
        KeyMarker: str = "",  # noqa: N803
        **_: Any,
    ) -> dict[str, Any]:
        """A page of keys, from behind one on."""
        self.asked["versions"] += 1
        keys = list(islice(self._keys("", Prefix, KeyMarker), _PAGE + 1))
        versions = [
            {
                "Key": key,
                "VersionId": "null",
                "ETag": f'"{hash(key):x}"',
                "Size": 1,
                "LastModified": _MODIFIED,
            }
            for key in keys[:_PAGE]
        ]
        more = len(keys) > _PAGE
        return {"Versions": versions, "IsTruncated": more, **({"NextKeyMarker": keys[-2]} if more else {})}

    def _keys(self, folder: str, prefix: str, after: str) -> Iterator[str]:
        if folder.count("/") == 7:
            keys = (f"{folder}{number:05d}.json.gz" for number in range(self.each))
            yield from (key for key in keys if key > after and key.startswith(prefix))
            return
        for name in self._names(folder):
            inner = f"{folder}{name}/"
            if inner + "~" > after and (inner.startswith(prefix) or prefix.startswith(inner)):
                yield from self._keys(inner, prefix, after)

    def _names(self, prefix: str) -> Sequence[str]:
        parts = prefix.split("/")[:-1]
        days = sorted(_END - dt.timedelta(days=n + 1) for n in range(self.days))
        match len(parts):
            case 0:
                return ["AWSLogs"]
            case 1:
                return [f"{n:012d}" for n in range(self.accounts)]
            case 2:
                return ["CloudTrail", "Config"]
            case 3:
                return [f"region-{n}" for n in range(self.regions)]
            case 4:
                return sorted({f"{day:%Y}" for day in days})
            case 5:
                return sorted({f"{day:%m}" for day in days if f"{day:%Y}" == parts[4]})
            case _:
                return [f"{day:%d}" for day in days if f"{day:%Y/%m}" == "/".join(parts[4:6])]


@dataclass
class Counted:
    """An SQS client that takes everything and keeps nothing."""

    messages: int = 0

    def send_message_batch(self, *, Entries: Sequence[Any], **_: Any) -> dict[str, Any]:  # noqa: N803
        """Take them."""
        self.messages += len(Entries)
        return {}


def sweep(work: str, accounts: int, regions: int, days: int, each: int) -> dict[str, int]:
    """A first sweep of the whole tree; what it found."""
    tree: Any = Tree(accounts, regions, days, each)
    queue: Any = Counted()
    folder = Path(work)
    folder.mkdir(parents=True, exist_ok=True)
    ledger = open_ledger(f"sqlite:///{folder / 'ledger.sqlite'}")
    environ = {
        "PENSTOCK_HIVE": str(folder / "hive"),
        "PENSTOCK_LEDGER": f"sqlite:///{folder / 'ledger.sqlite'}",
        "PENSTOCK_SWEEP_FIRST_DAYS": str(days + 1),
    }
    read = config.loads({"main.tpc": _CONFIG})
    sweeper = Sweeper(
        settings=config.settings_from_env(environ),
        ledger=ledger,
        queue=Queue(queue, "bench"),
        clients=lambda _: tree,
        read_config=lambda: read,
        poll=lambda *_: collect.Report(),
        owner="bench",
        now=lambda: _END,
    )
    report = sweeper.run()
    return {
        "objects": report.objects,
        "known": report.known,
        "queued": report.queued,
        "requests": report.requests,
        "folders": tree.asked["folders"],
    }
