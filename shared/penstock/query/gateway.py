"""Stands between DuckDB and S3 on this machine: reads the hive's files only, and keeps ranges on disk.

DuckDB 1.5 keeps what it read in its own memory alone. So its httpfs is shown an endpoint on the
loopback, in this process, which answers from `Ranges` what is there and asks S3 for the rest. It
has the credentials, so DuckDB needs none, and they may renew themselves while a statement runs.
Whoever asks must know a word that only this session's DuckDB was told, may only GET, and only below
the hive's roots (G6).
"""

from __future__ import annotations

import re
import secrets
import socket
import socketserver
import sys
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from penstock import aws
from penstock.query.ranges import PIECE, Gap, Piece, Ranges

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

__all__ = ["Gateway", "Spent"]

_LEAST = 32_768
"""Bytes asked for at once, at least, if they can be kept: a small file comes with its footer."""

_RANGE = re.compile(r"bytes=(\d+)-(\d+)")
_STEPS = re.compile(r"/\.\.?(/|$)")
_CREDENTIAL = re.compile(r"Credential=([^/,]+)/")
_EXPIRED = ("ExpiredToken", "TokenRefreshRequired", "UnauthorizedSSOTokenError", "SSOTokenLoadError")
_REASONS = {
    "NoSuchKey": "it is gone from the hive; if a compaction has replaced it, ask again",
    "NoSuchBucket": "the bucket does not exist",
    "AccessDenied": "access denied: your credentials need s3:GetObject on it, and kms:Decrypt on its key",
    "InvalidAccessKeyId": "AWS does not know your access key",
    "SignatureDoesNotMatch": "your secret key does not fit your access key",
} | dict.fromkeys(_EXPIRED, "your credentials have expired; sign in again")


@dataclass(frozen=True, slots=True)
class Spent:
    """What was asked of S3: requests, and bytes that came back; and bytes that came from the disk instead.

    All 0 when the hive is a directory.
    """

    requests: int = 0
    bytes: int = 0
    kept: int = 0


