"""Runs a handler the way Lambda does: awslambdaric in a process of its own, fed by a Runtime API.

The API is the documented one (https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html):
invocation/next, response, error, init/error. The environment, the timeout and the memory are the
function's own. What differs from Lambda:
- Memory is watched, not walled: a process whose resident set passes the function's memory is killed
  within a twentieth of a second, `peak_mb` is the highest seen. A limit on address space (RLIMIT_AS)
  would count what DuckDB reserves and never touches. Watched on Linux only (/proc).
- CPU is this machine's, not a share by memory; the system is this machine's, not Amazon Linux; the
  task directory is writable; /tmp is this machine's and has no size of its own; no freeze between
  invocations; no extensions, no X-Ray.
"""

from __future__ import annotations

import json
import queue
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import metadata
from pathlib import Path
from typing import Any

from infra.local_cloud.requests import ACCOUNT
from infra.local_cloud.stack import Function

__all__ = ["FunctionError", "RuntimeEnvironment", "runtime", "runtime_libraries"]

_RUNTIME = ("awslambdaric", "simplejson", "snapshot-restore-py")
_VERSION = "/2018-06-01/runtime/"


class FunctionError(RuntimeError):
    """The handler or the start of its process failed; the message is the runtime's."""


@dataclass(slots=True)
class RuntimeEnvironment:
    """One execution environment: a process under awslambdaric and the API that feeds it."""

    function: Function
    server: ThreadingHTTPServer
    events: queue.Queue[tuple[str, float, bytes]]
    answers: queue.Queue[tuple[bool, Any]]
    process: subprocess.Popen[bytes]
    log: Path
    peak_mb: float = 0.0
    out_of_memory: bool = False
    init_seconds: float | None = None
    _done: threading.Event = field(default_factory=threading.Event)

    def invoke(self, event: Mapping[str, Any]) -> Any:
        """The handler's answer; FunctionError for an error, a death or the timeout (then it is killed)."""
        deadline = time.time() + self.function.timeout
        self.events.put((str(uuid.uuid4()), deadline, json.dumps(event).encode()))
        while True:
            try:
                good, answer = self.answers.get(timeout=0.05)
            except queue.Empty:
                if self.process.poll() is not None:
                    raise FunctionError(f"{self._why_gone()}: {self._said()}") from None
                if time.time() > deadline:
                    self.process.kill()
                    raise FunctionError(
                        f"timed out after {self.function.timeout} s: {self._said()}"
                    ) from None
                continue
            if good:
                return answer
            raise FunctionError(f"{answer.get('errorType')}: {answer.get('errorMessage')}\n{self._said()}")

    def kill(self) -> None:
        """What a worker's sudden death is."""
        self.process.kill()
        self.process.wait()

    def close(self) -> None:
        """End process and API."""
        self._done.set()
        self.kill()
        self.server.shutdown()
        self.server.server_close()

    def _why_gone(self) -> str:
        if self.out_of_memory:
            return f"out of memory: {self.peak_mb:.0f} MB resident, expected at most {self.function.memory}"
        return f"exit {self.process.returncode}"

    def _said(self) -> str:
        return self.log.read_text(errors="replace")[-4000:]

    def _watch(self) -> None:
        status = Path(f"/proc/{self.process.pid}/status")
        while not self._done.is_set() and self.process.poll() is None:
            try:
                lines = status.read_text().splitlines()
            except (FileNotFoundError, ProcessLookupError):
                return
            for line in lines:
                if line.startswith("VmHWM:"):
                    self.peak_mb = max(self.peak_mb, int(line.split()[1]) / 1024)
            if self.peak_mb > self.function.memory:
                self.out_of_memory = True
                self.process.kill()
            self._done.wait(0.05)


def runtime_libraries(target: Path) -> Path:
    """Link what Lambda's runtime brings along, and nothing else of this environment, into `target`."""
    target.mkdir(parents=True, exist_ok=True)
    for distribution in _RUNTIME:
        for file in metadata.files(distribution) or []:
            top = Path(file.parts[0])
            if top.suffix != ".dist-info" and ".." not in file.parts and not (target / top).exists():
                (target / top).symlink_to(Path(str(file.locate())).parents[len(file.parts) - 1] / top)
    return target


def runtime(
    function: Function,
    task: Path,
    environment: Mapping[str, str],
    log: Path,
    libraries: Path,
) -> RuntimeEnvironment:
    """Start `function` from the artefact unpacked at `task`, by this Python without its site-packages.

    `environment` is added to the function's own (endpoint, keys). `libraries` holds what
    `runtime_libraries` put there. What the process prints goes to `log`.
    """
    events: queue.Queue[tuple[str, float, bytes]] = queue.Queue()
    answers: queue.Queue[tuple[bool, Any]] = queue.Queue()
    started = time.monotonic()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(function, events, answers))
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    variables = {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "PYTHONPATH": f"{task}:{libraries}",
        "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{server.server_address[1]}",
        "AWS_LAMBDA_FUNCTION_NAME": function.name,
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory),
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "LAMBDA_TASK_ROOT": str(task),
        "TZ": ":UTC",
        **function.environment,
        **environment,
    }
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-S", "-m", "awslambdaric", function.handler],
            cwd=task,
            env=variables,
            stdout=out,
            stderr=out,
        )
    environment_ = RuntimeEnvironment(function, server, events, answers, process, log)
    server.first_next = lambda: _note_init(environment_, started)  # type: ignore[attr-defined]
    threading.Thread(target=environment_._watch, daemon=True).start()
    return environment_


def _note_init(environment: RuntimeEnvironment, started: float) -> None:
    if environment.init_seconds is None:
        environment.init_seconds = time.monotonic() - started


def _handler(
    function: Function, events: queue.Queue[tuple[str, float, bytes]], answers: queue.Queue[tuple[bool, Any]]
) -> type[BaseHTTPRequestHandler]:
    """The Runtime API over one pair of queues."""

    class Api(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            if self.path != f"{_VERSION}invocation/next":
                return self._answer(404, {})
            self.server.first_next()  # type: ignore[attr-defined]
            request, deadline, body = events.get()
            self.send_response(200)
            self.send_header("Lambda-Runtime-Aws-Request-Id", request)
            self.send_header("Lambda-Runtime-Deadline-Ms", str(int(deadline * 1000)))
            arn = f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:{function.name}"
            self.send_header("Lambda-Runtime-Invoked-Function-Arn", arn)
            self.send_header("Lambda-Runtime-Trace-Id", "Root=1-00000000-000000000000000000000000;Sampled=0")
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
            return None

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)) or b"null")
            good = self.path.endswith("/response")
            if not good and not self.path.endswith("/error"):
                return self._answer(404, {})
            answers.put((good, body))
            return self._answer(202, {"status": "OK"})

        def _answer(self, status: int, body: Mapping[str, Any]) -> None:
            encoded = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(encoded)))
            self.end_headers()
            self.wfile.write(encoded)

        def log_message(self, *_: Any) -> None:
            return

    return Api
