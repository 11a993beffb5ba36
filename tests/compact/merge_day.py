"""Compacts a yard's hive in a process of its own and prints the most memory that it ever held.

python -m tests.compact.merge_day FOLDER MEMORY_MB TARGET_BYTES; prints rows merged, files
made, seconds, and the peak of resident memory in MB.
"""

from __future__ import annotations

import re
import sys
import time
from pathlib import Path

from tests.compact import yard as yards


def main() -> None:
    """Merge it."""
    folder, memory, target = sys.argv[1], *map(int, sys.argv[2:])
    yard = yards.make(Path(folder))
    compactor = yard.compactor(target=target, job=1 << 40, memory_mb=memory)
    started = time.monotonic()
    report = compactor.run()
    seconds = time.monotonic() - started
    if report.failed or not report.merges:
        sys.exit(f"{report}")
    peak = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert peak is not None
    print(report.rows, report.files_out, round(seconds, 1), int(peak[1]) // 1024)


if __name__ == "__main__":
    main()
