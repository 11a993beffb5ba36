"""DynamoDB's answers as errors named for what the caller does.

Sources: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html and
.../latest/APIReference/API_TransactWriteItems.html (read November 2026).
"""

from __future__ import annotations

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    HTTPClientError,
    NoCredentialsError,
    PartialCredentialsError,
    ProxyConnectionError,
    SSLError,
)
from botocore.parsers import ResponseParserError

from penstock.errors import ConfigError, OutcomeUnknown, PenstockError, Problem, Retry

__all__ = ["FAULTS", "cancellation_codes", "code_of", "of_call", "of_write"]

FAULTS = (ClientError, BotoCoreError, ResponseParserError)
"""Everything a client raises that is the service's or the network's doing."""

_UNREACHED = (ConnectTimeoutError, EndpointConnectionError, ProxyConnectionError)
_NETWORK = (*_UNREACHED, HTTPClientError, ResponseParserError, SSLError)
_THROTTLED = {
    "LimitExceededException",
    "ProvisionedThroughputExceeded",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "Throttling",
    "ThrottlingError",
    "ThrottlingException",
    "TooManyRequestsException",
}
_BUSY = {"TransactionConflict", "TransactionConflictException"}
_UNCLEAR = {
    # The token's first request is still under way, or had other parameters (then it was another
    # encoding of ours): this request wrote nothing, but that one may have.
    "IdempotentParameterMismatchException",
    "IdempotentParameterMismatch",
    "TransactionInProgressException",
}
_SETUP = {
    "AccessDeniedException",
    "ExpiredTokenException",
    "IncompleteSignature",
    "InvalidSignatureException",
    "MissingAuthenticationTokenException",
    "ResourceNotFoundException",
    "UnrecognizedClientException",
}


def code_of(error: Exception) -> str:
    """The service's error code; empty when the service did not answer."""
    return str(error.response.get("Error", {}).get("Code", "")) if isinstance(error, ClientError) else ""


def cancellation_codes(error: Exception) -> list[str] | None:
    """Why each action of a transaction was refused, in order ("None": it was not); None if not so."""
    if not isinstance(error, ClientError) or code_of(error) != "TransactionCanceledException":
        return None
    return [str(reason.get("Code", "None")) for reason in error.response.get("CancellationReasons", [])]


def of_call(error: Exception, what: str) -> PenstockError | None:
    """The error of a read, or of a write that may be repeated freely; None when it is our own bug."""
    code = code_of(error)
    if code in _SETUP or isinstance(error, (NoCredentialsError, PartialCredentialsError)):
        return ConfigError(Problem(what, 0, f"DynamoDB refuses: {error}"))
    if isinstance(error, ClientError):
        passing = code in _THROTTLED | _BUSY | _UNCLEAR or _status(error) >= 500 or _cancelled_for_load(error)
    else:
        passing = isinstance(error, _NETWORK)
    return Retry(f"{what}: {error}") if passing else None


def of_write(error: Exception, what: str, *, sent_once: bool) -> PenstockError | None:
    """The error of a commit's transaction that was not cancelled by a condition.

    Only what certainly wrote nothing is a plain Retry: the caller then deletes its files. A 5xx
    may have written (the service says so), and so may an earlier send that the client repeated by
    itself before this last, harmless answer. `sent_once`: the client never does that.
    """
    fault = of_call(error, what)
    if not isinstance(fault, Retry):
        return fault
    if isinstance(error, ClientError):
        repeated = int(error.response.get("ResponseMetadata", {}).get("RetryAttempts", 0)) > 0
        certain = (code_of(error) in _THROTTLED or _cancelled_for_load(error)) and not repeated
    else:
        certain = isinstance(error, _UNREACHED) and sent_once
    return fault if certain else OutcomeUnknown(str(fault))


def _cancelled_for_load(error: Exception) -> bool:
    """Whether a transaction was cancelled because an item was throttled or in another transaction."""
    codes = {code for code in cancellation_codes(error) or () if code != "None"}
    return bool(codes & (_THROTTLED | _BUSY)) and codes <= _THROTTLED | _BUSY


def _status(error: ClientError) -> int:
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
