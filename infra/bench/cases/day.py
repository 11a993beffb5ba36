"""Day: a query of one day among 100, 10,000 files in all, by `penstock query` and by plain DuckDB.

A server counts what each asks of S3. Every question is asked by a process of its own; the second one
of Penstock finds on disk what the first has read. Plain DuckDB lists the hive, and with
`union_by_name`, which a hive needs whose columns have changed, opens every file.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from pathlib import Path

from moto.backends import get_backend
from tests.query.hives import FIRST_DAY, LOGIN, Hive, rows_of
from tests.query.store import REGION, Store, serving

from infra.bench import Context, Figure
from infra.bench.alone import Measured, alone
from penstock import aws, extensions, query
from penstock.hive import data_path
from penstock.model import ColumnStats, DataFile

NEEDS: tuple[str, ...] = ()

_BUCKET = "bench"
_DAYS, _A_DAY, _ROWS = 100, 100, 500
_DAY = FIRST_DAY + dt.timedelta(days=40)
_SQL = f"SELECT count(who) FROM login WHERE tp_date = '{_DAY}'"


def run(context: Context) -> list[Figure]:
    """Requests, bytes and processor time of each way."""
    with serving() as store:
        hive = _fill(store, context.work)
        place = {"home": str(hive.folder), "url": store.url}
        alone(f"{__name__}:prepare", **place)
        first = _asked(store, "one day", "penstock", **place)
        again = _asked(store, "one day again", "penstock", **place)
        bound = replace(again[0], bound=first[0].value / 10, sense="<=", note="another process")
        return [
            *first,
            bound,
            *again[1:],
            *_asked(store, "one day, plain glob", "plain", url=store.url, by_name=False),
            *_asked(store, "one day, union_by_name", "plain", url=store.url, by_name=True),
        ]


def _asked(store: Store, name: str, way: str, **arguments: object) -> list[Figure]:
    store.asked()
    store.sent = 0
    took: Measured = alone(f"{__name__}:{way}", **arguments)
    if took.result != _ROWS * _A_DAY:
        raise RuntimeError(f"{name}: found {took.result} rows, expected {_ROWS * _A_DAY}")
    asked = store.asked()
    lists = sum(count for (method, _), count in asked.items() if method == "LIST")
    return [
        Figure(f"{name}: requests", sum(asked.values()), "", note=f"{lists} of them LIST"),
        Figure(f"{name}: read", store.sent / 1e6, "MB"),
        Figure(f"{name}: time", took.cpu, "s cpu", note="from opening it to the last row"),
    ]


def penstock(home: str, url: str) -> int:
    """The rows of the day, as the command asks for them."""
    session = query.open_at(_place(Path(home), url))
    [[(rows,)]] = query.batches(query.run(session, *query.prepare(session, _SQL)), ["#1"])
    session.close()
    return int(str(rows))


def prepare(home: str, url: str) -> None:
    """Bring the catalogue up, as an earlier command has."""
    query.newest(_place(Path(home), url))


def plain(url: str, by_name: bool) -> int:
    """The same by DuckDB alone."""
    host = url.removeprefix("http://")
    with extensions.connect() as db:
        extensions.load(db, "httpfs")
        db.execute(
            f"CREATE SECRET s (TYPE s3, KEY_ID 'key', SECRET 'secret', REGION '{REGION}', ENDPOINT '{host}',"
            " URL_STYLE 'path', USE_SSL false)"
        )
        files = (
            f"read_parquet('s3://{_BUCKET}/**/*.parquet', hive_partitioning=true, union_by_name={by_name})"
        )
        row = db.execute(_SQL.replace("login", files)).fetchone()
    return int(row[0]) if row else 0


def _place(home: Path, url: str) -> query.Place:
    account = aws.Account(None, "key", "secret", region=REGION, endpoint_url=url)
    return query.Place(
        home / "c.ducklake", Hive(home).ledger, f"s3://{_BUCKET}", "bench", {},
        lambda: aws.client("s3", account), home / "spill",
        ranges=lambda: query.Ranges(home / "ranges.sqlite", 1 << 30),
    )  # fmt: skip


def _fill(store: Store, work: Path) -> Hive:
    """All files hold the same rows; each has a place and statistics of its own."""
    hive = Hive(work)
    made = hive.put(_DAY, rows_of(_DAY, _ROWS).replace("INTERVAL 1 HOUR", "INTERVAL 1 MINUTE"))
    body = Path(hive.root, made.path).read_bytes()
    store.client().create_bucket(Bucket=_BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
    backend = get_backend("s3")["123456789012"]["aws"]
    for number in range(_DAYS):
        day = FIRST_DAY + dt.timedelta(days=number)
        files = [_at(made, day, n) for n in range(_A_DAY)]
        hive.commit(files)
        for file in files:
            backend.put_object(_BUCKET, file.path, body)
    return hive


def _at(file: DataFile, day: dt.date, number: int) -> DataFile:
    path = data_path(LOGIN.table, LOGIN.name, "default", day, f"{number:03}-0.parquet")
    times = ColumnStats(f"{day} 00:00:00", f"{day} 08:20:00", 0)
    return replace(file, path=path, tp_date=day, stats={**file.stats, "tp_timestamp": times})
