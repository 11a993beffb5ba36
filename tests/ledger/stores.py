"""The three stores that the behaviour suite runs against, and values to put into them."""

from __future__ import annotations

import datetime as dt
import itertools
import os
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from penstock.ledger.dynamodb import DynamoLedger, create_table
from penstock.model import ColumnStats, Commit, CursorMove, DataFile, ObjectRecord, PartitionId

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

HERE = Path(__file__).parent
CACHE = HERE.parents[1] / ".cache" / "dynamodb-local"
FETCH_SECONDS = 300
NOW = dt.datetime(2026, 1, 31, 12, 0, 0, 123456, tzinfo=dt.UTC)
_names = itertools.count(1)
PARTITION = PartitionId("aws_cloudtrail_log", "prod")


class DirectoryBlobs:
    """Blobs in a folder."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def write_bytes(self, path: str, data: bytes) -> None:
        """Write the whole file."""
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_bytes(data)

    def read_bytes(self, path: str) -> bytes:
        """Read the whole file."""
        return (self.root / path).read_bytes()

    def delete(self, path: str) -> None:
        """Unlink."""
        (self.root / path).unlink(missing_ok=True)

    def paths(self) -> list[str]:
        """Every file, sorted."""
        return sorted(str(path.relative_to(self.root)) for path in self.root.rglob("*") if path.is_file())


class UnavailableError(Exception):
    """A store cannot be had on this machine; says why."""


@contextmanager
def moto_server() -> Iterator[str]:
    """moto in server mode on a free port; gives its URL.

    moto undoes a cancelled transaction by putting back a copy of the table that it made before,
    and with it undoes what other threads wrote meanwhile. So requests are let in one by one.
    """
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
    from werkzeug.serving import make_server

    app, turn = DomainDispatcherApplication(create_backend_app), threading.Lock()

    def one_by_one(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        with turn:
            return list(app(environ, start_response))

    server = make_server("127.0.0.1", 0, one_by_one, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def dynamodb_local() -> Iterator[str]:
    """Amazon's DynamoDB Local in memory on a free port; UnavailableError where it cannot be had."""
    java = shutil.which("java")
    if not java:
        raise UnavailableError("java is not installed")
    jars = _fetch()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [java, f"-Djava.library.path={jars}", "-Xmx256m", "-cp", f"{jars}/*"]
    command += ["com.amazonaws.services.dynamodbv2.local.main.ServerRunner"]
    command += ["-inMemory", "-disableTelemetry", "-port", str(port)]
    with tempfile.TemporaryFile() as log:
        server = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, cwd=jars)
        try:
            _wait_until_up(f"http://127.0.0.1:{port}", server, log)
            yield f"http://127.0.0.1:{port}"
        finally:
            server.terminate()
            server.wait(timeout=20)


def _fetch() -> Path:
    """The folder of jars; fetched once with Maven's own client, bounded in time."""
    pom = HERE / "dynamodb_local" / "pom.xml"
    version = pom.read_text().split("<artifactId>DynamoDBLocal</artifactId>")[1].split("version>")[1][:-2]
    jars = CACHE / version
    if jars.is_dir():
        return jars
    maven = shutil.which("mvn")
    if not maven:
        raise UnavailableError(f"DynamoDB Local is not in {jars} and mvn is not installed")
    CACHE.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=CACHE) as part:
        command = [maven, "-q", "-B", "-f", str(pom), "dependency:copy-dependencies"]
        command += [f"-DoutputDirectory={part}/jars", "-DincludeScope=runtime"]
        try:
            subprocess.run(command, check=True, capture_output=True, text=True, timeout=FETCH_SECONDS)
        except subprocess.CalledProcessError as error:
            raise UnavailableError(f"mvn cannot fetch DynamoDB Local: {error.stdout[-300:]}") from error
        except subprocess.TimeoutExpired as error:
            raise UnavailableError(f"mvn did not fetch DynamoDB Local in {FETCH_SECONDS} s") from error
        try:
            os.rename(f"{part}/jars", jars)  # noqa: PTH104 - whole or not at all; another run may be first
        except OSError:
            if not jars.is_dir():
                raise
    return jars


def _wait_until_up(url: str, server: subprocess.Popen[bytes], log: Any) -> None:
    client, deadline = dynamodb_client(url), time.monotonic() + 60
    while True:
        try:
            client.list_tables()
            return
        except (BotoCoreError, ClientError) as error:
            if server.poll() is not None or time.monotonic() > deadline:
                log.seek(0)
                said = log.read().decode(errors="replace")[-500:]
                raise UnavailableError(f"DynamoDB Local does not answer: {error}; it said: {said}") from error
            time.sleep(0.1)


def dynamodb_client(url: str, *, tries: int = 1) -> DynamoDBClient:
    """A client of a local store, with a pool wide enough for the tests' threads."""
    return boto3.client(
        "dynamodb",
        endpoint_url=url,
        region_name="eu-central-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(
            retries={"total_max_attempts": tries, "mode": "standard"},
            max_pool_connections=40,
            read_timeout=60,
        ),
    )


def fresh_table(url: str, blobs: DirectoryBlobs) -> DynamoLedger:
    """A ledger on an empty table at `url`."""
    client, name = dynamodb_client(url), f"ledger-{next(_names)}"
    create_table(client, name)
    return DynamoLedger(client, name, blobs)


def data_file(name: str, *, rows: int = 10, table: str = PARTITION.table) -> DataFile:
    """A file with statistics, of a day."""
    return DataFile(
        path=f"tp_table={table}/tp_partition=prod/tp_index=1/tp_date=2026-01-31/{name}.parquet",
        table=table,
        partition="prod",
        tp_index="1",
        tp_date=dt.date(2026, 1, 31),
        rows=rows,
        bytes=rows * 100,
        footer_bytes=512,
        schema="0123abcd",
        stats={
            "tp_timestamp": ColumnStats("2026-01-31 00:00:00", "2026-01-31 23:59:59.5", 0),
            "event_name": ColumnStats(None, None, rows),
        },
    )


def record(identity: str, **more: Any) -> ObjectRecord:
    """A done object's record whose sum holds."""
    return ObjectRecord(identity, rows_read=10, stored=7, filtered=2, rejected=1, bytes=99, **more)


def commit_of(
    commit_id: str,
    version: int,
    *,
    partition: PartitionId = PARTITION,
    add: Sequence[DataFile] | None = None,
    remove: Sequence[str] = (),
    done: Sequence[ObjectRecord] = (),
    cursor: CursorMove | None = None,
) -> Commit:
    """A commit that adds one file unless told otherwise."""
    files = (data_file(f"{commit_id}-0"),) if add is None else tuple(add)
    return Commit(
        commit_id,
        partition,
        "collect",
        NOW,
        version,
        files,
        tuple(remove),
        tuple(done),
        cursor,
        objects=len(done),
    )
