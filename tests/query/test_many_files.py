"""10,000 files over 100 days on an S3 that counts: a day costs what the day holds, and once a session."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from tests.query.asking import rows
from tests.query.hives import FIRST_DAY, LOGIN, Hive, rows_of
from tests.query.store import REGION, Store

from penstock import query
from penstock.hive import data_path
from penstock.model import ColumnStats, DataFile

BUCKET, PREFIX = "many", "hive"
DAYS, A_DAY = 100, 100
DAY = FIRST_DAY + dt.timedelta(days=40)


@pytest.fixture(scope="module")
def place(store: Store, tmp_path_factory: pytest.TempPathFactory) -> query.Place:
    """The hive: only one day's files are there at all, so that opening another one is an error."""
    hive = Hive(tmp_path_factory.mktemp("many"))
    made = hive.put(DAY, rows_of(DAY, 5))
    body = Path(hive.root, made.path).read_bytes()
    client = store.client()
    client.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
    for number in range(DAYS):
        day = FIRST_DAY + dt.timedelta(days=number)
        files = [at(made, day, n) for n in range(A_DAY)]
        hive.commit(files)
        if day == DAY:
            for file in files:
                client.put_object(Bucket=BUCKET, Key=f"{PREFIX}/{file.path}", Body=body)
    return query.Place(
        hive.folder / "cache" / "c.ducklake", hive.ledger, f"s3://{BUCKET}/{PREFIX}", "test", {},
        store.client, hive.folder / "spill",
    )  # fmt: skip


def at(file: DataFile, day: dt.date, number: int) -> DataFile:
    """The same file as if it were of another day."""
    path = data_path(LOGIN.table, LOGIN.name, "default", day, f"{number:03}-0.parquet")
    times = ColumnStats(f"{day} 00:00:00", f"{day} 04:00:00", 0)
    return replace(file, path=path, tp_date=day, stats={**file.stats, "tp_timestamp": times})


@pytest.fixture
def session(place: query.Place) -> Iterator[query.Session]:
    """A fresh session."""
    made = query.open_at(place)
    yield made
    made.close()


BEFORE, AFTER = DAY - dt.timedelta(days=1), DAY + dt.timedelta(days=1)
WAYS = [
    f"SELECT count(who) FROM login WHERE tp_date = '{DAY}'",
    f"SELECT count(who) FROM login WHERE tp_timestamp >= '{DAY}' AND tp_timestamp < '{AFTER}'",
    f"SELECT count(who) FROM login WHERE tp_timestamp BETWEEN '{DAY}' AND '{DAY} 23:59:59'",
    f"SELECT count(who) FROM login WHERE tp_timestamp::DATE = '{DAY}'",
    f"WITH a AS (SELECT * FROM login), b AS (SELECT * FROM a WHERE tp_date > '{BEFORE}')"
    f" SELECT count(who) FROM b WHERE tp_date < '{AFTER}'",
    f"SELECT (SELECT count(who) FROM login WHERE tp_date = '{DAY}')",
    f"SELECT count(l.who) FROM login l JOIN (VALUES ('{DAY}'::DATE)) v(day)"
    f" ON l.tp_date = v.day WHERE l.tp_date = '{DAY}'",
]


@pytest.mark.parametrize("sql", WAYS)
def test_a_day_opens_its_files_and_nothing_else(
    store: Store, place: query.Place, session: query.Session, sql: str
) -> None:
    """No LIST; every key asked for is one of the day's; the estimate says so beforehand."""
    store.asked()
    assert query.estimate(session, sql).files == A_DAY
    assert not store.asked(), "planning asks nothing of S3"
    assert rows(session, sql) == [("500",)]
    asked = store.asked()
    assert {method for method, _ in asked} <= {"GET", "HEAD"}
    keys = {f"{PREFIX}/{at_day}" for at_day in paths()}
    assert {key for _, key in asked} == keys
    assert sum(asked.values()) <= 4 * A_DAY, "a footer, its columns, and no more"


def paths() -> list[str]:
    """The files of the day."""
    return [
        data_path(LOGIN.table, LOGIN.name, "default", DAY, f"{number:03}-0.parquet")
        for number in range(A_DAY)
    ]


def test_a_second_run_asks_for_at_most_a_tenth(store: Store, session: query.Session) -> None:
    """What a session has read it does not ask for again: files never change."""
    store.asked()
    assert rows(session, WAYS[0]) == [("500",)]
    first = sum(store.asked().values())
    assert rows(session, WAYS[0]) == [("500",)]
    assert sum(store.asked().values()) <= first / 10
    assert rows(session, WAYS[0].replace("count(who)", "count(n), max(who)")) == [("500", "user 4")]
    assert sum(store.asked().values()) <= A_DAY, "other columns of the same files: their bytes alone"


def test_what_was_asked_is_counted(store: Store, session: query.Session) -> None:
    """`spent` agrees with the server, and bytes are those of the answers."""
    query.spent(session)
    store.asked()
    rows(session, WAYS[0])
    spent = query.spent(session)
    assert spent.requests == sum(store.asked().values())
    assert 0 < spent.bytes < 4 * A_DAY * 1000
    assert query.spent(session) == query.Spent(0, 0)


def test_a_new_reader_starts_from_the_published_catalogue(
    store: Store, place: query.Place, tmp_path: Path
) -> None:
    """One GET instead of the whole log; only what is newer is read of the ledger. Without one, the log."""
    state = query.newest(place)
    read: list[int] = []

    class Watched:
        """The ledger, with the commits that are read counted."""

        def __getattr__(self, name: str) -> object:
            return getattr(place.ledger, name)

        def commits(self, partition: object, after: int, upto: int | None = None) -> object:
            read.append((upto or 0) - after)
            return place.ledger.commits(LOGIN, after, upto)

    def fetch(path: Path) -> None:
        path.write_bytes(state.path.read_bytes())

    def nothing(path: Path) -> None:
        raise FileNotFoundError(path)

    ledger: object = Watched()
    one = replace(place, catalogue=tmp_path / "a" / "c.ducklake", ledger=ledger, published=fetch)  # type: ignore[arg-type]
    assert query.newest(one).versions == state.versions
    assert sum(read) == 0
    two = replace(one, catalogue=tmp_path / "b" / "c.ducklake", published=nothing)
    assert query.newest(two).versions == state.versions
    assert sum(read) == DAYS
    assert [path.name for path in (tmp_path / "b").iterdir() if path.name.endswith(".tmp")] == []
