"""DuckDB asks S3 through a gateway of this process: it alone may, and for the hive alone (G6)."""

from __future__ import annotations

import io
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.query.asking import rows
from tests.query.hives import FIRST_DAY, LOGIN, Hive, rows_of, upload
from tests.query.store import REGION, Store

from penstock import aws, query
from penstock.errors import QueryError
from penstock.query.gateway import Gateway

KEY = "logs/x.bin"


@pytest.fixture(scope="module")
def bucket(store: Store) -> str:
    """A bucket with a file below the hive's root, and one beside it."""
    client = store.client()
    client.create_bucket(Bucket="gate", CreateBucketConfiguration={"LocationConstraint": REGION})
    client.put_object(Bucket="gate", Key=KEY, Body=b"0123456789")
    client.put_object(Bucket="gate", Key="logs-of-others/x.bin", Body=b"secret")
    return "gate"


@pytest.fixture
def gateway(store: Store, bucket: str) -> Iterator[Gateway]:
    """One for `s3://gate/logs/`."""
    made = Gateway(store.client(), [f"s3://{bucket}/logs/"])
    yield made
    made.close()


def ask(
    gateway: Gateway, path: str, *, word: str | None = None, method: str = "GET", range_: str = "bytes=2-4"
) -> tuple[int, bytes]:
    """Status and body of a request as DuckDB makes it."""
    said = f"AWS4-HMAC-SHA256 Credential={gateway.word if word is None else word}/20260101/x/s3/aws4_request"
    headers = {"Range": range_, "Authorization": said}
    request = urllib.request.Request(
        f"http://{gateway.host}/{path}", method=method, headers={k: v for k, v in headers.items() if v}
    )
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def test_a_range_of_the_hive_is_given(gateway: Gateway) -> None:
    """To whom knows the word."""
    assert ask(gateway, f"gate/{KEY}") == (206, b"234")
    assert gateway.spent() == query.Spent(1, 3)


@pytest.mark.parametrize(
    ("path", "more"),
    [
        (f"gate/{KEY}", {"word": ""}),
        (f"gate/{KEY}", {"word": "AKIAIOSFODNN7EXAMPLE"}),
        (f"gate/{KEY}", {"range_": ""}),
        (f"gate/{KEY}", {"range_": "bytes=-3"}),
        (f"gate/{KEY}", {"method": "PUT"}),
        (f"gate/{KEY}", {"method": "DELETE"}),
        (f"gate/{KEY}", {"method": "POST"}),
        (f"gate/{KEY}", {"method": "HEAD"}),
        ("gate/logs-of-others/x.bin", {}),
        ("gate/logs", {}),
        (f"gate/{KEY.rpartition('/')[0]}/../x.bin", {}),
        (f"gate/{KEY.rpartition('/')[0]}/%2E%2e%2fx.bin", {}),
        (f"gate/{KEY.rpartition('/')[0]}/./x.bin", {}),
        ("gate/?list-type=2", {}),
        ("other/logs/x.bin", {}),
        ("", {}),
    ],
)
def test_all_else_is_refused_and_never_asked_of_s3(
    gateway: Gateway, store: Store, path: str, more: dict[str, Any]
) -> None:
    """G6: other people's programs, other methods, other places."""
    store.asked()
    status, body = ask(gateway, path, **more)
    assert status in (403, 501)
    assert b"secret" not in body
    assert not store.asked()


def test_a_closed_one_is_gone(gateway: Gateway) -> None:
    """Closing twice is harmless."""
    gateway.close()
    gateway.close()
    with pytest.raises(urllib.error.URLError):
        ask(gateway, f"gate/{KEY}")


@pytest.fixture
def place(store: Store, hive: Hive, bucket: str, request: pytest.FixtureRequest) -> query.Place:
    """Three days in the bucket, and a folder that keeps what was read."""
    files = hive.days(3)
    prefix = f"logs/{hive.folder.name}"
    upload(store.client(), hive, files, bucket, prefix)
    cache = hive.folder / "cache"
    return query.Place(
        cache / "c.ducklake", hive.ledger, f"s3://{bucket}/{prefix}", "test", {}, store.client,
        cache / "spill", ranges=lambda: query.Ranges(cache / "ranges.sqlite", 1 << 27),
    )  # fmt: skip


ASKED = [
    "SELECT n, who, what.ip, tp_timestamp FROM login ORDER BY n",
    "SUMMARIZE SELECT who FROM login",
    "PIVOT (SELECT n, who FROM login) ON who USING sum(n)",
    "WITH RECURSIVE r(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM r WHERE i < 3)"
    " SELECT count(*) FROM r JOIN login ON n = i",
]


