"""Collects one object in a process of its own and prints the most memory that it ever held.

python -m tests.guarantees.collect_one BUCKET KEY ETAG FOLDER, with the store's address in STORE;
prints rows stored and the peak of resident memory in MB.
"""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

from penstock import aws, collect, config, notices
from penstock.model import ObjectRef


def main() -> None:
    """Collect it."""
    bucket, key, etag, folder = sys.argv[1:]
    environ = {"PENSTOCK_HIVE": folder, "PENSTOCK_LEDGER": f"sqlite:///{folder}/ledger.sqlite"}
    account = aws.Account(
        access_key="key", secret_key="secret", region="us-east-1", endpoint_url=os.environ["STORE"]
    )
    worker = collect.prepare(config.settings_from_env(environ), account)
    report = worker.handle([("m", notices.compose([ObjectRef(bucket, key, etag=etag)]))])
    worker.close()
    if report.again or report.reasons:
        sys.exit(f"{report.again} {report.reasons}")
    peak = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert peak is not None
    print(report.stored, int(peak[1]) // 1024)


if __name__ == "__main__":
    main()
