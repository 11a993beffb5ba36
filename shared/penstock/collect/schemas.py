"""Refuses to write files of a table beside which its older ones could not be read."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from penstock.errors import Retry
from penstock.hive import Hive
from penstock.model import Schema

if TYPE_CHECKING:
    from penstock.catalogue.change import Misfit

__all__ = ["refused"]


def refused(schema: Schema, known: Mapping[str, Schema], hive: Hive, folder: Path) -> tuple[Misfit, ...]:
    """Why the files of the `known` schemas cannot be read as `schema`; empty: they can.

    The ledger does not forget a schema when its last file goes. So only where one stands in the way
    the published catalogue is asked which of them live files have. `folder` is to work in.
    """
    others = [one for one in known.values() if one.columns != schema.columns]
    if not others:
        return ()
    from penstock import catalogue
    from penstock.catalogue import change

    found = change.unreadable(schema.table, schema.columns, [change.Held(one) for one in others])
    if not found:
        return ()
    from penstock.compact.publish import PUBLISHED  # with all of compaction; hardly ever needed

    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        path = Path(scratch, "published.ducklake")
        try:
            hive.download(PUBLISHED, path)
        except (FileNotFoundError, Retry):  # a role that may not list is denied what is not there
            return found
        if catalogue.read(path) is None:
            return found
        return change.unreadable(schema.table, schema.columns, change.held(path))
