"""The local cloud: the real template on a machine without AWS, for tests, the demo and people.

    with LocalCloud() as cloud:
        cloud.put_config(text)
        cloud.client("s3").put_object(Bucket=cloud.log_bucket(), Key=..., Body=...)
        cloud.run_until_idle()

moto plays S3, EventBridge, SQS, SNS, DynamoDB, IAM and CloudFormation; what it does not play (the
event source mapping, the function, the enforcement of its policy, faults) is played here.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import boto3
from botocore.config import Config

from infra.local_cloud.gate import CONTROL, Call, Fault
from infra.local_cloud.poller import Invocation, Poller
from infra.local_cloud.stack import Stack, deploy, read
from infra.local_cloud.worker import inline

__all__ = ["ADMIN_KEY", "COLLECT_KEY", "REGION", "LocalCloud", "key_of"]

REGION = "us-east-1"
ADMIN_KEY = "LOCALADMIN"
"""Access key id that may do everything: the person at the keyboard, and the tests."""
COLLECT_KEY = "LOCALCOLLECT"
"""Access key id of the collect function: may do what its role in the template says."""

_QUIET = {"POWERTOOLS_LOG_LEVEL": "ERROR", "POWERTOOLS_METRICS_DISABLED": "true"}
_ROOT = Path(__file__).parents[2]


def key_of(function: str) -> str:
    """Access key id of a function, by its name in the template: `LOCALSWEEP` of `SweepFunction`."""
    return "LOCAL" + function.removesuffix("Function").upper()


class LocalCloud:
    """A running local cloud; a context manager. Creating it changes nothing, entering it starts it.

    log_buckets: names of the log buckets, created with EventBridge notices switched on.
    parameters: of the template, beyond LogBuckets.
    workers: execution environments at once, at most the template's MaximumConcurrency.
    window: seconds to wait for a fuller batch; None takes the template's.
    port: of the endpoint; 0 takes a free one.

    A failed message is seen again at once. Handlers log errors only and print no metrics.

    While it is entered, this process's AWS environment variables point at it, and nowhere else.
    """

    def __init__(
        self,
        *,
        log_buckets: Sequence[str] = ("logs",),
        parameters: Mapping[str, str] | None = None,
        workers: int = 4,
        window: float | None = 0.0,
        port: int = 0,
    ) -> None:
        self._log_buckets = tuple(log_buckets)
        self._parameters = {**(parameters or {}), "LogBuckets": ",".join(log_buckets)}
        self._workers = workers
        self._window = window
        self._port = port
        self._saved: dict[str, str] = {}
        self._clients: dict[tuple[str, str], Any] = {}
        self._lock = threading.Lock()
        self._poller: Poller | None = None
        self.invocations: list[Invocation] = []
        """Every invocation so far."""

    # Starting and ending

    @classmethod
    def at(
        cls, endpoint: str, log_buckets: Sequence[str], parameters: Mapping[str, str] | None = None
    ) -> Self:
        """The local cloud that another process keeps running there, to look into and to `invoke` in."""
        found = cls(log_buckets=log_buckets, parameters=parameters)
        found.endpoint = endpoint
        found.stack = read(found.client, found._parameters)
        return found

    def __enter__(self) -> Self:
        self._saved = dict(os.environ)
        self._server = subprocess.Popen(
            [sys.executable, "-m", "infra.local_cloud.server", "--port", str(self._port)],
            cwd=_ROOT,
            env={**_without_aws(os.environ), "PYTHONPATH": str(_ROOT)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert self._server.stdout is not None  # noqa: S101 - it was asked for
        line = self._server.stdout.readline()
        if not line:
            raise RuntimeError(f"moto did not start on port {self._port}; is the port taken?")
        self.endpoint = f"http://127.0.0.1:{int(line)}"
        try:
            _use(self.environment(ADMIN_KEY))
            for bucket in self._log_buckets:
                self.create_log_bucket(bucket)
            self.stack: Stack = deploy(self.client, self._parameters)
            policies = {key_of(name): one.policy for name, one in self.stack.functions.items()}
            self._control("POST", "policies", policies)
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.stop()
        finally:
            self._end()

    def _end(self) -> None:
        os.environ.clear()
        os.environ.update(self._saved)
        for stream in (self._server.stdin, self._server.stdout):
            if stream:
                stream.close()
        self._server.wait(10)

    # What there is

    @property
    def hive(self) -> str:
        """Root of the hive, `s3://bucket`."""
        return self.stack.outputs["Hive"]

    @property
    def hive_bucket(self) -> str:
        """Name of the hive's bucket."""
        return self.hive.removeprefix("s3://")

    @property
    def ledger_url(self) -> str:
        """The ledger, `dynamodb://table`."""
        return self.stack.outputs["Ledger"]

    @property
    def queue_url(self) -> str:
        """The queue's URL as the API takes it."""
        return self.stack.outputs["QueueUrl"]

    @property
    def workspace(self) -> str:
        """HCL that lets `penstock query` find all this."""
        text = self.stack.outputs["Workspace"].rstrip()
        return text.removesuffix("}") + f'  endpoint_url = "{self.endpoint}"\n}}\n'

    def log_bucket(self, name: str | None = None) -> str:
        """A log bucket's name, the first one's by default; KeyError when it is none of them."""
        found = name or self._log_buckets[0]
        if found not in self._log_buckets:
            raise KeyError(found)
        return found

    def environment(self, key: str = ADMIN_KEY) -> dict[str, str]:
        """Environment variables that point AWS clients here, acting as the holder of `key`."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": key,
            "AWS_SECRET_ACCESS_KEY": "local",
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def client(self, service: str, key: str = ADMIN_KEY) -> Any:
        """A boto3 client of this cloud; the same one whenever it is asked for."""
        with self._lock:
            if (service, key) not in self._clients:
                session = boto3.Session(key, "local", region_name=REGION)
                config = Config(max_pool_connections=32)
                made = session.client(service, endpoint_url=self.endpoint, config=config)  # type: ignore[call-overload]
                self._clients[service, key] = made
            return self._clients[service, key]

    # Putting things in

    def create_log_bucket(self, name: str, notices: bool = True) -> None:
        """A bucket whose objects' creation is told to EventBridge (unless notices is false)."""
        s3 = self.client("s3")
        s3.create_bucket(Bucket=name)
        if notices:
            wanted: dict[str, Any] = {"EventBridgeConfiguration": {}}
            s3.put_bucket_notification_configuration(Bucket=name, NotificationConfiguration=wanted)

    def notify_queue(self, bucket: str) -> None:
        """Have S3 send `bucket`'s notices straight to the queue instead."""
        told = {"QueueArn": self.stack.outputs["QueueArn"], "Events": ["s3:ObjectCreated:*"]}
        self.client("s3").put_bucket_notification_configuration(
            Bucket=bucket, NotificationConfiguration={"QueueConfigurations": [told]}
        )

    def notify_topic(self, bucket: str, topic: str = "notices") -> None:
        """Have S3 send `bucket`'s notices to an SNS topic that the queue is subscribed to instead."""
        sns = self.client("sns")
        arn = sns.create_topic(Name=topic)["TopicArn"]
        sns.subscribe(TopicArn=arn, Protocol="sqs", Endpoint=self.stack.outputs["QueueArn"])
        told = {"TopicArn": arn, "Events": ["s3:ObjectCreated:*"]}
        self.client("s3").put_bucket_notification_configuration(
            Bucket=bucket, NotificationConfiguration={"TopicConfigurations": [told]}
        )

    def put_config(self, text: str, name: str = "penstock.tpc") -> None:
        """Put a configuration file where the functions read it."""
        self.client("s3").put_object(Bucket=self.hive_bucket, Key=f"_config/{name}", Body=text.encode())

    def send(self, body: str | Mapping[str, Any]) -> None:
        """Put a message on the queue as it is."""
        text = body if isinstance(body, str) else json.dumps(body)
        self.client("sqs").send_message(QueueUrl=self.queue_url, MessageBody=text)

    # Running the function

    def start(self, on_invocation: Callable[[Invocation], None] = lambda _: None) -> None:
        """Run the workers in the background until `stop`."""
        collect = self.stack.collect
        window = collect.mapping.window if self._window is None else self._window
        _use({**self.environment(COLLECT_KEY), **collect.environment, **_QUIET})
        self._poller = Poller(
            self.client("sqs", COLLECT_KEY),
            self.client("sqs"),
            collect.mapping,
            lambda: inline(collect),
            self._workers,
            window,
            0,
            on_invocation,
            self.invocations,
        )
        self._poller.start()

    def stop(self) -> None:
        """End the workers after their present batch."""
        poller, self._poller = self._poller, None
        if poller:
            try:
                poller.stop()
            finally:
                for name in (*self.stack.collect.environment, *_QUIET):
                    os.environ.pop(name, None)
                _use(self.environment(ADMIN_KEY))

    def run_until_idle(self, progress: Callable[[int], None] = lambda _: None, timeout: float = 120) -> None:
        """Run the workers until no message waits or is in flight; TimeoutError after `timeout` seconds.

        `progress` is told several times a second how many messages are left.
        """
        self.start()
        try:
            if self._poller:
                self._poller.wait_until_idle(timeout, progress)
        finally:
            self.stop()

    def invoke(self, function: str, event: Mapping[str, Any] | None = None) -> Any:
        """Call a function by its name in the template, once, as its schedule does; its answer.

        It is a cold start with the function's own permissions, in this process, so not while the
        workers run in it (RuntimeError).
        """
        if self._poller:
            raise RuntimeError(f"{function}: the workers are running in this process; stop them first")
        found = self.stack.functions[function]
        before = dict(os.environ)
        _use({**self.environment(key_of(function)), **found.environment, **_QUIET})
        environment = inline(found)
        try:
            return environment.invoke(event or {"source": "aws.events", "detail-type": "Scheduled Event"})
        finally:
            environment.close()
            os.environ.clear()
            os.environ.update(before)

    # Looking at what came of it

    def drain(self) -> list[str]:
        """Take every visible message off the queue without handling it; their bodies, in order."""
        return self._received(self.queue_url, delete=True)

    def dead_letters(self, take: bool = False) -> list[str]:
        """Bodies of the messages on the dead-letter queue, which stay there unless they are taken."""
        return self._received(self.stack.collect.mapping.dead_letters_url, delete=take)

    def calls(self, key: str | None = None) -> list[Call]:
        """Every permission that every request needed so far, of one access key id or of all."""
        found = [Call(**one) for one in self._control("GET", "calls")]
        return [call for call in found if key in (None, call.caller)]

    def forget_calls(self) -> None:
        """Start counting anew."""
        self._control("DELETE", "calls")

    def fault(self, *faults: Fault) -> None:
        """Order faults; see `Fault`."""
        self._control("POST", "faults", [asdict(fault) for fault in faults])

    def faults_left(self) -> list[Fault]:
        """The ordered faults that have not happened (often enough) yet."""
        return [Fault(**one) for one in self._control("GET", "faults")]

    def _received(self, url: str, delete: bool) -> list[str]:
        sqs = self.client("sqs")
        messages: list[Any] = []
        wanted = {"QueueUrl": url, "MaxNumberOfMessages": 10, "VisibilityTimeout": 60, "WaitTimeSeconds": 0}
        while found := sqs.receive_message(**wanted).get("Messages"):
            messages += found
        for message in messages:
            if delete:
                sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
            else:
                handle = message["ReceiptHandle"]
                sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=handle, VisibilityTimeout=0)
        return [message["Body"] for message in messages]

    def _control(self, method: str, what: str, body: Any = None) -> list[dict[str, Any]]:
        request = urllib.request.Request(  # noqa: S310 - our own endpoint
            f"{self.endpoint}{CONTROL}{what}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
        )
        with urllib.request.urlopen(request) as answer:  # noqa: S310 - our own endpoint
            return list(json.load(answer))


def _use(variables: Mapping[str, str]) -> None:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]
    os.environ.update(variables)


def _without_aws(environ: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in environ.items() if not name.startswith("AWS_")}
