"""The artefact: what is in it, that it fits, and that it runs under Lambda's own runtime."""

from __future__ import annotations

import json
import platform
import re
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from infra.local_cloud import COLLECT_KEY, LocalCloud
from infra.local_cloud.runtime_api import FunctionError, RuntimeEnvironment, runtime, runtime_libraries
from infra.local_cloud.stack import Function
from packaging.requirements import Requirement

from infra import build

ROOT = Path(__file__).parents[2]
EVENTS = 3
CONFIG = """
partition "aws_cloudtrail_log" "local" {
  source "aws_s3_bucket" {
    bucket = "logs"
  }
}
"""
needs_linux = pytest.mark.skipif(sys.platform != "linux", reason="wheels for Lambda run on Linux only")


def _declared() -> dict[str, Requirement]:
    with (ROOT / "pyproject.toml").open("rb") as file:
        project = tomllib.load(file)["project"]
    lines = [*project["dependencies"]]
    lines += [line for extra in build.EXTRAS for line in project["optional-dependencies"][extra]]
    return {build.distribution(line): Requirement(line) for line in lines}


def _pinned() -> dict[str, str]:
    pins = re.findall(r"^([a-z0-9.-]+)==(\S+)", build.REQUIREMENTS.read_text(), re.MULTILINE)
    return dict(pins)


def test_the_lock_keeps_to_pyproject() -> None:
    """Each dependency of the package is pinned within its range or left out by name, none is both."""
    declared, pinned = _declared(), _pinned()
    assert set(declared) - set(pinned) == set(build.LEFT_OUT)
    assert not set(build.LEFT_OUT) & set(pinned)
    for name, requirement in declared.items():
        if name in pinned:
            assert requirement.specifier.contains(pinned[name]), f"{name}: run `make lock`"


def test_every_pin_has_hashes() -> None:
    """A wheel that was exchanged on the index is refused."""
    entries = re.split(r"\n(?=\S)", build.REQUIREMENTS.read_text().strip())[1:]
    assert entries
    for entry in entries:
        assert re.search(r"--hash=sha256:[0-9a-f]{64}", entry), entry


def test_too_big_is_refused() -> None:
    """An artefact above Lambda's limit fails the build, naming size and limit; one below passes."""
    build.refuse_oversize({"duckdb": 249 * build.MB}, Path("x"))
    with pytest.raises(SystemExit, match=r"found 251\.0 MB unpacked, expected at most 250"):
        build.refuse_oversize({"duckdb": 200 * build.MB, "rest": 51 * build.MB}, Path("x"))


def test_the_table_is_biggest_first(tmp_path: Path) -> None:
    """The printed table sums up each package and begins with the biggest."""
    for name, size in (("small/a.py", 2**20), ("big/a/b.so", 2 * 2**20), ("big/c.so", 2**20)):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x" * size)
    lines = build.table(build.weigh(tmp_path), tmp_path).splitlines()
    assert [line.split()[-1] for line in lines[:2]] == ["big", "small"]
    assert "3.0 MB  75.0 %" in lines[0]
    assert "4.0 MB" in lines[2]


