"""Runs a function's handler: an execution environment of Lambda, in this process or in one of its own.

`inline` imports the handler anew for each environment, so each has its own cold start and clients;
it is quick and tests can reach inside. `infra.local_cloud.runtime_api` runs it the way Lambda does.
"""

from __future__ import annotations

import importlib.util
import itertools
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any, Protocol

from infra.local_cloud.stack import Function

__all__ = ["Context", "Environment", "Handler", "WorkerKilled", "inline", "load_handler"]

ROOT = Path(__file__).parents[2]

Handler = Callable[[Mapping[str, Any], Any], Any]

_numbers = itertools.count(1)
_importing = threading.Lock()


class WorkerKilled(BaseException):
    """Raised by a test inside a handler: the worker is gone at this very step, and nothing catches it."""


class Environment(Protocol):
    """One execution environment: handles one event at a time until it is closed or dies."""

    def invoke(self, event: Mapping[str, Any]) -> Any:
        """The handler's answer; whatever it raised comes out as an exception."""
        ...

    def close(self) -> None:
        """End it."""
        ...


@dataclass(frozen=True, slots=True)
class Context:
    """What Lambda passes beside the event."""

    function_name: str
    memory_limit_in_mb: int
    deadline: float
    aws_request_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    function_version: str = "$LATEST"

    @property
    def invoked_function_arn(self) -> str:
        """The function's ARN."""
        return f"arn:aws:lambda:us-east-1:123456789012:function:{self.function_name}"

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until the timeout of the template."""
        return max(0, int((self.deadline - time.monotonic()) * 1000))


@dataclass(slots=True)
class _Inline:
    function: Function
    handler: Handler

    def invoke(self, event: Mapping[str, Any]) -> Any:
        deadline = time.monotonic() + self.function.timeout
        answer = self.handler(event, Context(self.function.name, self.function.memory, deadline))
        if time.monotonic() > deadline:
            raise TimeoutError(f"{self.function.name}: took longer than its {self.function.timeout} s")
        return answer

    def close(self) -> None:
        return


def inline(function: Function, handler: Handler | None = None) -> Environment:
    """A cold start in this process; `handler` stands in for the template's in tests of the cloud itself."""
    return _Inline(function, handler or load_handler(function.handler))


def load_handler(name: str) -> Handler:
    """Import `package.module.attribute` of this checkout as a new module, beside others of it."""
    path, _, attribute = name.rpartition(".")
    file = ROOT.joinpath(*path.split(".")).with_suffix(".py")
    spec = importlib.util.spec_from_file_location(f"{path}_{next(_numbers)}", file)
    if spec is None or spec.loader is None:
        raise ImportError(f"handler {name}: found no module at {file}")
    module: ModuleType = importlib.util.module_from_spec(spec)
    with _importing:
        spec.loader.exec_module(module)
    handler: Handler = getattr(module, attribute)
    return handler
