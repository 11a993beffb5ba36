"""Opens the Iceberg catalogue that a setting names: AWS Glue's, or a SQLite file of this machine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from penstock import aws
from penstock.catalogue.lake import root
from penstock.errors import ConfigError, PenstockError
from penstock.hive import Hive

if TYPE_CHECKING:
    from pyiceberg.catalog import Catalog

__all__ = ["FOLDER", "Home", "open_home"]

FOLDER = "_iceberg"
"""Where the metadata stands below the hive's root."""


@dataclass(frozen=True, slots=True)
class Home:
    """Where the tables of a hive are: in the database `database` of a catalogue. `faults` is what it raises
    when it cannot be reached now."""

    catalog: Catalog
    database: str
    hive: Hive
    faults: tuple[type[Exception], ...]

    def location(self, table: str) -> str:
        """The folder of a table's metadata, as a URI."""
        return f"{root(self.hive.root)}{FOLDER}/{table}"


def open_home(url: str, hive: Hive, glue: Callable[[], Any]) -> Home:
    """The home at `glue://<database>` or `sqlite:///<file>`; without a URL, a file in a hive's directory.

    `glue` makes a client when it is needed. ConfigError when no catalogue is named or pyiceberg is
    not installed.
    """
    if not url and "://" in hive.root:
        raise ConfigError(
            'export = "iceberg": found no catalogue, expected PENSTOCK_ICEBERG=glue://<database>'
        )
    url = url or f"sqlite:///{Path(hive.root, FOLDER, 'catalog.sqlite')}"
    try:
        return _opened(url, hive, glue)
    except ImportError as error:
        raise ConfigError(f'export = "iceberg": {error}; pip install "penstock[iceberg]"') from error
    except OSError as error:
        raise ConfigError(f'export = "iceberg": {url}: {error}') from error


def _opened(url: str, hive: Hive, glue: Callable[[], Any]) -> Home:
    from penstock.compact.iceberg.storage import HIVE, HiveIO

    scheme, _, rest = url.partition("://")
    settings: dict[str, Any] = {"py-io-impl": f"{HiveIO.__module__}.{HiveIO.__name__}", HIVE: hive}
    if scheme == "glue":
        from pyiceberg.catalog.glue import GlueCatalog

        return Home(GlueCatalog("penstock", client=glue(), **settings), rest, hive, aws.AwsError)
    if scheme != "sqlite":
        raise PenstockError(f"found {url!r}, expected glue://<database> or sqlite:///<file>")
    from pyiceberg.catalog.sql import SqlCatalog
    from sqlalchemy import NullPool, create_engine
    from sqlalchemy.exc import OperationalError

    path = Path(rest[1:])
    path.parent.mkdir(parents=True, exist_ok=True)
    catalog = SqlCatalog("penstock", uri=f"sqlite:///{path.absolute()}", **settings)
    catalog.close()
    catalog.engine = create_engine(catalog.engine.url, poolclass=NullPool)  # no connection between calls
    catalog.create_namespace_if_not_exists("penstock")
    return Home(catalog, "penstock", hive, (OperationalError,))
