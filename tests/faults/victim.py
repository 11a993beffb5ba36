"""A worker in a process of its own that kills itself, as SIGKILL does, at the step it is told.

python -m tests.faults.victim STEP, with the settings in the environment and [[id, body], …] on the
standard input; prints `ready` when it may be given them, so that several begin together.
"""

from __future__ import annotations

import json
import os
import signal
import sys

from tests.faults.crew import FrailLedger

from penstock import aws, collect, config


def main() -> None:
    """Collect, and die on the way."""

    def step(name: str) -> None:
        if name == sys.argv[1]:
            os.kill(os.getpid(), signal.SIGKILL)

    account = aws.Account(
        access_key="key", secret_key="secret", region="us-east-1", endpoint_url=os.environ["STORE"]
    )
    worker = collect.prepare(config.settings_from_env(os.environ), account)
    worker.step = step
    worker.ledger = FrailLedger(worker.ledger, lambda: step("committed"))
    print("ready", flush=True)
    worker.handle([(one, body) for one, body in json.loads(sys.stdin.readline())])
    worker.close()


if __name__ == "__main__":
    main()
