"""The process that plays AWS: moto behind the gate, on one port of this machine.

Run as `python -m infra.local_cloud.server [--port N]`; prints its port as the first line and serves
until it is ended or its standard input closes (so it never outlives who started it). Everything it
holds is in memory.
"""

from __future__ import annotations

import argparse
import os
import signal
import threading
import time
from typing import Any

from moto.core.config import default_user_config
from moto.moto_server.werkzeug_app import (
    DomainDispatcherApplication,
    MotoRequestHandler,
    create_backend_app,
)
from moto.sqs import models
from werkzeug.serving import make_server

from infra.local_cloud import markers
from infra.local_cloud.gate import Gate


class _Quiet(MotoRequestHandler):
    """moto's request handler without a line per request."""

    def log_request(self, *_: Any) -> None:
        return


def _end_with_parent() -> None:
    while os.read(0, 4096):
        pass
    os._exit(0)


def _hasten() -> None:
    """moto counts a queue's messages anew at each call, and asks a slow clock about each of them."""
    vars(models)["unix_time_millis"] = lambda: time.time() * 1000.0


def _without_containers() -> None:
    """A function that is invoked through the API is noted, and run by whoever runs this cloud."""
    default_user_config["lambda"] = {"use_docker": False}


def main() -> None:
    """Serve until told to end."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--port", type=int, default=0)
    arguments = parser.parse_args()
    # Ctrl-C in a terminal reaches the whole group: who started this one closes its input in good time.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _hasten()
    _without_containers()
    markers.mend()
    gate = Gate(DomainDispatcherApplication(create_backend_app))
    server = make_server("127.0.0.1", arguments.port, gate, threaded=True, request_handler=_Quiet)
    os.environ["MOTO_PORT"] = str(server.port)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    print(server.port, flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
