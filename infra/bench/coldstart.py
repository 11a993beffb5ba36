"""Starts the collect handler as a new execution environment does, and tells what that took.

Run as `python -m infra.bench.coldstart` in the function's environment; prints one JSON object:
seconds of `import` (clients are made in it) and of `configure` (the configuration read from S3 and
parsed). The interpreter's own start is not in them: Lambda has that done.
"""

from __future__ import annotations

import json
import sys
import time


def main() -> None:
    """Import the handler's module, read the configuration, say how long each took."""
    started = time.perf_counter()
    from functions.collect import app

    imported = time.perf_counter()
    app.worker.read_config()
    configured = time.perf_counter()
    sys.stdout.write(json.dumps({"import": imported - started, "configure": configured - imported}))


if __name__ == "__main__":
    main()
