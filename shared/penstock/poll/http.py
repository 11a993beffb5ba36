"""Pages of a JSON API as one text of lines, and where the source stands behind them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import urllib3

from penstock.errors import ConfigError, Problem, Retry
from penstock.poll import pages
from penstock.poll.memory import MOST_IDS, Memory
from penstock.sources.http import HttpSource

__all__ = ["Batch", "Seen", "read"]

_MOST_PAGES = 10_000


@dataclass(frozen=True, slots=True)
class Seen:
    """A source's position: the newest value of its `since_field`, and marks of records that may come back."""

    since: str = ""
    marks: tuple[str, ...] = ()

    @classmethod
    def read(cls, text: str) -> Seen:
        """From the ledger's text."""
        told = json.loads(text)
        return cls(told["since"], tuple(told["marks"]))

    def text(self) -> str:
        """For the ledger."""
        return json.dumps({"since": self.since, "marks": list(self.marks)}, separators=(",", ":"))


@dataclass(frozen=True, slots=True)
class Batch:
    """A file of records, one a line, how many and how many bytes, and where the source stands behind them."""

    path: Path
    records: int
    bytes: int
    seen: Seen


def read(
    source: HttpSource,
    seen: Seen,
    path: Path,
    *,
    environ: Mapping[str, str],
    secret: Callable[[str], str],
    most: int,
    tick: Callable[[], None] = lambda: None,
) -> Batch:
    """Every record that is new, written to `path`.

    `secret` gives the text of a secret by its id. `most` bounds the bytes. `tick` is called before
    each request. Retry, with nothing to be kept, when a page cannot be had or is not what it should
    be; ConfigError when a header's variable is not set.
    """
    headers = _headers(source, environ, secret)
    known, newest, total, count = dict.fromkeys(seen.marks), seen.since, 0, 0
    marks: list[tuple[str, str]] = []
    with path.open("wb") as file, pages.opened() as pool:
        for record in _records(pool, source, headers, seen, tick):
            since = _text(_at(record, source.since_field)) if source.since_field else ""
            mark = Memory.mark(_identity(source, record))
            marks.append((since, mark))
            newest = max(newest, since, key=_order)
            if mark in known:
                continue
            known[mark] = None
            line = (
                json.dumps(record, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "replace")
                + b"\n"
            )
            total += len(line)
            if total > most:
                raise Retry(
                    f"{source.place}: its records are more than {most:,} bytes (PENSTOCK_MAX_INFLATED_BYTES)"
                )
            file.write(line)
            count += 1
    return Batch(path, count, total, Seen(newest, _remembered(source, seen, newest, marks)))


def _remembered(source: HttpSource, seen: Seen, newest: str, marks: list[tuple[str, str]]) -> tuple[str, ...]:
    """Marks of records that the next poll may be given again: those of the newest value, or all."""
    if source.since_param:
        again = [mark for since, mark in marks if since == newest]
        kept = dict.fromkeys([*(seen.marks if newest == seen.since else ()), *again])
    else:
        kept = dict.fromkeys([mark for _, mark in marks])
    if len(kept) > MOST_IDS:
        what = (
            f"records of {source.since_field} {newest}"
            if source.since_param
            else "records without since_param"
        )
        raise Retry(f"{source.place}: found {len(kept):,} {what}, expected {MOST_IDS:,} at most")
    return tuple(kept)


def _identity(source: HttpSource, record: Any) -> str:
    if source.id_field:
        found = _at(record, source.id_field)
        if found is None:
            raise Retry(f"{source.place}: a record has no {source.id_field} (id_field); expected one in each")
        return _text(found)
    return json.dumps(record, sort_keys=True)


def _order(value: str) -> tuple[bool, float, str]:
    """Numbers by their size, texts (times in ISO 8601) by their letters; nothing comes first."""
    if re.fullmatch(r"-?\d+(\.\d+)?", value):
        return (True, float(value), value)
    return (bool(value), 0.0, value)


def _records(
    pool: urllib3.PoolManager,
    source: HttpSource,
    headers: Mapping[str, str],
    seen: Seen,
    tick: Callable[[], None],
) -> Iterator[Any]:
    params = dict(source.params)
    since = seen.since or source.since_start
    if source.since_param and since:
        params[source.since_param] = since
    url, page = source.url, 1
    before: dict[bytes, int] = {}
    if source.pagination == "page":
        params[source.page_param] = str(page)
    for _ in range(_MOST_PAGES):
        answer, links, digest = pages.get(pool, source, url, headers, params, tick)
        found = _at(answer, source.records)
        if not isinstance(found, list):
            at = f"at {source.records} " if source.records else ""
            raise Retry(
                f"{source.place}: found {_kind(found)} {at}in page {page}, expected a list of records"
            )
        if found and (same := before.setdefault(digest, page)) != page:
            raise Retry(
                f"{source.place}: found page {same} again as page {page}, expected another one or an end; "
                f"see pagination ({source.pagination})"
            )
        yield from found
        page += 1
        if source.pagination == "page":
            if not found:
                return
            params[source.page_param] = str(page)
        elif source.pagination == "cursor":
            cursor = _at(answer, source.cursor_field)
            if cursor in (None, "", False):
                return
            params[source.cursor_param] = _text(cursor)
        elif source.pagination == "link" and "next" in links:
            url, params = urljoin(url, links["next"]), {}
            if url.split("/")[:3] != source.url.split("/")[:3]:
                raise Retry(
                    f"{source.place}: its next page is at another host; the headers are not sent there"
                )
        else:
            return
    raise Retry(f"{source.place}: found more than {_MOST_PAGES:,} pages, expected an end")


def _at(value: Any, path: str) -> Any:
    """What stands at a dotted path, None if nothing does."""
    for step in path.split(".") if path else ():
        if not isinstance(value, dict):
            return None
        value = value.get(step)
    return value


def _text(value: Any) -> str:
    return value if isinstance(value, str) else "" if value is None else json.dumps(value)


def _kind(value: Any) -> str:
    return "nothing" if value is None else f"a {type(value).__name__}"


def _headers(source: HttpSource, environ: Mapping[str, str], secret: Callable[[str], str]) -> dict[str, str]:
    made = {"Accept": "application/json", "User-Agent": "penstock", **source.headers}
    for name, variable in source.env_headers.items():
        if variable not in environ:
            problem = f"the variable {variable} of header {name} is not set, expected its value"
            raise ConfigError(Problem(source.place, 0, problem))
        made[name] = environ[variable]
    for name, told in source.secret_headers.items():
        identifier, _, key = told.partition("#")
        text = secret(identifier)
        if key:
            found = _at(_json(text), key)
            if not isinstance(found, str):
                problem = f"the secret {identifier} of header {name} has no text {key}"
                raise ConfigError(Problem(source.place, 0, problem))
            text = found
        made[name] = text
    return made


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None