def ask_once(place: query.Place, sql: str) -> tuple[list[tuple[Any, ...]], query.Spent]:
    """In a session like that of a command of its own."""
    session = query.open_at(place)
    try:
        return rows(session, sql), query.spent(session)
    finally:
        session.close()


@pytest.mark.parametrize("sql", ASKED)
def test_the_next_command_asks_s3_for_nothing(place: query.Place, store: Store, sql: str) -> None:
    """The same rows, from the disk; other columns of the same files cost their own bytes alone."""
    found, first = ask_once(place, sql)
    store.asked()
    again, second = ask_once(place, sql)
    assert again == found
    assert not store.asked()
    assert (second.requests, second.bytes) == (0, 0)
    assert second.kept > 0
    assert 3 <= first.requests < 6, (
        "a small file comes whole, with its footer, unless two threads ask at once"
    )


def test_without_a_cache_each_command_asks_anew(place: query.Place) -> None:
    """PENSTOCK_CACHE_BYTES=0."""
    bare = replace(place, ranges=lambda: None)
    assert ask_once(bare, ASKED[0])[1] == ask_once(bare, ASKED[0])[1] != query.Spent()


def test_another_endpoint_has_other_files(place: query.Place, store: Store) -> None:
    """Of the same name: what was kept of one is not given for the other."""
    ask_once(place, ASKED[0])
    account = aws.Account(
        None, "key", "secret", region=REGION, endpoint_url=store.url.replace("127.0.0.1", "localhost")
    )
    other = replace(place, client=lambda: aws.client("s3", account))
    assert ask_once(other, ASKED[0])[1].requests > 0


def test_a_proxy_of_the_environment_is_not_asked_for_the_loopback(
    place: query.Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would be sent the word, and could not answer."""
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")  # for botocore's own request to the test's S3
    assert len(ask_once(place, ASKED[0])[0]) == 9
    monkeypatch.delenv("NO_PROXY")
    assert len(ask_once(place, ASKED[0])[0]) == 9, "from the disk"


def test_why_s3_refuses_is_said(store: Store, hive: Hive, tmp_path: Path, bucket: str) -> None:
    """By the file's own name, not the loopback's; the session goes on."""
    gone = hive.put(FIRST_DAY, rows_of(FIRST_DAY, 2), stem="vanished")
    hive.commit([gone], partition=LOGIN)
    place = query.Place(
        tmp_path / "c.ducklake", hive.ledger, f"s3://{bucket}/logs", "test", {}, store.client, tmp_path
    )
    session = query.open_at(place)
    for _ in range(2):
        with pytest.raises(QueryError) as caught:
            rows(session, "SELECT who FROM login")
        assert "s3://gate/logs/tp_table=login" in str(caught.value)
        assert "gone from the hive" in str(caught.value)
        assert "127.0.0.1" not in str(caught.value)
    with pytest.raises(QueryError, match="nowhere"):
        rows(session, "SELECT nowhere FROM login")
    session.close()


class Faltering:
    """A client whose first answer breaks off; the others are the store's."""

    def __init__(self, client: Any) -> None:
        self.client, self.meta, self.left = client, client.meta, 1

    def get_object(self, **asked: Any) -> Any:
        """Half of it, once."""
        found = self.client.get_object(**asked)
        if self.left:
            self.left -= 1
            half = found["Body"].read()[:100]
            found["Body"] = io.BytesIO(half)
        return found


def test_an_answer_that_breaks_off_is_asked_for_again(place: query.Place, store: Store) -> None:
    """And is not blamed for what fails later for another reason."""
    faltering: Any = Faltering(store.client())
    session = query.open_at(replace(place, client=lambda: faltering))
    assert len(rows(session, ASKED[0])) == 9
    assert faltering.left == 0
    faltering.left = 1
    with pytest.raises(QueryError, match="Could not convert"):
        rows(session, "SELECT who::INTEGER FROM login")
    session.close()


class Refusing:
    """A client whose credentials are no good."""

    meta = type("Meta", (), {"endpoint_url": "https://s3"})

    def __init__(self, code: str) -> None:
        self.code = code

    def get_object(self, **_: object) -> object:
        """As S3 says it."""
        from botocore.exceptions import ClientError

        raise ClientError({"Error": {"Code": self.code, "Message": "no"}}, "GetObject")


@pytest.mark.parametrize(
    ("code", "said"),
    [("ExpiredToken", "sign in again"), ("AccessDenied", "s3:GetObject"), ("SlowDown", "SlowDown")],
)
def test_what_is_wrong_with_credentials_is_said(place: query.Place, code: str, said: str) -> None:
    """With the remedy, at once: botocore has tried again already."""
    refusing: Any = Refusing(code)
    session = query.open_at(replace(place, client=lambda: refusing))
    with pytest.raises(QueryError, match=said):
        rows(session, ASKED[0])
    session.close()
