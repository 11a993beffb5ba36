"""Clients for AWS, and what its errors mean to the caller."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from botocore.config import Config
from botocore.credentials import DeferredRefreshableCredentials
from botocore.exceptions import BotoCoreError, ClientError
from botocore.session import Session
from urllib3.exceptions import HTTPError

from penstock.errors import BadObject, PenstockError, Retry

__all__ = ["Account", "AwsError", "client", "code", "fault", "has_credentials", "session"]

AwsError = (ClientError, BotoCoreError, HTTPError)
"""What a call of a client raises: an answer that says no, or no answer, or half of one."""


@dataclass(frozen=True, slots=True)
class Account:
    """Whose credentials, where, and how patiently; all defaults mean the SDK's own chain.

    `retry_attempts` counts tries of one call. `role_arn` is assumed on top of the rest.
    """

    profile: str | None = None
    access_key: str | None = None
    secret_key: str | None = None
    session_token: str | None = None
    region: str | None = None
    role_arn: str | None = None
    external_id: str | None = None
    session_name: str = "penstock"
    endpoint_url: str | None = None
    retry_attempts: int = 5
    path_style: bool = False


def session(account: Account) -> Session:
    """A session for the account; an assumed role renews itself. AwsError: there is no such profile."""
    made = Session(profile=account.profile)
    if account.access_key:
        made.set_credentials(account.access_key, account.secret_key or "", account.session_token)
    if account.region:
        made.set_config_variable("region", account.region)
    made.get_scoped_config()  # names a profile that is not there
    return _assume(made, account) if account.role_arn else made


def client(
    service: str, account: Account | None = None, *, pool: int = 10, within: Session | None = None
) -> Any:
    """A client of `service`. `pool` is how many threads will use it at once.

    `within` is the account's session if there is one: clients that share it share credentials and models.
    """
    account = account or Account()
    made = within or session(account)
    # Standard mode retries throttling and 5xx with backoff and gives up in time for the queue to try.
    config = Config(
        retries={"mode": "standard", "total_max_attempts": account.retry_attempts},
        max_pool_connections=max(10, pool),
        connect_timeout=5,
        read_timeout=60,
        s3={"addressing_style": "path"} if account.path_style or account.endpoint_url else None,
        user_agent_extra="penstock",
    )
    return made.create_client(service, region(made), endpoint_url=account.endpoint_url, config=config)


def region(within: Session) -> str:
    """Where its clients work: what it was told, else the configuration's, else us-east-1."""
    return str(within.get_config_variable("region") or "us-east-1")


def has_credentials(session: Session) -> bool:
    """Whether its chain has credentials to sign with; an AwsError when a sign-in has expired."""
    found = session.get_credentials()
    frozen = found.get_frozen_credentials() if found else None
    return frozen is not None and bool(frozen.access_key and frozen.secret_key)


def _assume(base: Session, account: Account) -> Session:
    wanted: Any = {"RoleArn": str(account.role_arn), "RoleSessionName": account.session_name}
    if account.external_id:
        wanted["ExternalId"] = account.external_id
    sts: Any = base.create_client("sts", region(base), endpoint_url=account.endpoint_url)

    def renew() -> dict[str, str]:
        given = sts.assume_role(**wanted)["Credentials"]
        return {
            "access_key": given["AccessKeyId"],
            "secret_key": given["SecretAccessKey"],
            "token": given["SessionToken"],
            "expiry_time": given["Expiration"].isoformat(),
        }

    inner = Session()
    inner._credentials = DeferredRefreshableCredentials(renew, "assume-role")  # type: ignore[attr-defined]
    inner.set_config_variable("region", region(base))
    return inner


def code(error: BaseException) -> str:
    """The service's own code of an error (`NoSuchKey`), or the name of the exception."""
    if isinstance(error, ClientError):
        return str(error.response.get("Error", {}).get("Code", "")) or "Unknown"
    return type(error).__name__


_OVERWRITTEN = "it was overwritten before it was fetched; the newer version has a notice of its own"
_GONE = {
    "NoSuchKey": "it was deleted before it was fetched",
    "NoSuchVersion": "this version was deleted before it was fetched",
    "404": "it was deleted before it was fetched",
    "NoSuchBucket": "its bucket does not exist",
    "PreconditionFailed": _OVERWRITTEN,
    "412": _OVERWRITTEN,
    "InvalidObjectState": "it is archived; restore it, then redrive",
}
_DENIED = ("AccessDenied", "AccessDeniedException", "403", "AllAccessDisabled", "KMS.DisabledException")


def fault(error: BaseException, name: str, permission: str) -> PenstockError:
    """What a failed read of the object `name` means: BadObject when it is gone, else Retry.

    Without `permission` nothing can be read, and someone will grant it: that is Retry too, so that
    the message ends in the dead-letter queue and comes back from there.
    """
    what = code(error)
    if what in _GONE:
        return BadObject(name, f"{_GONE[what]} ({what})")
    if isinstance(error, ClientError) and error.operation_name == "AssumeRole":
        permission = "sts:AssumeRole on the connection's role (and the role must trust it); it is wanted"
    if what in _DENIED:
        return Retry(f"{name}: access denied ({what}); the function's role needs {permission} on it")
    return Retry(f"{name}: {what}: {error}")