class _Failed(Exception):
    """S3 said no; the reason has been noted."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


@dataclass(slots=True)
class Gateway:
    """A running gateway: DuckDB finds it at `host` with `word` as its access key. Close it when done.

    `roots` are URLs (`s3://bucket/prefix/`) below which it reads, with `client`. `ranges` keeps what it
    reads, by endpoint and URL, and is closed with it; None: nothing is kept.
    """

    client: S3Client
    roots: Sequence[str]
    ranges: Ranges | None = None
    word: str = field(default_factory=lambda: secrets.token_hex(16), repr=False)
    _troubles: dict[str, None] = field(default_factory=dict)
    _spent: Spent = field(default_factory=Spent)
    _one: threading.Lock = field(default_factory=threading.Lock)
    _closed: bool = False
    _server: Any = None
    _thread: Any = None

    def __post_init__(self) -> None:
        """Listen on a free port of the loopback."""
        self._server = _Server(("127.0.0.1", 0), _Asked)
        self._server.gateway = self
        self._thread = threading.Thread(target=self._serve, daemon=True, name="gateway")
        self._thread.start()

    @property
    def host(self) -> str:
        """`127.0.0.1:<port>`."""
        return f"127.0.0.1:{self._server.server_address[1]}"

    def spent(self) -> Spent:
        """What was asked since the last call."""
        with self._one:
            spent, self._spent = self._spent, Spent()
        return spent

    def troubles(self) -> tuple[str, ...]:
        """What S3 refused since the last call, and why, each once."""
        with self._one:
            told, self._troubles = tuple(self._troubles), {}
        return told

    def close(self) -> None:
        """Take no more questions."""
        if self._closed:
            return
        self._closed = True
        with socket.create_connection(self._server.server_address, timeout=1):  # so that it looks
            pass
        self._thread.join()  # while it waits on the socket, closing would leave it listening
        self._server.server_close()
        if self.ranges is not None:
            self.ranges.close()

    def _serve(self) -> None:
        while not self._closed:
            self._server.handle_request()

    def may(self, url: str) -> bool:
        """Whether this may be read. No path of a hive has a step `..`, which some stores would obey."""
        return any(url.startswith(root) for root in self.roots) and not _STEPS.search(url)

    def answer(self, url: str, first: int, end: int) -> Iterator[bytes]:
        """Bytes [first, end) of a file, a piece at a time. _Failed when S3 does not give them."""
        file = f"{self.client.meta.endpoint_url} {url}"
        ranges = self.ranges
        for part in ranges.plan(file, first, end) if ranges else [Gap(first, end)]:
            body = ranges.read(part) if ranges and isinstance(part, Piece) else None
            if body is None:
                yield from self._fetched(file, url, part.first, part.end)
            else:
                self._count(Spent(kept=len(body)))
                yield body

    def _fetched(self, file: str, url: str, first: int, end: int) -> Iterator[bytes]:
        """The same from S3; what comes is kept."""
        bucket, _, key = url.removeprefix("s3://").partition("/")
        at = first if self.ranges is None else max(0, min(first, end - _LEAST))
        try:
            found = self.client.get_object(Bucket=bucket, Key=key, Range=f"bytes={at}-{end - 1}")
            self._count(Spent(requests=1))
            while body := found["Body"].read(min(PIECE, end - at)):
                self._count(Spent(bytes=len(body)))
                if at + len(body) > first:
                    yield body[max(0, first - at) :]
                if self.ranges is not None:
                    self.ranges.keep(file, at, body)
                at += len(body)
        except aws.AwsError as error:
            self._count(Spent(requests=1))
            code = aws.code(error)
            status = 404 if code in ("NoSuchKey", "NoSuchBucket") else 403
            raise self._failed(f"{url}: {_REASONS.get(code, error)} ({code})", status) from error
        if at != end:
            raise self._failed(f"{url}: found {at:,} bytes, expected {end:,}", 404)

    def _failed(self, why: str, status: int) -> _Failed:
        """Note why. The status is one after which DuckDB does not try again: botocore has."""
        with self._one:
            self._troubles[why] = None
        return _Failed(status)

    def _count(self, more: Spent) -> None:
        with self._one:
            had = self._spent
            self._spent = Spent(had.requests + more.requests, had.bytes + more.bytes, had.kept + more.kept)


class _Server(socketserver.ThreadingTCPServer):
    """A thread for each connection, as socketserver has it."""

    daemon_threads = True
    request_queue_size = 128
    gateway: Gateway

    def handle_error(self, *asked: Any) -> None:
        """A connection that DuckDB drops (a statement that was cancelled) is no error."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(*asked)


class _Asked(BaseHTTPRequestHandler):
    """One connection of DuckDB's (http.server's own way to be told what to do)."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Any

    def do_GET(self) -> None:
        """A range of a file."""
        gateway: Gateway = self.server.gateway
        url = f"s3:/{unquote(urlsplit(self.path).path)}"
        wanted = _RANGE.fullmatch(self.headers.get("Range", ""))
        if not (wanted and self._knows(gateway.word) and gateway.may(url)):
            self._begin(403, 0)
            return
        first, end = int(wanted[1]), int(wanted[2]) + 1
        parts = gateway.answer(url, first, end)
        try:
            body = next(parts)
        except _Failed as error:
            self._begin(error.status, 0)
            return
        self._begin(206, end - first, f"bytes {first}-{end - 1}/*")
        self._send(body, parts)

    def _knows(self, word: str) -> bool:
        said = _CREDENTIAL.search(self.headers.get("Authorization", ""))
        return said is not None and secrets.compare_digest(said[1].encode(), word.encode())

    def _begin(self, status: int, length: int, range_: str = "") -> None:
        self.send_response_only(status)
        self.send_header("Content-Length", str(length))
        if range_:
            self.send_header("Content-Range", range_)
        self.end_headers()

    def _send(self, body: bytes, parts: Iterator[bytes]) -> None:
        """The bytes; when they end early the connection does, and DuckDB asks again."""
        try:
            self.wfile.write(body)
            for more in parts:
                self.wfile.write(more)
        except (_Failed, ConnectionError):
            self.close_connection = True

    def log_message(self, *_: object) -> None:
        """Nothing."""
