"""Cold: import and first configuration of the collect handler, in an environment as `make build` lays it out.

A copy of the function with the HCL parser's tables ready and its bytecode compiled is started in
fresh processes against the local cloud's S3 and DynamoDB; then once without the tables.
"""

from __future__ import annotations

import compileall
import json
import os
import re
import shutil
import subprocess
import sys
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

import hcl2

from infra.bench import Context, Figure
from infra.bench.collecting import CONFIG
from infra.local_cloud import LocalCloud

NEEDS: tuple[str, ...] = ()

_ROOT = Path(__file__).resolve().parents[3]
_RUNS = 7
_SHOWN = 10
# self | cumulative | indented name, microseconds: https://docs.python.org/3/using/cmdline.html#cmdoption-X
_LINE = re.compile(r"import time:\s+(\d+) \|\s+(\d+) \|\s+(\S+)")


def run(context: Context) -> list[Figure]:
    """The quickest of several starts, with its two parts; what takes the import; a start without tables."""
    layer = context.work / "layer"
    _lay_out(layer)
    with LocalCloud() as cloud:
        cloud.put_config(CONFIG)
        environ = {**os.environ, **cloud.environment(), **cloud.stack.collect.environment}
        environ |= {"PYTHONPATH": str(layer), "POWERTOOLS_METRICS_DISABLED": "true"}
        runs = [_start(layer, environ) for _ in range(_RUNS)]
        shares = _shares(_trace(layer, environ))
        (layer / "penstock" / "config" / "grammar.bin").unlink()
        without = _start(layer, environ)
    best = min(runs, key=lambda took: sum(took.values()))
    note = f"import {best['import']:.2f}, configuration {best['configure']:.2f}; best of {_RUNS}, wall"
    slow = f"import {without['import']:.2f}, configuration {without['configure']:.2f}"
    return [
        Figure("cold start", sum(best.values()), "s", 1.0, "<=", note),
        Figure("cold start, parser's tables not ready", sum(without.values()), "s", note=slow),
        *(
            Figure(f"cold start, import of {name}", seconds, "s", note="traced, so about half as much again")
            for name, seconds in shares[:_SHOWN]
        ),
    ]


def _lay_out(layer: Path) -> None:
    """The function's own files, python-hcl2 without the tables it may keep beside itself, bytecode."""
    skipped = shutil.ignore_patterns("__pycache__", "*.bin")
    shutil.copytree(_ROOT / "shared" / "penstock", layer / "penstock", ignore=skipped)
    shutil.copytree(_ROOT / "functions", layer / "functions", ignore=skipped)
    shutil.copytree(Path(str(hcl2.__file__)).parent, layer / "hcl2", ignore=skipped)
    (layer / "infra" / "bench").mkdir(parents=True)
    shutil.copy(_ROOT / "infra" / "bench" / "coldstart.py", layer / "infra" / "bench")
    tables = str(layer / "penstock" / "config" / "grammar.bin")
    environ = {**os.environ, "PYTHONPATH": str(layer)}
    subprocess.run(
        [sys.executable, "-m", "penstock.config.grammar", tables], cwd=layer, env=environ, check=True
    )
    compileall.compile_dir(layer, quiet=1)


def _start(layer: Path, environ: Mapping[str, str]) -> dict[str, float]:
    done = _python(["-m", "infra.bench.coldstart"], layer, environ)
    took: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return took


def _trace(layer: Path, environ: Mapping[str, str]) -> str:
    return _python(["-X", "importtime", "-m", "infra.bench.coldstart"], layer, environ).stderr


def _python(
    arguments: list[str], layer: Path, environ: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, *arguments], cwd=layer, env=environ, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"cold start: exit {done.returncode}, expected 0\n{done.stderr[-3000:]}")
    return done


def _shares(trace: str) -> list[tuple[str, float]]:
    """Seconds of importing by top-level package, each without what it imports; the longest first."""
    sums: dict[str, float] = defaultdict(float)
    for own, _, name in _LINE.findall(trace):
        sums[name.partition(".")[0]] += int(own) / 1e6
    return sorted(sums.items(), key=lambda pair: -pair[1])
