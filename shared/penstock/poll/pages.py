"""Asks for one page of a JSON API: with patience where it is busy, and never more than memory takes."""

from __future__ import annotations

import hashlib
import json
import re
import time as clock
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlencode

import urllib3

from penstock.errors import Retry
from penstock.sources.http import HttpSource

__all__ = ["get", "opened"]

_MOST_BYTES = 64 << 20  # of a page: it is read into memory whole
_TRIES = 5  # of a page that is refused because there were too many requests (429)
_LONGEST_WAIT = 60.0  # seconds
_RETRY = urllib3.Retry(
    total=3,
    backoff_factor=0.5,
    status_forcelist=(500, 502, 503, 504),
    raise_on_status=False,
    respect_retry_after_header=False,  # without a limit it would sleep for hours
)
_TIMEOUT = urllib3.Timeout(connect=5, read=60)


def opened() -> urllib3.PoolManager:
    """Connections for the pages of one poll; a context."""
    return urllib3.PoolManager(retries=_RETRY, timeout=_TIMEOUT)


def get(
    pool: urllib3.PoolManager,
    source: HttpSource,
    url: str,
    headers: Mapping[str, str],
    params: Mapping[str, str],
    tick: Callable[[], None],
) -> tuple[Any, dict[str, str], bytes]:
    """A page, its links by relation, and a hash of it."""
    base, _, given = url.partition("?")
    query = "&".join(part for part in (given, urlencode(params)) if part)
    for tries in range(_TRIES):
        tick()
        answer, data = _asked(pool, source, f"{base}?{query}" if query else base, headers)
        wait = _wait(answer.headers.get("Retry-After", ""), tries)
        if answer.status != 429 or wait > _LONGEST_WAIT:
            break
        _sleep(wait, tick)
    if answer.status != 200:
        said = answer.headers.get("Retry-After")
        later = f" (Retry-After: {said})" if said else ""
        shown = data[:200].decode("utf-8", "replace")
        raise Retry(f"{source.place}: found status {answer.status}{later}, expected 200; it said {shown!r}")
    try:
        page = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise Retry(f"{source.place}: found {data[:60]!r}, expected JSON ({error})") from None
    return page, _links(answer.headers.get("Link", "")), hashlib.sha256(data).digest()


def _asked(
    pool: urllib3.PoolManager, source: HttpSource, url: str, headers: Mapping[str, str]
) -> tuple[urllib3.BaseHTTPResponse, bytes]:
    try:
        answer = pool.request("GET", url, headers=dict(headers), redirect=False, preload_content=False)
        data = answer.read(_MOST_BYTES + 1)  # at its end the connection is free for the next one
    except urllib3.exceptions.HTTPError as error:
        raise Retry(f"{source.place}: it cannot be asked: {_reason(error)}") from error
    if len(data) > _MOST_BYTES:
        answer.close()
        raise Retry(f"{source.place}: found a page of more than {_MOST_BYTES:,} bytes, expected smaller ones")
    return answer, data


def _wait(retry_after: str, tries: int) -> float:
    """Seconds to wait: as long as it says, else a little longer each time."""
    return float(retry_after) if retry_after.isascii() and retry_after.isdigit() else float(2**tries)


def _sleep(seconds: float, tick: Callable[[], None]) -> None:
    until = clock.monotonic() + seconds
    while (left := until - clock.monotonic()) > 0:
        tick()
        clock.sleep(min(1.0, left))


def _reason(error: Exception) -> str:
    """The last cause by its name, and what the system says: a URL in the message may hold parameters."""
    reason = getattr(error, "reason", None)
    last = reason if isinstance(reason, Exception) else error
    system = last.__cause__
    return type(last).__name__ + (f": {system.strerror}" if isinstance(system, OSError) else "")


def _links(header: str) -> dict[str, str]:
    """URLs of a Link header by relation (https://www.rfc-editor.org/rfc/rfc8288)."""
    found = re.findall(r'<([^>]*)>[^,<]*?;\s*rel="?([^";,]+)"?', header)
    return {relation: url for url, relations in found for relation in relations.split()}