@pytest.fixture(scope="module")
def artefact(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The artefact for this machine and this Python, by the build that makes the deployed one."""
    target = tmp_path_factory.mktemp("artefact") / "task"
    build.build(target, platform.machine(), f"{sys.version_info.major}.{sys.version_info.minor}")
    return target


@needs_linux
def test_what_is_in_it(artefact: Path) -> None:
    """The function and the library are there; what no function needs is not; it fits by far."""
    names = {path.name for path in artefact.iterdir()}
    assert {"functions", "penstock", "duckdb", "boto3"} <= names
    assert not {"pyarrow", "click", "rich", "pytest", "cli"} & names
    assert not (artefact / "penstock" / "cli").exists()
    assert {
        path.name for path in (artefact / "botocore" / "data").iterdir() if path.is_dir()
    } <= build.SERVICES
    assert sum(build.weigh(artefact).values()) < 0.7 * build.LIMIT_MB * build.MB


@pytest.fixture(scope="module")
def libraries(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What Lambda's runtime brings along."""
    return runtime_libraries(tmp_path_factory.mktemp("runtime"))


@pytest.fixture(scope="module")
def cloud() -> Iterator[LocalCloud]:
    """A local cloud with a configuration and one object whose notice waits on the queue."""
    with LocalCloud() as started:
        started.put_config(CONFIG)
        yield started


@needs_linux
def test_it_runs_under_the_lambda_runtime(
    artefact: Path, libraries: Path, cloud: LocalCloud, tmp_path: Path
) -> None:
    """awslambdaric runs the artefact in the template's environment and memory: a message in, rows out."""
    record = {
        "eventVersion": "1.11",
        "eventTime": "2026-01-31T10:00:00Z",
        "eventSource": "s3.amazonaws.com",
        "eventName": "GetObject",
        "awsRegion": "us-east-1",
    }
    day = "AWSLogs/123456789012/CloudTrail/us-east-1/2026/01/31"
    key = f"{day}/123456789012_CloudTrail_us-east-1_20260131T1000Z_0123456789abcdef.json.gz"
    body = json.dumps({"Records": [{**record, "eventID": str(n)} for n in range(EVENTS)]})
    cloud.client("s3").put_object(Bucket="logs", Key=key, Body=body.encode())
    (message,) = cloud.drain()
    environment = cloud.environment(COLLECT_KEY)
    worker = runtime(cloud.stack.collect, artefact, environment, tmp_path / "log", libraries)
    try:
        event = {"Records": [{"messageId": "1", "body": message}, {"messageId": "2", "body": "not json"}]}
        answer = worker.invoke(event)
    finally:
        worker.close()
    log = (tmp_path / "log").read_text()
    assert answer == {"batchItemFailures": [{"itemIdentifier": "2"}]}, log
    metrics = [json.loads(line) for line in log.splitlines() if line.startswith('{"_aws"')]
    (counts,) = [one for one in metrics if "Messages" in one]
    assert (counts["Messages"], counts["RowsStored"]) == ([2.0], [float(EVENTS)])
    assert counts["_aws"]["CloudWatchMetrics"][0]["Namespace"] == "Penstock"
    listed = cloud.client("s3").list_objects_v2(Bucket=cloud.hive_bucket, Prefix="tp_table=")
    assert [one["Key"].split("/")[3] for one in listed["Contents"]] == ["tp_date=2026-01-31"]
    assert 0 < worker.peak_mb < cloud.stack.collect.memory
    assert worker.init_seconds is not None


def _tiny(cloud: LocalCloud, libraries: Path, folder: Path, code: str, **changes: int) -> RuntimeEnvironment:
    (folder / "app.py").write_text(f"import time\ndef handler(event, context):\n    {code}\n")
    function: Function = replace(cloud.stack.collect, handler="app.handler", **changes)  # type: ignore[arg-type]
    return runtime(function, folder, {}, folder / "log", libraries)


@needs_linux
@pytest.mark.parametrize(
    ("code", "changes", "message"),
    [
        ("raise ValueError('on purpose')", {}, "ValueError: on purpose"),
        ("time.sleep(5)", {"timeout": 1}, "timed out after 1 s"),
        ("import os; os._exit(3)", {}, "exit 3"),
        ("data = b'x' * (200 << 20); time.sleep(2)", {"memory": 100}, "expected at most 100"),
        ("import duckdb", {}, "No module named 'duckdb'"),
    ],
)
def test_the_runtime_tells_failures(
    cloud: LocalCloud, libraries: Path, tmp_path: Path, code: str, changes: dict[str, int], message: str
) -> None:
    """Errors, timeouts, deaths, too much memory and a missing library come out as what they are."""
    worker = _tiny(cloud, libraries, tmp_path, code, **changes)
    try:
        with pytest.raises(FunctionError, match=re.escape(message)):
            worker.invoke({})
    finally:
        worker.close()
