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

    Alone: nothing is put while another one publishes. `anyway` puts it though nothing is new.
    """
    behind = {
        partition: version
        for partition, version in state.versions.items()
        if site.ledger.head(partition).checkpoint < version
    }
    if not behind and not anyway:
        return Published(False)
    with site.lease("publish") as held:
        if not held:
            return Published(False)
        site.step("publish")
        site.hive.upload(PUBLISHED, state.path)
        site.step("checkpoint")
        for partition, version in behind.items():
            site.ledger.set_checkpoint(partition, version)
    return Published(True, state.path.stat().st_size)


def rebuild(path: Path, site: Site, *, source: str, declared: Mapping[str, Columns]) -> State:
    """The catalogue made anew from the ledger alone, whatever stands at `path` or is published."""
    path.unlink(missing_ok=True)
    return bring_up(path, site, source=source, declared=declared, seed=False)
