"""AWS for the tests: moto over HTTP, behind a gate that counts requests and does what networks do."""

from __future__ import annotations

import copy
import json
import os
import pickle
import socket
import struct
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

from infra.local_cloud import markers
from moto.dynamodb import models as dynamodb_models
from moto.dynamodb.models.table import Table
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import WSGIRequestHandler, make_server

from penstock import aws

Kind = Literal["slow down", "denied", "reset", "cut", "throttled", "lost"]

_XML = "<?xml version='1.0'?><Error><Code>{}</Code><Message>{}</Message></Error>"


@dataclass
class Fault:
    """What happens to the next `times` requests of `operation` whose path holds `part`.

    slow down: 503. denied: 403. reset: the connection is reset. cut: the answer ends in the middle.
    throttled: DynamoDB's refusal. lost: the request is done, and its answer is lost with the
    connection.
    """

    kind: Kind
    operation: str
    part: str = ""
    times: int = 1


class _Quiet(WSGIRequestHandler):
    """Logs nothing."""

    def log(self, type: str, message: str, *args: object) -> None:
        """Nothing."""


@dataclass
class Store:
    """moto's door. Requests are `GET bucket/key`, `LIST bucket`, or DynamoDB's operation."""

    url: str = ""
    faults: list[Fault] = field(default_factory=list)
    _app: Any = field(default_factory=lambda: DomainDispatcherApplication(create_backend_app))
    _seen: Counter[tuple[str, str]] = field(default_factory=Counter)
    _turn: threading.Lock = field(default_factory=threading.Lock)
    _clients: dict[str, Any] = field(default_factory=dict)

    @property
    def account(self) -> aws.Account:
        """Credentials and address; two tries a call."""
        return self.account_trying(2)

    def account_trying(self, tries: int) -> aws.Account:
        """The same with another number of tries."""
        return aws.Account(
            access_key="key",
            secret_key="secret",
            region="us-east-1",
            endpoint_url=self.url,
            retry_attempts=tries,
        )

    def client(self, service: str) -> Any:
        """A client for the test's own doing, made once: making one takes longer than most tests."""
        if service not in self._clients:
            self._clients[service] = aws.client(service, self.account, pool=20)
        return self._clients[service]

    def asked(self) -> Counter[tuple[str, str]]:
        """(operation, what) since the last time it was asked."""
        with self._turn:
            seen, self._seen = self._seen, Counter()
        return seen

    def __call__(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        """Count, spoil what is to be spoilt, let moto answer the rest."""
        operation, what = _asked(environ)
        # One by one: moto undoes a cancelled transaction with a copy of the table, and with it
        # undoes what other threads wrote meanwhile.
        with self._turn:
            self._seen[operation, what] += 1
            _CopyOnce.of.request = {}
            fault = self._fault(operation, what)
            if fault is None:
                return list(self._app(environ, start))
            return self._spoil(fault, environ, start)

    def _fault(self, operation: str, what: str) -> Fault | None:
        for fault in self.faults:
            if fault.times and fault.operation == operation and fault.part in what:
                fault.times -= 1
                return fault
        return None

    def _spoil(self, fault: Fault, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        length = int(environ.get("CONTENT_LENGTH") or 0)
        if fault.kind in ("cut", "lost"):
            told: list[Any] = []
            body = b"".join(self._app(environ, lambda *given: told.extend(given)))
            if fault.kind == "lost":
                return _reset(environ)
            start(told[0], told[1])
            return _half(environ, body)
        environ["wsgi.input"].read(length)
        if fault.kind == "reset":
            return _reset(environ)
        status, kind, text = {
            "slow down": ("503 Slow Down", "application/xml", _XML.format("SlowDown", "Reduce your rate.")),
            "denied": ("403 Forbidden", "application/xml", _XML.format("AccessDenied", "Access Denied")),
            "throttled": (
                "400 Bad Request",
                "application/x-amz-json-1.0",
                json.dumps(
                    {
                        "__type": "com.amazonaws.dynamodb.v20120810#ThrottlingException",
                        "message": "Rate exceeded",
                    }
                ),
            ),
        }[fault.kind]
        start(status, [("Content-Type", kind), ("Content-Length", str(len(text)))])
        return [text.encode()]


def _asked(environ: dict[str, Any]) -> tuple[str, str]:
    target = environ.get("HTTP_X_AMZ_TARGET", "")
    if target:
        return target.rpartition(".")[2], ""
    path = environ["PATH_INFO"].encode("latin-1").decode().lstrip("/")  # WSGI has decoded it once
    method = environ["REQUEST_METHOD"]
    return ("LIST" if method == "GET" and "/" not in path.rstrip("/") else method), path


def _reset(environ: dict[str, Any]) -> Iterator[bytes]:
    """Close so that the client sees a reset, not an end."""
    connection: socket.socket = environ["werkzeug.socket"]
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    os.close(connection.detach())  # `close` would wait for the handler's own files on it
    raise ConnectionError("reset on purpose")
    yield b""


def _half(environ: dict[str, Any], body: bytes) -> Iterator[bytes]:
    yield body[: len(body) // 2]
    environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
    raise ConnectionError("cut on purpose")


class _CopyOnce:
    """Stands in for the module `copy` in moto's DynamoDB.

    A transaction copies its table for each of its writes, before the first; once is enough. Copies
    are those of the thread's request: other servers of this process (the ledger's tests have their
    own) share the module, and would be given one of long ago.
    """

    copy = staticmethod(copy.copy)
    of: ClassVar[threading.local] = threading.local()

    @classmethod
    def deepcopy(cls, value: Any) -> Any:
        made: dict[int, tuple[Any, Any]] | None = getattr(cls.of, "request", None)
        if made is None or not isinstance(value, Table):
            return copy.deepcopy(value)
        if id(value) not in made:
            made[id(value)] = (value, pickle.loads(pickle.dumps(value)))  # noqa: S301 - our own
        return made[id(value)][1]


@contextmanager
def running() -> Iterator[Store]:
    """A store on a free port."""
    vars(dynamodb_models)["copy"] = _CopyOnce
    markers.mend()
    store = Store()
    server = make_server("127.0.0.1", 0, store, threaded=True, request_handler=_Quiet)
    store.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield store
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
