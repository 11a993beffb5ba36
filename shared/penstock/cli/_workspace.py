"""Finds the workspace a command works on, and opens its ledger and the way to its hive."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from penstock import aws, hive
from penstock.aws import Account
from penstock.config import Config, Workspace, load, search_path, workspace_name
from penstock.errors import ConfigError, Problem
from penstock.ledger import Ledger
from penstock.ledger.open import open_ledger
from penstock.query import S3Access

__all__ = [
    "access_of",
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
    "workspace_of",
]


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
    account = account_of(workspace)
    try:
        dynamodb, s3 = aws.client("dynamodb", account), aws.client("s3", account)
    except aws.AwsError as error:
        raise ConfigError(Problem(f'workspace "{workspace.name}"', 0, str(error))) from error
    return open_ledger(workspace.ledger, dynamodb=dynamodb, blobs=hive.open_hive(workspace.hive, s3))


def ledger_stands(workspace: Workspace) -> bool:
    """Whether the ledger may be there: a SQLite file would be made by opening it."""
    scheme, _, path = workspace.ledger.partition(":///")
    return scheme != "sqlite" or Path(path).is_file()


def client_of(service: str, workspace: Workspace) -> Any:
    """A client of the service as the workspace's profile; ConfigError when there is no such profile."""
    try:
        return aws.client(service, account_of(workspace))
    except aws.AwsError as error:
        raise ConfigError(Problem(f'workspace "{workspace.name}"', 0, str(error))) from error


def hive_of(workspace: Workspace) -> hive.Hive:
    """The workspace's hive, to write to; ConfigError when there is no such profile."""
    if not bucket_of(workspace):
        return hive.open_hive(workspace.hive)
    return hive.open_hive(workspace.hive, client_of("s3", workspace))


def access_of(workspace: Workspace) -> S3Access | None:
    """Credentials of the AWS chain (profile, environment, SSO, role), frozen; None for a local hive."""
    if not bucket_of(workspace):
        return None
    try:
        session = aws.session(account_of(workspace))
        credentials = session.get_credentials()
        frozen = credentials.get_frozen_credentials() if credentials else None
    except aws.AwsError as error:
        raise ConfigError(Problem(f'workspace "{workspace.name}"', 0, str(error))) from error
    if frozen is None or not frozen.access_key or not frozen.secret_key:
        expected = "a profile, environment variables, an SSO session or a role"
        found = f"found no AWS credentials, expected {expected}"
        raise ConfigError(Problem(f'workspace "{workspace.name}"', 0, found))
    region = workspace.region or session.region_name or "us-east-1"
    return S3Access(
        region, frozen.access_key, frozen.secret_key, frozen.token or "", workspace.endpoint_url or ""
    )


def bucket_exists(workspace: Workspace) -> bool:
    """Whether the hive's bucket is there; one that may not be looked at counts as there."""
    try:
        aws.client("s3", account_of(workspace)).head_bucket(Bucket=bucket_of(workspace))
    except aws.AwsError as error:
        return aws.code(error) not in ("404", "NoSuchBucket")
    return True
