"""Cost: what AWS would bill for a million events, in objects of 1,000 events and of 50.

The real clients talk to the local cloud; their calls are metered, the processor time is measured.
Waiting is assumed (`WAIT`), since moto's latency says nothing. Cold starts, idle polling of the
queue, the function's own log and what the hive and the ledger cost to keep are not in it.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping
from typing import Any

from infra.bench import Context, Figure
from infra.bench.alone import alone
from infra.bench.collecting import BATCH, CONFIG, messages
from infra.bench.data import DataSet, Recipe, dataset, object_paths
from infra.bench.metering import Meter
from infra.bench.prices import AS_OF, PRICES, dollars
from infra.local_cloud import LocalCloud
from penstock import collect as library
from penstock import config

NEEDS: tuple[str, ...] = ()

_RECIPES = (Recipe(BATCH, 1_000), Recipe(10 * BATCH, 50))
_MEMORY_GB = 1769 / 1024
"""The template's MemorySize: one whole vCPU, so a processor second here stands for a second there."""
_STORAGE_GB = (2048 - 512) / 1024

WAIT = {"s3 get": 0.030 / 16, "s3 put": 0.060 / 2, "dynamodb": 0.010}
"""Seconds assumed a call: GETs go sixteen at once, of puts about two, DynamoDB one by one."""


def run(context: Context) -> list[Figure]:
    """Requests, GB-seconds and dollars per million events, for each size of object."""
    return [figure for recipe in _RECIPES for figure in _figures(recipe, _measure(context, recipe))]


def _measure(context: Context, recipe: Recipe) -> dict[str, Any]:
    data = dataset(context.data, recipe)
    with LocalCloud(log_buckets=("bench",)) as cloud:
        cloud.put_config(CONFIG)
        _put(cloud, data)
        took = alone(
            f"{__name__}:metered",
            environment=cloud.stack.collect.environment,
            queue=cloud.queue_url,
        ).result
    if (took["events"], took["objects"]) != (data.events, recipe.objects):
        raise RuntimeError(
            f"cost: collected {took}, expected {data.events} events of {recipe.objects} objects"
        )
    result: dict[str, Any] = took
    return result


def _put(cloud: LocalCloud, data: DataSet) -> None:
    """The objects into the bucket, their notices onto the queue: moto's own lack the ETag that S3's have."""
    s3 = cloud.client("s3")
    s3.put_bucket_notification_configuration(Bucket="bench", NotificationConfiguration={})
    for path, (_, body) in zip(object_paths(data.objects), messages(data.objects), strict=True):
        s3.put_object(Bucket="bench", Key=path.relative_to(data.objects).as_posix(), Body=path.read_bytes())
        cloud.send(body)


def metered(environment: Mapping[str, str], queue: str) -> dict[str, Any]:
    """Collect all that the queue names, as the event source mapping hands it over, under a meter."""
    import boto3

    worker = library.prepare(config.settings_from_env(environment))
    meter, sqs = Meter(), boto3.client("sqs")
    worker.read_config()
    # The clients that prepare made: one S3 client for hive and logs, one of DynamoDB.
    for client in (worker.hive.client, worker.ledger.client, sqs):  # type: ignore[attr-defined]
        meter.watch(client)
    events = objects = batches = 0
    cpu = 0.0
    while batch := _receive(sqs, queue):
        started = time.process_time()
        report = worker.handle([(message["MessageId"], message["Body"]) for message in batch])
        cpu += time.process_time() - started
        if report.again:
            raise RuntimeError(f"comes again: {list(report.again.values())[:3]}")
        for start in range(0, len(batch), 10):
            entries: list[Any] = [
                {"Id": message["MessageId"], "ReceiptHandle": message["ReceiptHandle"]}
                for message in batch[start : start + 10]
            ]
            sqs.delete_message_batch(QueueUrl=queue, Entries=entries)
        events, objects, batches = events + report.stored, objects + report.done, batches + 1
    worker.close()
    meter.used["sqs"] += objects  # what EventBridge sent
    return {
        "events": events,
        "objects": objects,
        "batches": batches,
        "cpu": cpu,
        "used": dict(meter.used),
        "calls": dict(meter.calls),
    }


def _receive(sqs: Any, queue: str) -> list[dict[str, Any]]:
    batch: list[dict[str, Any]] = []
    while len(batch) < BATCH:
        most = min(10, BATCH - len(batch))
        found = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=most, WaitTimeSeconds=0)
        if not found.get("Messages"):
            break
        batch += found["Messages"]
    return batch


def _figures(recipe: Recipe, took: Mapping[str, Any]) -> list[Figure]:
    million = 1_000_000 / took["events"]
    services: Counter[str] = Counter()
    for name, calls in took["calls"].items():
        services[name.partition(":")[0]] += calls
    waited = (
        sum(took["used"].get(kind, 0) * WAIT[kind] for kind in ("s3 get", "s3 put"))
        + services["dynamodb"] * WAIT["dynamodb"]
    )
    seconds = took["cpu"] + waited
    used = {name: amount * million for name, amount in took["used"].items()}
    used |= {
        "lambda": seconds * _MEMORY_GB * million,
        "storage": seconds * _STORAGE_GB * million,
        "invocations": took["batches"] * million,
        "events": took["objects"] * million,
    }
    costs = dollars(used)
    title = f"cost, {recipe.events:,} events an object"
    calls = ", ".join(f"{name} {n * million:,.0f}" for name, n in sorted(took["calls"].items()))
    parts = ", ".join(f"{name} ${cost:.4f}" for name, cost in sorted(costs.items(), key=lambda p: -p[1]))
    duration = f"{seconds * million:.1f} s at 1,769 MB: cpu {took['cpu'] * million:.1f} s, waiting assumed"
    return [
        Figure(f"{title}: Lambda", used["lambda"], "GB-s/M", note=duration),
        *(
            Figure(f"{title}: {name}", services[name] * million, "calls/M", note=_of(name, calls))
            for name in ("s3", "dynamodb", "sqs")
        ),
        Figure(f"{title}: write units", used["write units"], "WRU/M"),
        Figure(f"{title}: read units", used["read units"], "RRU/M"),
        Figure(f"{title}: sum", sum(costs.values()), "USD/M", note=parts),
        *(_prices() if recipe is _RECIPES[-1] else ()),
    ]


def _of(service: str, calls: str) -> str:
    own = [part.partition(":")[2] for part in calls.split(", ") if part.startswith(f"{service}:")]
    return ", ".join(own) + (" (and one send an object by EventBridge)" if service == "sqs" else "")


def _prices() -> list[Figure]:
    return [
        Figure(f"price: {price.what}", price.dollars, f"USD/{price.per:,}", note=f"{AS_OF}, {price.source}")
        for price in PRICES.values()
    ]
