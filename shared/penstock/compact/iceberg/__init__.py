"""Publishes partitions as Iceberg tables, for engines that want snapshots and time travel. No data is copied.

An Iceberg table per Penstock table lists the very files that the ledger has live, in the state of each
partition at one version. A snapshot notes these versions, and one that follows is the difference
between it and the ledger: so it does not matter how often, by how many or how far a publication ran.

    penstock table ─columns─▶ schema          ledger's live files ┐
                                              newest snapshot's   ┴─difference─▶ one commit

pyiceberg writes the metadata, without pyarrow; it is imported only where a partition is exported.
"""

from penstock.compact.iceberg.catalogs import Home, open_home
from penstock.compact.iceberg.publish import Published, publish

__all__ = ["Home", "Published", "open_home", "publish"]
