"""Finds the workspace a command works on, and opens its ledger and the way to its hive."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from penstock import aws, hive
from penstock.aws import Account
from penstock.config import Config, Workspace, cache_bytes, load, search_path, workspace_name
from penstock.errors import ConfigError, Problem
from penstock.ledger import Ledger
from penstock.ledger.open import open_ledger
from penstock.query import Ranges
from penstock.tiers import TieredHive

if TYPE_CHECKING:
    from botocore.session import Session
    from mypy_boto3_s3 import S3Client

__all__ = [
    "account_of",
    "bucket_exists",
    "bucket_of",
    "cache_of",
    "client_of",
    "config_option",
    "hive_of",
    "ledger_of",
    "ledger_stands",
    "options",
    "ranges_of",
    "reader_of",
    "workspace_of",
]

_READERS = 64  # connections to S3 at once: as many as DuckDB has threads, on large machines too


def options(command: Callable[..., Any]) -> Callable[..., Any]:
    """`--workspace` and `--config-path`, which every command that touches a hive takes."""
    command = click.option("--workspace", help="Workspace to use; else PENSTOCK_WORKSPACE, else default.")(
        command
    )
    return config_option(command)


def config_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """`--config-path`, which every command that reads the configuration takes."""
    path = "Where the configuration is, colons between; else PENSTOCK_CONFIG_PATH, else here."
    return click.option("--config-path", help=path)(command)


def workspace_of(workspace: str | None, config_path: str | None) -> tuple[Workspace, Config]:
    """The chosen workspace and the configuration it stands in; ConfigError when there is none such."""
    config = load(search_path(config_path))
    return config.workspace(workspace_name(workspace)), config


def cache_of(workspace: Workspace) -> Path:
    """The directory that keeps what can be made again for this workspace."""
    return Path("~/.penstock/cache", re.sub(r"[^\w.-]", "_", workspace.name)).expanduser()


def ranges_of(workspace: Workspace) -> Ranges | None:
    """What keeps the ranges that queries read; None when the environment says to keep none."""
    limit = cache_bytes()
    return Ranges(cache_of(workspace) / "ranges.sqlite", limit) if limit else None


def bucket_of(workspace: Workspace) -> str:
    """The hive's bucket; empty when the hive is a directory."""
    match = re.match(r"s3://([^/]+)", workspace.hive)
    return match[1] if match else ""


def account_of(workspace: Workspace) -> Account:
    """Whose credentials reach the workspace, and where."""
    return Account(
        profile=workspace.profile, region=workspace.region, endpoint_url=workspace.endpoint_url or None
    )


def ledger_of(workspace: Workspace) -> Ledger:
    """The workspace's ledger; ConfigError when its URL is wrong or there is no such profile."""
    if not workspace.ledger.startswith("dynamodb://"):
        return open_ledger(workspace.ledger)
    dynamodb, s3 = client_of("dynamodb", workspace), client_of("s3", workspace)
    return open_ledger(workspace.ledger, dynamodb=dynamodb, blobs=hive.open_hive(workspace.hive, s3))


def ledger_stands(workspace: Workspace) -> bool:
    """Whether the ledger may be there: a SQLite file would be made by opening it."""
    scheme, _, path = workspace.ledger.partition(":///")
    return scheme != "sqlite" or Path(path).is_file()


def client_of(service: str, workspace: Workspace, *, pool: int = 10) -> Any:
    """A client of the service as the workspace's profile; ConfigError when there is no such profile."""
    with _named(workspace):
        return aws.client(service, account_of(workspace), pool=pool, within=_session(workspace))


def hive_of(workspace: Workspace) -> hive.Hive:
    """The workspace's hive, to write to; ConfigError when there is no such profile."""
    client = client_of("s3", workspace) if bucket_of(workspace) else None
    return TieredHive(hive.open_hive(workspace.hive, client), lambda: client or client_of("s3", workspace))


def reader_of(workspace: Workspace, config: Config) -> S3Client | None:
    """A client that reads the hive with credentials of the AWS chain (profile, environment, SSO, role).

    None for a hive in a directory that has no tier in a bucket. ConfigError when there are no
    credentials to be had.
    """
    tiers = (tier for partition in config.partitions.values() for tier in partition.tiers)
    if not bucket_of(workspace) and not any("://" in tier.place.root for tier in tiers):
        return None
    with _named(workspace):
        found = aws.has_credentials(_session(workspace))
    if not found:
        expected = "a profile, environment variables, an SSO session or a role"
        text = f"found no AWS credentials, expected {expected}"
        raise ConfigError(Problem(f'workspace "{workspace.name}"', 0, text))
    client: S3Client = client_of("s3", workspace, pool=_READERS)
    _sessions().clear()  # who is asked later (.refresh of the shell) looks for credentials anew
    return client


def _session(workspace: Workspace) -> Session:
    """One for ledger and hive, so that credentials are asked for once."""
    account, made = account_of(workspace), _sessions()
    if account not in made:
        made[account] = aws.session(account)
    return made[account]


def _sessions() -> dict[Account, Session]:
    """Those of the running command."""
    context = click.get_current_context(silent=True)
    found: dict[Account, Session] = context.meta.setdefault(__name__, {}) if context else {}
    return found


@contextmanager
def _named(workspace: Workspace) -> Iterator[None]:
    """What is wrong with the profile is the workspace's fault."""
    try:
        yield
    except aws.AwsError as error:
        raise ConfigError(Problem(f'workspace "{workspace.name}"', 0, str(error))) from error


def bucket_exists(workspace: Workspace) -> bool:
    """Whether the hive's bucket is there; one that may not be looked at counts as there."""
    try:
        client_of("s3", workspace).head_bucket(Bucket=bucket_of(workspace))
    except aws.AwsError as error:
        return aws.code(error) not in ("404", "NoSuchBucket")
    return True
