"""The local cloud: runs the real template on moto, with the parts moto does not play.

`LocalCloud` is the whole of it for tests and the demo; `python -m infra.local_cloud up` keeps one
running for a person.
"""

from infra.local_cloud.cloud import ADMIN_KEY, COLLECT_KEY, REGION, LocalCloud, key_of
from infra.local_cloud.gate import Call, Fault
from infra.local_cloud.poller import Invocation
from infra.local_cloud.worker import WorkerKilled

__all__ = [
    "ADMIN_KEY",
    "COLLECT_KEY",
    "REGION",
    "Call",
    "Fault",
    "Invocation",
    "LocalCloud",
    "WorkerKilled",
    "key_of",
]
