"""Makes a compactor from the settings: clients, hive, ledger, and the configuration that lies in the hive."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

from penstock import aws
from penstock.collect.prepare import ConfigReader
from penstock.compact.iceberg import open_home
from penstock.compact.plan import Policy
from penstock.compact.site import Site
from penstock.compact.worker import Compactor, Options
from penstock.config import Config, Settings
from penstock.hive import Hive, LocalHive, open_hive
from penstock.ledger import Ledger
from penstock.ledger.open import open_ledger
from penstock.tiers import TieredHive

__all__ = ["compactor", "prepare"]

_POOL = 16


def prepare(settings: Settings, account: aws.Account | None = None) -> Compactor:
    """A compactor for these settings. `account` is whose credentials reach hive and ledger: the chain's.

    Nothing is read yet. ConfigError for settings that name no ledger.
    """
    account = account or aws.Account()
    on_s3 = settings.hive.startswith("s3://") or settings.config.startswith("s3://")
    s3 = aws.client("s3", account, pool=_POOL) if on_s3 else None
    own = open_hive(settings.hive, s3)
    hive = TieredHive(own, lambda: s3 or aws.client("s3", account, pool=_POOL))
    dynamodb = aws.client("dynamodb", account) if settings.ledger.startswith("dynamodb://") else None
    ledger = open_ledger(settings.ledger, dynamodb=dynamodb, blobs=hive)
    here = isinstance(own, LocalHive)  # of a function's machine, no directory lasts
    return compactor(settings, hive, ledger, ConfigReader(settings.config, s3), account, here=here)


def compactor(
    settings: Settings,
    hive: Hive,
    ledger: Ledger,
    read_config: Callable[[], Config],
    account: aws.Account,
    *,
    here: bool = True,
) -> Compactor:
    """A compactor of a hive and a ledger that are open already; `here` as in `Site`.

    `account` is who asks AWS Glue.
    """
    return Compactor(
        site=Site(
            hive,
            ledger,
            dt.timedelta(seconds=settings.grace_seconds),
            history=dt.timedelta(seconds=settings.history_seconds),
            here=here,
        ),
        source=settings.ledger,
        options=Options(
            Policy(settings.target_bytes, settings.job_bytes), settings.memory_mb, settings.threads
        ),
        read_config=read_config,
        iceberg=lambda: open_home(settings.iceberg, hive, lambda: aws.client("glue", account)),
    )
