"""S3 as moto serves it, for the session."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from tests.ledger.stores import moto_server

from penstock import aws


@pytest.fixture(scope="session")
def s3() -> Iterator[Any]:
    """A client with a plain bucket `logs` and a versioned one `versioned`."""
    with moto_server() as url:
        account = aws.Account(
            access_key="k", secret_key="s", region="us-east-1", endpoint_url=url, retry_attempts=1
        )
        client = aws.client("s3", account)
        for bucket in ("logs", "versioned"):
            client.create_bucket(Bucket=bucket)
        client.put_bucket_versioning(Bucket="versioned", VersioningConfiguration={"Status": "Enabled"})
        yield client
