"""List prices that the cost model assumes: one table, us-east-1, in US dollars.

Without free tiers, volume discounts and savings plans. Compare them with the pages before relying
on the sums; `AS_OF` says when they were last written down here.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["AS_OF", "PRICES", "Price", "dollars"]

AS_OF = "2026-11"

_LAMBDA = "https://aws.amazon.com/lambda/pricing/"
_S3 = "https://aws.amazon.com/s3/pricing/"
_DYNAMODB = "https://aws.amazon.com/dynamodb/pricing/on-demand/"
_SQS = "https://aws.amazon.com/sqs/pricing/"
_EVENTS = "https://aws.amazon.com/eventbridge/pricing/"


@dataclass(frozen=True, slots=True)
class Price:
    """Dollars for `per` units of something, and the page that says so."""

    what: str
    dollars: float
    per: int
    source: str


PRICES: dict[str, Price] = {
    "lambda": Price("Lambda arm64 duration, GB-s", 0.0000133334, 1, _LAMBDA),
    "invocations": Price("Lambda requests", 0.20, 1_000_000, _LAMBDA),
    "storage": Price("Lambda ephemeral storage beyond 512 MB, GB-s", 0.0000000309, 1, _LAMBDA),
    "s3 get": Price("S3 GET, HEAD", 0.0004, 1_000, _S3),
    "s3 put": Price("S3 PUT, LIST", 0.005, 1_000, _S3),
    "write units": Price("DynamoDB on demand, write request units", 0.625, 1_000_000, _DYNAMODB),
    "read units": Price("DynamoDB on demand, read request units", 0.125, 1_000_000, _DYNAMODB),
    "sqs": Price("SQS standard, requests of up to 64 KB", 0.40, 1_000_000, _SQS),
    # What S3 sends is an opt-in data event, and not one of the management events that cost nothing.
    "events": Price("EventBridge, opt-in data events (S3 Object Created)", 1.00, 1_000_000, _EVENTS),
}
"""By the name under which a use is counted."""


def dollars(used: dict[str, float]) -> dict[str, float]:
    """What each use costs; KeyError for one without a price."""
    return {name: amount * PRICES[name].dollars / PRICES[name].per for name, amount in used.items()}
