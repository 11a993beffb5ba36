"""The demo: CloudTrail objects land in a local cloud, are collected exactly once, and answer in SQL.

Everything runs on this machine: moto plays AWS, the template and the functions are the real ones.
"""

from __future__ import annotations

import datetime as dt
import logging
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from infra import samples
from infra.local_cloud import LocalCloud
from infra.samples import SampleObject
from penstock.hive import open_hive
from penstock.ledger.open import open_ledger
from penstock.model import ObjectRecord, PartitionId

BUCKET = "acme-cloudtrail-logs"
OBJECTS, EVENTS = 300, 40

CONFIG = f"""\
# What to collect: CloudTrail of the whole organization, without the chatter of KMS.
partition "aws_cloudtrail_log" "acme" {{
  source "aws_s3_bucket" {{
    bucket = "{BUCKET}"
  }}
  filter   = "event_source <> 'kms.amazonaws.com'"
  tp_index = "recipient_account_id"
}}
"""

QUESTIONS: tuple[tuple[str, str], ...] = (
    (
        "What is called most?",
        "select event_source, event_name, count(*) as calls, count(error_code) as errors "
        "from aws_cloudtrail_log group by all order by calls desc, event_name limit 8",
    ),
    (
        "Who runs into errors?",
        "select user_identity.arn as principal, error_code, count(*) as times, "
        "count(distinct event_name) as actions from aws_cloudtrail_log "
        "where error_code is not null and user_identity.arn is not null "
        "group by all order by times desc, principal limit 6",
    ),
    (
        "Console sign-ins without MFA",
        "select tp_timestamp, coalesce(user_identity.user_name, user_identity.type) as who, "
        "source_ip_address, response_elements->>'ConsoleLogin' as result from aws_cloudtrail_log "
        "where event_name = 'ConsoleLogin' and (additional_event_data->>'MFAUsed') = 'No' "
        "order by tp_timestamp limit 6",
    ),
    (
        "What did the intruder's address do?",
        "select tp_timestamp, event_name, coalesce(error_code, 'allowed') as outcome, "
        "user_identity.user_name as who "
        f"from aws_cloudtrail_log where source_ip_address = '{samples.INTRUDER_ADDRESS}' "
        "order by tp_timestamp limit 14",
    ),
    (
        "Which rows could not be read, and why?",
        "select reason, count(*) as times, min(row_number) as first_row from tp_rejected "
        "group by all order by times desc, reason limit 8",
    ),
)


def main() -> int:
    """Run it; 0 when every count agrees."""
    console = Console(highlight=False)
    logging.disable(logging.ERROR)  # what the functions log of bad objects is told in step 3
    started = time.monotonic()
    console.rule("[bold]Penstock: from an S3 event to an answer in SQL")
    with (
        tempfile.TemporaryDirectory() as folder,
        LocalCloud(log_buckets=[BUCKET], workers=2, window=0.5) as cloud,
    ):
        console.print(f"\n[bold]1[/] A local cloud at {cloud.endpoint}, with template.yaml deployed into it:")
        console.print(f"  logs     s3://{BUCKET}\n  hive     {cloud.hive}\n  ledger   {cloud.ledger_url}")
        cloud.put_config(CONFIG)
        objects = _objects()
        several = f"{len({put.key for put in objects})} objects land in {len(objects)} puts"
        console.print(f"\n[bold]2[/] {several}; each is announced three times, three ways.")
        _land(cloud, objects, console)
        console.print("\n[bold]3[/] The collect function takes the notices off the queue.")
        seconds = _collect(cloud, console)
        agreed = _account(cloud, objects, seconds, console)
        console.print("\n[bold]4[/] Ask the hive, over httpfs, as you would from a laptop:")
        config = Path(folder) / "demo.tpc"
        config.write_text(CONFIG + cloud.workspace)
        for title, sql in QUESTIONS:
            console.print(f"\n[bold cyan]{title}[/]")
            agreed &= _query(config, sql)
    _next(console)
    console.print(f"\n[dim]{time.monotonic() - started:.0f} s in all[/]")
    return 0 if agreed else 1


