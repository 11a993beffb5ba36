"""An S3 that counts what it is asked: moto in server mode behind a gate."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

import boto3
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import WSGIRequestHandler, make_server

__all__ = ["REGION", "Store", "serving"]

REGION = "eu-west-1"


class Quiet(WSGIRequestHandler):
    """Logs nothing."""

    def log(self, type: str, message: str, *args: object) -> None:
        """Nothing."""


@dataclass
class Store:
    """An S3 that counts what it is asked, (method, decoded key) or (LIST, bucket), and the bytes it sends."""

    url: str = ""
    seen: Counter[tuple[str, str]] = field(default_factory=Counter)
    sent: int = 0
    app: Any = None

    def __call__(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterator[bytes]:
        """Count, then let moto answer."""
        path = environ["PATH_INFO"].encode("latin-1").decode()  # WSGI has decoded it once
        options = parse_qs(environ["QUERY_STRING"], keep_blank_values=True)
        bucket, _, key = path.lstrip("/").partition("/")
        listing = not key or "list-type" in options or "prefix" in options
        self.seen[("LIST", bucket) if listing else (environ["REQUEST_METHOD"], key)] += 1
        for part in self.app(environ, start):
            self.sent += len(part)
            yield part

    def asked(self) -> Counter[tuple[str, str]]:
        """What was asked since the last time."""
        seen, self.seen = self.seen, Counter()
        return seen

    def client(self) -> Any:
        """A boto3 client of it."""
        return boto3.client(
            "s3",
            endpoint_url=self.url,
            region_name=REGION,
            aws_access_key_id="key",
            aws_secret_access_key="secret",
        )


@contextmanager
def serving() -> Iterator[Store]:
    """A running store, stopped in the end."""
    store = Store(app=DomainDispatcherApplication(create_backend_app))
    server = make_server("127.0.0.1", 0, store, threaded=True, request_handler=Quiet)
    store.url = f"http://127.0.0.1:{server.port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield store
    finally:
        server.shutdown()
        thread.join()
