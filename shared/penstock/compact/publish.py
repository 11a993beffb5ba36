"""Publishes the catalogue: `<root>/_catalog/penstock.ducklake`, a single put.

It is what anybody with plain DuckDB attaches, and the state from which a reader without one of its
own starts. Its head is noted in the ledger as the partition's checkpoint, after it was put: a
checkpoint that is there is covered.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from penstock import catalogue
from penstock.catalogue import State
from penstock.catalogue.shape import Columns
from penstock.compact.site import Site
from penstock.model import PartitionId

__all__ = ["PUBLISHED", "Published", "bring_up", "publish", "rebuild"]

PUBLISHED = "_catalog/penstock.ducklake"
"""Where it stands below the hive's root."""


@dataclass(frozen=True, slots=True)
class Published:
    """Whether a new state was put, and how many bytes it has."""

    put: bool
    bytes: int = 0


def bring_up(
    path: Path, site: Site, *, source: str, declared: Mapping[str, Columns], seed: bool = True
) -> State:
    """The catalogue at `path` at the ledger's head, begun from the published one when there is none.

    `source` names the ledger. A published one that was derived from another hive or ledger, or by
    another version, is not used. Retry when hive or ledger cannot be reached.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    if seed and not path.is_file():
        fresh = path.with_name(f"{path.name}.seed")
        try:
            site.hive.download(PUBLISHED, fresh)
            fresh.replace(path)
        except FileNotFoundError:
            fresh.unlink(missing_ok=True)
    return catalogue.refresh(path, site.ledger, site.hive.root, source=source, declared=declared)


def publish(site: Site, state: State, *, anyway: bool = False) -> Published:
    """Put `state` where readers find it and note its versions, if the ledger has moved since the last time.

    Alone: nothing is put while another one publishes, nor over what is newer in some partition: the next
    run has both. `anyway` puts it though nothing is new.
    """
    if not _news(site, state) and not anyway:
        return Published(False)
    with site.lease("publish") as held:
        if not held:
            return Published(False)
        # Another one may have published since `state` was looked at.
        if _is_older(site, state):
            return Published(False)
        news = _news(site, state)
        site.step("publish")
        site.hive.upload(PUBLISHED, state.path)
        site.step("checkpoint")
        for partition, version in news.items():
            site.ledger.set_checkpoint(partition, version)
    return Published(True, state.path.stat().st_size)


def _news(site: Site, state: State) -> dict[PartitionId, int]:
    """The partitions of which `state` shows more than what is published, with their versions."""
    versions = state.versions.items()
    return {one: version for one, version in versions if site.ledger.head(one).checkpoint < version}


def _is_older(site: Site, state: State) -> bool:
    """Whether what is published shows more of some partition."""
    ledger = site.ledger
    return any(ledger.head(one).checkpoint > state.versions.get(one, 0) for one in ledger.partitions())


def rebuild(path: Path, site: Site, *, source: str, declared: Mapping[str, Columns]) -> State:
    """The catalogue made anew from the ledger alone, whatever stands at `path` or is published."""
    path.unlink(missing_ok=True)
    return bring_up(path, site, source=source, declared=declared, seed=False)
