"""Runs a function in a process of its own, so that its time and memory are its own.

`alone("package.module:function", path="…")` calls it in a fresh interpreter with those keyword
arguments (JSON values) and returns what it took and what it returned (a JSON value).
"""

from __future__ import annotations

import importlib
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["Measured", "alone", "best", "in_turns"]

_ROOT = Path(__file__).resolve().parents[2]
_LIMIT = 900  # seconds


@dataclass(frozen=True, slots=True)
class Measured:
    """Wall and processor seconds of the call, peak resident memory of its process in MB (10^6), result.

    Imports stand outside the seconds, as a warm function's do; inside the memory.
    """

    seconds: float
    cpu: float
    peak_mb: float
    result: Any


def alone(function: str, **arguments: object) -> Measured:
    """Run `module:function` in a fresh process; RuntimeError with its output when it fails."""
    command = [sys.executable, "-m", "infra.bench.alone", function, json.dumps(arguments)]
    done = subprocess.run(command, cwd=_ROOT, capture_output=True, text=True, timeout=_LIMIT, check=False)
    if done.returncode:
        raise RuntimeError(f"{function}: exit {done.returncode}, expected 0\n{done.stderr[-4000:]}")
    return Measured(**json.loads(done.stdout.splitlines()[-1]))


def best(times: int, function: str, **arguments: object) -> Measured:
    """The run of the least processor time among `times`: the others were disturbed."""
    (least,) = in_turns(times, lambda: alone(function, **arguments))
    return least


def in_turns(times: int, *runs: Callable[[], Measured]) -> list[Measured]:
    """`best` of each, all of them run one after the other so many times.

    What slows the machine for a minute then slows them all, and leaves their ratio as it is.
    """
    turns = [[run() for run in runs] for _ in range(times)]
    return [min(every, key=lambda measured: measured.cpu) for every in zip(*turns, strict=True)]


def _peak_mb() -> float:
    """High-water mark of resident memory; of the whole process where /proc has it, else getrusage's."""
    status = Path("/proc/self/status")
    if status.exists():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) * 1024 / 1e6
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6


def _main(function: str, arguments: str) -> None:
    module, _, name = function.partition(":")
    call = getattr(importlib.import_module(module), name)
    given = json.loads(arguments)
    wall, cpu = time.perf_counter(), time.process_time()
    result = call(**given)
    seconds, spent = time.perf_counter() - wall, time.process_time() - cpu
    measured = {"seconds": seconds, "cpu": spent, "peak_mb": _peak_mb(), "result": result}
    sys.stdout.write("\n" + json.dumps(measured) + "\n")
    sys.stdout.flush()
    os._exit(0)  # teardown of large heaps is nobody's figure


if __name__ == "__main__":
    _main(*sys.argv[1:])
