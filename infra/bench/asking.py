"""What questions to a hive on S3 cost: requests and bytes, counted by DuckDB, on moto."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from penstock import aws, catalogue, query
from penstock.hive import open_hive
from penstock.ledger.sqlite import SqliteLedger

__all__ = ["asked"]


@contextmanager
def _store() -> Iterator[str]:
    command = [sys.executable, "-m", "infra.local_cloud.server"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None  # noqa: S101 - it is a pipe
        assert server.stdin is not None  # noqa: S101 - it is a pipe
        try:
            yield f"http://127.0.0.1:{server.stdout.readline().strip()}"
        finally:
            server.stdin.close()


def asked(hive: Path, ledger: Path, questions: Mapping[str, str]) -> dict[str, query.Spent]:
    """Each question (SQL by name) asked of the hive as if it stood on S3, in a session of its own."""
    with _store() as url, tempfile.TemporaryDirectory() as folder:
        account = aws.Account(
            region="us-east-1",
            endpoint_url=url,
            access_key="bench",
            secret_key="bench",  # noqa: S106 - moto takes any
        )
        client = aws.client("s3", account)
        client.create_bucket(Bucket="hive")
        there = open_hive("s3://hive", client)
        for path in hive.rglob("*.parquet"):
            there.upload(path.relative_to(hive).as_posix(), path)
        place = query.Place(
            Path(folder, "catalogue.ducklake"),
            SqliteLedger(ledger),
            "s3://hive",
            str(ledger),
            catalogue.built_in(),
            lambda: client,
            Path(folder, "spill"),
        )
        return {name: _ask(place, sql) for name, sql in questions.items()}


def _ask(place: query.Place, sql: str) -> query.Spent:
    session = query.open_at(place)
    try:
        query.spent(session)
        for one in query.prepare(session, sql):
            result = query.run(session, one)
            for _ in query.batches(result, [f"#{n}::VARCHAR" for n in range(1, len(result.columns) + 1)]):
                pass
        return query.spent(session)
    finally:
        session.close()
