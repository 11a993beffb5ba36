"""A JSON API polled over real HTTP: each record once, whatever the pages do."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from tests.collect.rig import Rig

from penstock import poll
from penstock.collect import Report
from penstock.errors import ConfigError
from penstock.model import PartitionId

AUDIT = PartitionId("aws_eks_audit_log", "prod")
CONFIG = """
partition "aws_eks_audit_log" "prod" {{
  source "http" {{
    url = "{url}/events"
    {arguments}
  }}
}}
"""


class Api(BaseHTTPRequestHandler):
    """Gives `records` two a page by number, cursor or link; what it was asked stands in `asked`."""

    records: ClassVar[list[dict[str, Any]]] = []
    asked: ClassVar[list[tuple[dict[str, str], dict[str, str]]]] = []
    spoilt: ClassVar[dict[int, tuple[int, bytes]]] = {}
    later: ClassVar[str] = "3600"

    def do_GET(self) -> None:
        """One page."""
        query = {name: values[0] for name, values in parse_qs(urlsplit(self.path).query).items()}
        self.asked.append((query, dict(self.headers)))
        page = int(query.get("page") or query.get("cursor") or 1)
        if page in self.spoilt:
            return self._answer(*self.spoilt[page])
        left = [one for one in self.records if str(one.get("at", "")) >= query.get("since", "")]
        found, more = left[page * 2 - 2 : page * 2], len(left) > page * 2
        further = urlencode({**query, "page": page + 1})
        link = f'<{self.path.partition("?")[0]}?{further}>; rel="next"' if more else ""
        body = {"meta": {"next": page + 1 if more else None}, "data": found}
        return self._answer(200, json.dumps(body).encode(), link)

    def _answer(self, status: int, body: bytes, link: str = "") -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        if status == 429:
            self.send_header("Retry-After", self.later)
        if link:
            self.send_header("Link", link)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing."""


@pytest.fixture
def url() -> Iterator[str]:
    """The API's address."""
    Api.records, Api.asked, Api.spoilt = [], [], {}
    server = HTTPServer(("127.0.0.1", 0), Api)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def event(name: str, at: int) -> dict[str, Any]:
    """A record with a time."""
    return {
        "auditID": name,
        "at": f"2026-01-31T12:00:{at:02}Z",
        "stageTimestamp": f"2026-01-31T12:00:{at:02}Z",
    }


def turn(rig: Rig, url: str, arguments: str, environ: dict[str, str] | None = None) -> Report:
    """One poll of a source with these arguments."""
    rig.configure(CONFIG.format(url=url, arguments=arguments))
    worker = rig.worker()
    partition = worker.read_config().partitions[AUDIT]
    services = lambda service, _connection, _region: rig.store.client(service)  # noqa: E731
    return poll.poll_partition(worker, partition, services, environ or {})


def names(rig: Rig) -> Counter[str]:
    """How often each record is stored."""
    rows = rig.rows(AUDIT.table, AUDIT)
    return Counter(rows["audit_id"].to_pylist() if rows.num_rows else [])


SINCE = 'records = "data"\nsince_param = "since"\nsince_field = "at"\n'
PAGED = {
    "page": SINCE + 'pagination = "page"',
    "cursor": SINCE + 'pagination = "cursor"\ncursor_field = "meta.next"\ncursor_param = "cursor"',
    "link": SINCE + 'pagination = "link"',
}


@pytest.mark.parametrize("kind", PAGED)
def test_pages_and_since(rig: Rig, url: str, kind: str) -> None:
    """All pages are followed, then only what is new; records of the newest time are not doubled."""
    Api.records = [event(name, at) for at, name in enumerate("abcde")]
    assert turn(rig, url, PAGED[kind]).stored == 5
    assert turn(rig, url, PAGED[kind]).stored == 0
    Api.records += [event("f", 4), event("g", 7)]
    assert turn(rig, url, PAGED[kind]).stored == 2
    assert names(rig) == Counter("abcdefg")
    assert {query.get("since") for query, _ in Api.asked} >= {"2026-01-31T12:00:04Z"}


