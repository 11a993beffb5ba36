"""Keeps a local cloud running for a person: `python -m infra.local_cloud up`, `… run`, `… down`.

What it holds is gone when it ends. `run` calls a scheduled function of the one that `up` left its
note of, `down` ends it, both from another terminal; Ctrl-C does the same in its own.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path

from infra.local_cloud import ADMIN_KEY, Invocation, LocalCloud

NOTE = Path(tempfile.gettempdir()) / f"penstock-local-cloud.{os.getuid()}.json"

_CONFIG = """\
partition "aws_cloudtrail_log" "local" {{
  source "aws_s3_bucket" {{
    bucket = "{bucket}"
  }}
}}
"""

_GREETING = """\
The local cloud is up.

  endpoint     {endpoint}
  log bucket   {bucket}     objects put here are collected
  hive         {hive}
  ledger       {ledger}
  queue        {queue}

Point a terminal at it:

{exports}

Put a log, and look at what came of it:

  aws s3 cp my-cloudtrail.json.gz s3://{bucket}/AWSLogs/123456789012/CloudTrail/us-east-1/2026/01/31/
  aws s3 ls --recursive {hive}/
  penstock query "select event_name, count(*) from aws_cloudtrail_log group by all order by 2 desc"

Look for what events missed, now (older than a quarter of an hour, or say up --settle 0):

  python -m infra.local_cloud run SweepFunction

The workspace, for a .tpc file in your configuration directory:

{workspace}
End it with Ctrl-C or, from elsewhere: python -m infra.local_cloud down
"""


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m infra.local_cloud", description="A local cloud.")
    commands = parser.add_subparsers(dest="command", required=True)
    up = commands.add_parser("up", help="start one and keep it running")
    up.add_argument("--port", type=int, default=0, help="port of the endpoint; a free one by default")
    up.add_argument("--data", type=Path, help="directory whose files are put into the log bucket")
    up.add_argument("--config", type=Path, help="configuration file to put into the hive")
    up.add_argument("--bucket", default="logs", help="name of the log bucket")
    up.add_argument("--settle", type=int, default=15, help="minutes that a sweep leaves objects to events")
    run = commands.add_parser("run", help="call a scheduled function of the one that is running, once")
    run.add_argument("function", help="its name in template.yaml, for example SweepFunction")
    commands.add_parser("down", help="end the one that is running")
    given = parser.parse_args(arguments)
    {"up": _up, "run": _run, "down": _down}[given.command](given)


def _up(given: argparse.Namespace) -> None:
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    parameters = {"SweepSettleMinutes": str(given.settle)}
    with LocalCloud(port=given.port, log_buckets=(given.bucket,), parameters=parameters, window=1.0) as cloud:
        config = given.config.read_text() if given.config else _CONFIG.format(bucket=given.bucket)
        cloud.put_config(config)
        print(greeting(cloud), flush=True)
        note = {"process": os.getpid(), "endpoint": cloud.endpoint, "bucket": given.bucket, **parameters}
        NOTE.write_text(json.dumps(note))
        try:
            cloud.start(_tell)
            if given.data:
                print(
                    f"put {_put_tree(cloud, given.data)} objects of {given.data} into {given.bucket}",
                    flush=True,
                )
            ended.wait()
        finally:
            NOTE.unlink(missing_ok=True)


def greeting(cloud: LocalCloud) -> str:
    """What a person needs to use the cloud that is running."""
    return _GREETING.format(
        endpoint=cloud.endpoint,
        bucket=cloud.log_bucket(),
        hive=cloud.hive,
        ledger=cloud.ledger_url,
        queue=cloud.queue_url,
        workspace=cloud.workspace,
        exports="\n".join(f"  export {name}={value}" for name, value in cloud.environment(ADMIN_KEY).items()),
    )


def _put_tree(cloud: LocalCloud, root: Path) -> int:
    s3 = cloud.client("s3")
    files = [path for path in sorted(root.rglob("*")) if path.is_file()]
    for path in files:
        s3.put_object(
            Bucket=cloud.log_bucket(), Key=path.relative_to(root).as_posix(), Body=path.read_bytes()
        )
    return len(files)


def _tell(invocation: Invocation) -> None:
    error = f", {type(invocation.error).__name__}: {invocation.error}" if invocation.error else ""
    counts = f"{invocation.messages} messages, {invocation.failed} to try again"
    print(f"collect: {counts}, {invocation.seconds:.2f} s{error}", flush=True)


def _run(given: argparse.Namespace) -> None:
    note = _note()
    endpoint, bucket = note.pop("endpoint"), note.pop("bucket")
    del note["process"]
    cloud = LocalCloud.at(endpoint, [bucket], note)
    if given.function not in cloud.stack.functions:
        sys.exit(f"found {given.function}, expected one of {', '.join(sorted(cloud.stack.functions))}")
    print(json.dumps(cloud.invoke(given.function), indent=2))


def _down(_: argparse.Namespace) -> None:
    number = int(_note()["process"])
    os.kill(number, signal.SIGTERM)
    print(f"told process {number} to end")


def _note() -> dict[str, str]:
    try:
        note: dict[str, str] = json.loads(NOTE.read_text())
        os.kill(int(note["process"]), 0)
    except (FileNotFoundError, ProcessLookupError):
        sys.exit("no local cloud of yours is running")
    return note


if __name__ == "__main__":
    main()