def _objects() -> list[SampleObject]:
    midnight = dt.datetime.now(dt.UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    good = samples.objects(7, OBJECTS, EVENTS, midnight - dt.timedelta(days=1))
    found = [*good, *samples.bad_objects(7)]
    random.Random(7).shuffle(found)
    return found


def _land(cloud: LocalCloud, objects: Sequence[SampleObject], console: Console) -> None:
    """Put them: EventBridge announces each, a notification by tens a second and SNS a third time."""
    s3 = cloud.client("s3")
    with _progress(console) as progress:
        task = progress.add_task("  putting", total=len(objects))
        for start in range(0, len(objects), 10):
            landed = objects[start : start + 10]
            for put in landed:
                s3.put_object(Bucket=BUCKET, Key=put.key, Body=put.body)
                progress.advance(task)
            note = samples.s3_notification(BUCKET, landed)
            cloud.send(note)
            cloud.send(samples.sns_wrapped(note))
    cloud.send(samples.s3_test_event(BUCKET))


def _collect(cloud: LocalCloud, console: Console) -> float:
    started = time.monotonic()
    with _progress(console) as progress:
        task = progress.add_task("  collecting", total=None)
        most = 0

        def told(left: int) -> None:
            nonlocal most
            most = max(most, left)
            progress.update(task, total=most, completed=most - left)

        cloud.run_until_idle(told)
    return time.monotonic() - started


def _account(cloud: LocalCloud, objects: Sequence[SampleObject], seconds: float, console: Console) -> bool:
    """Show that what went in is what came out; False if it is not."""
    records = _records(cloud, objects)
    done = [record for record in records.values() if record.state == "done"]
    bad = [record for record in records.values() if record.state == "bad"]
    read = sum(record.rows_read for record in done)
    stored, filtered, rejected = (
        sum(getattr(record, name) for record in done) for name in ("stored", "filtered", "rejected")
    )
    expected = sum(thing.stored + thing.rejected for thing in objects if thing.expect == "done")
    table = Table(box=None, show_header=False, padding=(0, 2))
    for name, value in (
        ("events in the objects", expected),
        ("rows read", read),
        ("= stored", stored),
        ("+ filtered", filtered),
        ("+ rejected, one by one", rejected),
    ):
        table.add_row(name, f"{value:,}")
    console.print(table)
    invocations = cloud.invocations
    console.print(
        f"  {len(done)} objects collected, {len(bad)} recorded as bad, "
        f"{sum(thing.expect == 'ignored' for thing in objects)} no logs of this table; "
        f"{sum(call.messages for call in invocations):,} notices in {len(invocations)} invocations, "
        f"{seconds:.1f} s; "
        f"{len(cloud.dead_letters())} dead letters"
    )
    for record in sorted(bad, key=lambda record: record.reason)[:3]:
        console.print(f"  [dim]bad: …{record.identity.rpartition('_')[2][:24]}…: {record.reason[:90]}[/]")
    agreed = bool(read == expected == stored + filtered + rejected)
    console.print(
        "  [green]in = stored + filtered + rejected[/]" if agreed else "  [red]the counts do not agree[/]"
    )
    return agreed


def _records(cloud: LocalCloud, objects: Sequence[SampleObject]) -> dict[str, ObjectRecord]:
    hive = open_hive(cloud.hive, cloud.client("s3"))
    ledger = open_ledger(cloud.ledger_url, dynamodb=cloud.client("dynamodb"), blobs=hive)
    identities = sorted({f"s3://{BUCKET}/{thing.key}?etag={thing.etag}" for thing in objects})
    return ledger.objects(PartitionId("aws_cloudtrail_log", "acme"), identities)


def _query(config: Path, sql: str) -> bool:
    command = [sys.executable, "-m", "penstock.cli", "query", "--config-path", str(config), sql]
    sys.stdout.flush()
    return subprocess.run(command, check=False).returncode == 0


def _progress(console: Console) -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
    )


def _next(console: Console) -> None:
    console.print(
        "\n[bold]Next[/]\n"
        "  make local-cloud        keep such a cloud running; it prints how to query it and put objects\n"
        "  penstock query --help   ask it anything in SQL\n"
        "  docs/deploy.md          the same template in your own account\n"
        "  docs/guarantees.md      what is promised, how it is kept, and the tests that show it"
    )


if __name__ == "__main__":
    sys.exit(main())
