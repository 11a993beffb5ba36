"""Stands before moto: notes each call, keeps the functions to their policies, makes faults to order.

moto lets everybody do everything. The gate knows callers by access key id; one with a policy gets
the answers IAM would give. Faults are what the real services do on a bad day: refuse with a code, or
do the work and lose the answer.
"""

from __future__ import annotations

import contextlib
import io
import json
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from fnmatch import fnmatchcase
from typing import Any
from xml.sax.saxutils import escape

from infra.local_cloud import iam
from infra.local_cloud.iam import Access
from infra.local_cloud.requests import Request, caller, needs

__all__ = ["CONTROL", "Call", "Fault", "Gate"]

CONTROL = "/_local/"
"""Paths under it speak to the gate itself."""

StartResponse = Callable[..., Any]
App = Callable[[dict[str, Any], StartResponse], Iterable[bytes]]


@dataclass(frozen=True, slots=True)
class Call:
    """One permission one request needed, and how the request was answered (HTTP status)."""

    caller: str
    action: str
    resource: str
    allowed: bool
    status: int
    bytes_out: int = 0


@dataclass(slots=True)
class Fault:
    """A fault to make the next `times` times a call of `action` on `resource` (globs) comes by.

    `caller` limits it to one access key id. With `after` the work is done and its answer lost. With
    status 0 the call is not refused, only kept waiting for `delay` seconds (which lets others pass).
    """

    action: str
    resource: str = "*"
    status: int = 503
    code: str = "SlowDown"
    times: int = 1
    after: bool = False
    caller: str = "*"
    delay: float = 0.0


@dataclass(slots=True)
class Gate:
    """A WSGI application around another one; `/_local/` answers tests and the local cloud."""

    app: App
    policies: dict[str, Sequence[Mapping[str, Any]]] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)
    ledger: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, environ: dict[str, Any], start: StartResponse) -> Iterable[bytes]:
        request = _read(environ)
        if request.path.startswith(CONTROL):
            return self._control(request, start)
        accesses = needs(request)
        who = caller(request)
        refused = [access for access in accesses if not self._allows(who, access)]
        if refused:
            body = _refuse(
                request,
                start,
                403,
                "AccessDenied",
                f"not allowed: {refused[0].action} on {refused[0].resource}",
            )
            self._note(who, accesses, set(map(id, refused)), 403, 0)
            return body
        fault = self._take_fault(who, accesses)
        if fault and fault.delay:
            time.sleep(fault.delay)
        fault = fault if fault and fault.status else None
        if fault and not fault.after:
            self._note(who, accesses, set(), fault.status, 0)
            return _refuse(request, start, fault.status, fault.code, "a fault made to order")
        status, headers, parts = self._ask(environ)
        if fault:
            self._note(who, accesses, set(), fault.status, 0)
            return _refuse(request, start, fault.status, fault.code, "done, but the answer was lost")
        code = int(status.split()[0])
        if code == 404 and self._hides_absence(who, accesses):
            return _refuse(request, start, 403, "AccessDenied", "not allowed to know that it is missing")
        self._note(who, accesses, set(), code, sum(map(len, parts)))
        start(status, headers)
        return parts

    def _ask(self, environ: dict[str, Any]) -> tuple[str, list[tuple[str, str]], list[bytes]]:
        answer: list[Any] = []

        def start(status: str, headers: list[tuple[str, str]], _: Any = None) -> Callable[[bytes], None]:
            answer[:] = [status, headers]
            return lambda _: None

        # moto's transactions copy the table and put the copy back when they are cancelled: two at once
        # would undo each other.
        alone = "DynamoDB" in environ.get("HTTP_X_AMZ_TARGET", "")
        with self.ledger if alone else contextlib.nullcontext():
            parts = list(self.app(environ, start))
        return answer[0], answer[1], parts

    def _allows(self, who: str, access: Access) -> bool:
        policy = self.policies.get(who)
        return policy is None or iam.allowed(policy, access)

    def _hides_absence(self, who: str, accesses: Sequence[Access]) -> bool:
        """S3 tells a reader that an object is missing only if they may list the bucket."""
        access = accesses[0]
        if access.action not in ("s3:GetObject", "s3:GetObjectVersion"):
            return False
        listing = Access("s3:ListBucket", access.resource.partition("/")[0])
        may = self._allows(who, listing)
        self._note(who, [*accesses, listing], set() if may else {id(listing)}, 404 if may else 403, 0)
        return not may

    def _take_fault(self, who: str, accesses: Sequence[Access]) -> Fault | None:
        with self.lock:
            for fault in self.faults:
                if fnmatchcase(who, fault.caller) and any(
                    fnmatchcase(a.action, fault.action) and fnmatchcase(a.resource, fault.resource)
                    for a in accesses
                ):
                    fault.times -= 1
                    if fault.times <= 0:
                        self.faults.remove(fault)
                    return fault
        return None

    def _note(self, who: str, accesses: Sequence[Access], refused: set[int], status: int, size: int) -> None:
        with self.lock:
            self.calls.extend(
                Call(who, access.action, access.resource, id(access) not in refused, status, size)
                for access in accesses
            )

    def _control(self, request: Request, start: StartResponse) -> Iterable[bytes]:
        what = request.path.removeprefix(CONTROL)
        given = json.loads(request.body or b"null")
        with self.lock:
            match request.method, what:
                case "POST", "policies":
                    self.policies.update(given)
                case "POST", "faults":
                    self.faults.extend(Fault(**one) for one in given)
                case "DELETE", "faults":
                    self.faults.clear()
                case "DELETE", "calls":
                    self.calls.clear()
                case _:
                    pass
            answer = [asdict(one) for one in (self.calls if what == "calls" else self.faults)]
        body = json.dumps(answer).encode()
        start("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
        return [body]


def _read(environ: dict[str, Any]) -> Request:
    """The request, its body put back for moto."""
    body = b""
    if environ.get("wsgi.input_terminated") or environ.get("CONTENT_LENGTH"):
        length = environ.get("CONTENT_LENGTH")
        body = environ["wsgi.input"].read(int(length)) if length else environ["wsgi.input"].read()
        environ["wsgi.input"] = io.BytesIO(body)
    headers = {
        name.removeprefix("HTTP_").replace("_", "-").lower(): value
        for name, value in environ.items()
        if name.startswith("HTTP_")
    }
    path = environ["PATH_INFO"].encode("latin-1").decode("utf-8", "replace")
    return Request(environ["REQUEST_METHOD"], path, environ.get("QUERY_STRING", ""), headers, body)


def _refuse(request: Request, start: StartResponse, status: int, code: str, why: str) -> Iterable[bytes]:
    """An error in the form of the service that was asked."""
    if "x-amz-target" in request.headers:
        name = {"AccessDenied": "AccessDeniedException"}.get(code, code)
        body = json.dumps({"__type": f"com.amazon.coral.service#{name}", "message": why}).encode()
        kind, status = "application/x-amz-json-1.0", 400 if status == 403 else status
    else:
        body = f"<Error><Code>{escape(code)}</Code><Message>{escape(why)}</Message></Error>".encode()
        kind = "application/xml"
    if request.method == "HEAD":
        body = b""
    start(f"{status} {code}", [("Content-Type", kind), ("Content-Length", str(len(body)))])
    return [body]
