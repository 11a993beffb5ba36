"""Make a worker from the settings: clients, hive, ledger, and the configuration that lies in the hive."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from penstock import aws, config
from penstock.collect.worker import Worker
from penstock.condition import check_expression
from penstock.config import Config, Connection, Settings
from penstock.errors import ConfigError, Retry
from penstock.hive import open_hive, split
from penstock.ledger.open import open_ledger
from penstock.tiers import TieredHive

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

__all__ = ["ConfigReader", "S3Clients", "account", "prepare"]

_LOOK_EVERY = 60.0  # seconds between looks for a changed configuration


def prepare(
    settings: Settings,
    account: aws.Account | None = None,
    *,
    read_config: Callable[[], Config] | None = None,
) -> Worker:
    """A worker for these settings. `account` is whose credentials reach hive and ledger: the chain's.

    Without `read_config` the configuration is the one that the settings name. Nothing is read yet;
    it is with the first messages. ConfigError for settings that name no ledger.
    """
    account = account or aws.Account()
    s3: S3Client | None = None
    if settings.hive.startswith("s3://") or settings.config.startswith("s3://"):
        s3 = aws.client("s3", account, pool=settings.fetchers)
    hive = TieredHive(
        open_hive(settings.hive, s3), lambda: s3 or aws.client("s3", account, pool=settings.fetchers)
    )
    dynamodb = aws.client("dynamodb", account) if settings.ledger.startswith("dynamodb://") else None
    reader = read_config or ConfigReader(settings.config, s3)
    # A batch is fetched by the configuration that it was planned by.
    held = reader.held if isinstance(reader, ConfigReader) else reader
    clients = S3Clients(account, held, settings.fetchers, {} if s3 is None else {None: s3})
    return Worker(
        settings=settings,
        hive=hive,
        ledger=open_ledger(settings.ledger, dynamodb=dynamodb, blobs=hive),
        clients=clients,
        read_config=reader,
    )


@dataclass(slots=True)
class ConfigReader:
    """The configuration under `place` (`s3://bucket/prefix/` or a directory), read again when it changed."""

    place: str
    client: S3Client | None = None
    clock: Callable[[], float] = time.monotonic
    _seen: dict[str, str] = field(default_factory=dict)
    _looked: float = float("-inf")
    _config: Config | None = None

    def __call__(self) -> Config:
        """The configuration as it stands, at most a minute old. ConfigError when it is wrong or missing."""
        if self._config is not None and self.clock() - self._looked < _LOOK_EVERY:
            return self._config
        seen = self._list()
        if self._config is None or seen != self._seen:
            if not seen:
                raise ConfigError(f"{self.place}: found no *.tpc or *.hcl file, expected at least one")
            texts = {name: self._read(name) for name in seen}
            self._config = config.loads(texts, check_expression=check_expression)
            self._seen = seen
        self._looked = self.clock()
        return self._config

    def held(self) -> Config:
        """The configuration as it was last read, however old."""
        return self._config or self()

    def _list(self) -> dict[str, str]:
        """File names with what changes when they do."""
        if self.client is None or not self.place.startswith("s3://"):
            files = sorted(p for p in Path(self.place).glob("*") if p.suffix in (".tpc", ".hcl"))
            return {str(path): str(path.stat().st_mtime_ns) for path in files}
        bucket, prefix = split(self.place)
        try:
            pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=f"{prefix}/")
            found = [entry for page in pages for entry in page.get("Contents", [])]
        except aws.AwsError as error:
            raise Retry(f"{self.place}: {aws.code(error)}: the configuration cannot be listed") from error
        return {e["Key"]: e["ETag"] for e in found if e["Key"].endswith((".tpc", ".hcl"))}

    def _read(self, name: str) -> str:
        if self.client is None or not self.place.startswith("s3://"):
            return Path(name).read_text(encoding="utf-8")
        bucket, _ = split(self.place)
        try:
            body = self.client.get_object(Bucket=bucket, Key=name)["Body"].read()
        except aws.AwsError as error:
            raise Retry(f"s3://{bucket}/{name}: {aws.code(error)}: {error}") from error
        return body.decode("utf-8", "replace")


@dataclass(slots=True)
class S3Clients:
    """S3 clients by connection, made when first asked for."""

    account: aws.Account
    reader: Callable[[], Config]
    pool: int
    made: dict[Any, Any] = field(default_factory=dict)

    def __call__(self, connection: str) -> Any:
        wanted = account(self.reader().connections, connection, self.account)
        key = None if wanted == self.account else wanted
        if key not in self.made:
            self.made[key] = aws.client("s3", wanted, pool=self.pool)
        return self.made[key]


def account(connections: Mapping[str, Connection], name: str, default: aws.Account) -> aws.Account:
    """Whose credentials a connection (`aws.<name>`) means; one that says nothing, the process's own.

    That is the implicit default most of all: its client is the one that reaches the hive, made once.
    """
    found = connections.get(name)
    if found is None or found == Connection(found.name):
        return default
    return aws.Account(
        profile=found.profile,
        access_key=found.access_key,
        secret_key=found.secret_key,
        session_token=found.session_token,
        region=found.region or default.region,
        role_arn=found.role_arn,
        external_id=found.external_id,
        session_name=found.session_name,
        endpoint_url=found.endpoint_url or default.endpoint_url,
        retry_attempts=found.retry_attempts,
        path_style=found.s3_force_path_style,
    )