def test_without_since_known_records_are_left_out(rig: Rig, url: str) -> None:
    """By their id, where one is named."""
    arguments = 'records = "data"\npagination = "page"\nid_field = "auditID"'
    Api.records = [event(name, at) for at, name in enumerate("abc")]
    assert turn(rig, url, arguments).stored == 3
    Api.records.append(event("d", 9))
    assert turn(rig, url, arguments).stored == 1
    assert names(rig) == Counter("abcd")


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (500, b"", "found status 500, expected 200"),
        (429, b"slow down", "found status 429 (Retry-After: 3600), expected 200; it said 'slow down'"),
        (403, b"no", "found status 403, expected 200"),
        (302, b"", "found status 302"),
        (200, b"<html>", "expected JSON"),
        (200, b'{"items": []}', "found nothing at data in page 2, expected a list of records"),
        (200, b'{"data": {"a": 1}}', "found a dict at data"),
    ],
)
def test_a_bad_page_leaves_everything_as_it_was(
    rig: Rig, url: str, status: int, body: bytes, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing of that poll is committed, the reason says what was found; the next poll has it all."""
    monkeypatch.setattr(poll.pages, "_RETRY", poll.pages._RETRY.new(total=1, backoff_factor=0))
    Api.records = [event(name, at) for at, name in enumerate("abcd")]
    Api.spoilt = {2: (status, body)}
    (reason,) = turn(rig, url, PAGED["page"]).again.values()
    assert expected in reason
    assert names(rig) == Counter()
    Api.spoilt = {}
    assert turn(rig, url, PAGED["page"]).stored == 4


def test_nobody_there(rig: Rig) -> None:
    """An address that does not answer is a reason, and names no parameter."""
    (reason,) = turn(rig, "http://127.0.0.1:9", 'params = { token = "hidden" }').again.values()
    assert "http://127.0.0.1:9/events: it cannot be asked: NewConnectionError" in reason
    assert "Connection refused" in reason
    assert "hidden" not in reason


def test_headers(rig: Rig, url: str) -> None:
    """As they stand, from the environment, and from Secrets Manager."""
    rig.store.client("secretsmanager").create_secret(Name="api", SecretString='{"key": "from the secret"}')
    arguments = (
        'records = "data"\nheaders = { X-A = "plain" }\nenv_headers = { X-B = "TOKEN" }\n'
        'secret_headers = { X-C = "api#key" }'
    )
    turn(rig, url, arguments, {"TOKEN": "from the environment"})
    ((_, headers),) = Api.asked
    assert [headers[f"X-{letter}"] for letter in "ABC"] == [
        "plain",
        "from the environment",
        "from the secret",
    ]
    with pytest.raises(ConfigError, match="TOKEN"):
        turn(rig, url, arguments)


def test_a_link_to_another_host_is_not_followed(rig: Rig, url: str) -> None:
    """Headers may hold secrets."""
    Api.spoilt = {1: (200, b'{"data": []}')}
    answer = Api._answer

    def elsewhere(self: Api, status: int, body: bytes, link: str = "") -> None:
        answer(self, status, body, link or '<http://elsewhere.example/events>; rel="next"')

    Api._answer = elsewhere  # type: ignore[method-assign]
    try:
        (reason,) = turn(rig, url, PAGED["link"]).again.values()
    finally:
        Api._answer = answer  # type: ignore[method-assign]
    assert "another host" in reason


@pytest.mark.parametrize("kind", ["page", "cursor", "link"])
def test_pages_without_an_end(rig: Rig, url: str, kind: str) -> None:
    """The same page again and again is told at once, and nothing of it is kept."""
    endless = json.dumps({"data": [event("a", 1)], "meta": {"next": 1}}).encode()
    answer = Api._answer

    def again(self: Api, status: int, body: bytes, link: str = "") -> None:
        answer(self, 200, endless, '</events>; rel="next"')

    Api._answer = again  # type: ignore[method-assign]
    try:
        (reason,) = turn(rig, url, PAGED[kind]).again.values()
    finally:
        Api._answer = answer  # type: ignore[method-assign]
    assert "found page 1 again as page 2" in reason
    assert (len(Api.asked), names(rig)) == (2, Counter())


def test_too_many_requests(rig: Rig, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It waits as long as it is told, and asks again."""
    monkeypatch.setattr(Api, "later", "1")
    Api.records = [event(name, at) for at, name in enumerate("abcd")]
    Api.spoilt = {2: (429, b"")}
    threading.Timer(0.5, Api.spoilt.clear).start()
    assert turn(rig, url, PAGED["page"]).stored == 4
    assert len(Api.asked) == 4


def test_large_records(rig: Rig, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A row of two megabytes is a row; a page that would fill the memory is refused."""
    Api.records = [event("a", 1) | {"annotations": {"x": "y" * (2 << 20)}}]
    assert turn(rig, url, PAGED["page"]).stored == 1
    Api.records.append(event("b", 2))
    monkeypatch.setattr(poll.pages, "_MOST_BYTES", 1000)
    (reason,) = turn(rig, url, PAGED["page"]).again.values()
    assert "found a page of more than 1,000 bytes" in reason
    assert names(rig) == Counter("a")
