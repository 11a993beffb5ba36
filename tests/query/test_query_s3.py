"""What a query asks of S3: the files it needs and nothing else; counted on a hive of 200 days."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.query.asking import rows
from tests.query.hives import FIRST_DAY, LOGIN, Hive, rows_of, upload
from tests.query.store import REGION, Store

from penstock import query
from penstock.catalogue import State
from penstock.errors import QueryError

BUCKET, PREFIX, DAYS = "hive-bucket", "logs/hive", 200


@dataclass
class Remote:
    """A hive on S3 whose catalogue is up, and the store that counts."""

    store: Store
    state: State
    folder: Path
    keys: dict[dt.date, str]

    def session(self, **filters: object) -> query.Session:
        """A session like one in a process of its own: nothing of S3 is remembered."""
        return query.open_session(
            self.state,
            f"s3://{BUCKET}/{PREFIX}",
            client=self.store.client(),
            filters=query.Filters(**filters),  # type: ignore[arg-type]
            scratch=self.folder / "spill",
        )

    def ask(self, sql: str, **filters: object) -> tuple[list[tuple[object, ...]], set[tuple[str, str]]]:
        """The rows, and what was asked for them."""
        session = self.session(**filters)
        self.store.asked()
        try:
            return rows(session, sql), set(self.store.asked())
        finally:
            session.close()

    def gets(self, *days: dt.date) -> set[tuple[str, str]]:
        """The requests that read these days' files."""
        return {("GET", f"{PREFIX}/{self.keys[day]}") for day in days}


@pytest.fixture(scope="module")
def remote(store: Store, tmp_path_factory: pytest.TempPathFactory) -> Remote:
    """200 days up to today, two rows each, so that conditions on now() can be asked."""
    hive = Hive(tmp_path_factory.mktemp("remote"))
    store.client().create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
    today = dt.datetime.now(dt.UTC).date()
    days = [today - dt.timedelta(days=n) for n in range(DAYS)]
    files = [hive.put(day, rows_of(day, 2, n * 2)) for n, day in enumerate(days)]
    hive.commit(files)
    upload(store.client(), hive, files, BUCKET, PREFIX)
    path = hive.folder / "cache" / "catalogue.ducklake"
    state = query.bring_up(
        path, hive.ledger, f"s3://{BUCKET}/{PREFIX}", source="test", declared={"empty": (("n", "BIGINT"),)}
    )
    return Remote(store, state, hive.folder, {file.tp_date: file.path for file in files})


DAY = dt.datetime.now(dt.UTC).date() - dt.timedelta(days=20)
ONE_DAY = [
    f"tp_date = '{DAY}'",
    f"tp_date BETWEEN '{DAY}' AND '{DAY}'",
    f"tp_date IN ('{DAY}')",
    f"tp_timestamp >= '{DAY}' AND tp_timestamp < '{DAY + dt.timedelta(days=1)}'",
    f"tp_timestamp BETWEEN '{DAY}' AND '{DAY} 23:59:59.999999'",
    f"tp_timestamp BETWEEN TIMESTAMP '{DAY} 00:30:00' AND TIMESTAMP '{DAY} 02:00:00'",
    f"tp_timestamp::DATE = '{DAY}'",
    f"CAST(tp_timestamp AS DATE) = DATE '{DAY}'",
    f"date_trunc('day', tp_timestamp) = '{DAY}'",
    f"tp_timestamp > now()::TIMESTAMP - INTERVAL 20 DAY - INTERVAL 1 DAY AND tp_timestamp < '{DAY} 12:00'"
    f" AND tp_date = '{DAY}'",
    f"n = {20 * 2}",
]


@pytest.mark.parametrize("condition", ONE_DAY)
def test_a_one_day_query_opens_that_days_file_only(remote: Remote, condition: str) -> None:
    """One of 200 files is read, nothing is listed, whichever way the day is named."""
    found, asked = remote.ask(f"SELECT who, what FROM login WHERE {condition}")
    assert found
    assert asked == remote.gets(DAY)


RECENT = [
    "tp_timestamp > now() - INTERVAL '2 days'",
    "tp_timestamp >= now() - INTERVAL 2 DAY",
    "tp_timestamp > current_timestamp - INTERVAL 48 HOUR",
    "tp_timestamp > now()::TIMESTAMP - INTERVAL 2 DAY",
    "tp_timestamp > NOW ( ) - INTERVAL 2 DAY + INTERVAL 1 MINUTE",
    "'é' <> 'e' AND login.tp_timestamp >= date_trunc('day', now()) - INTERVAL 1 DAY",
    "now() - INTERVAL 2 DAY <= tp_timestamp",
    "tp_timestamp BETWEEN now() - INTERVAL '2 days' AND now() + INTERVAL '1 day'",
    "tp_timestamp >= now() - INTERVAL '2 days'"
    " AND who IN (SELECT who FROM login WHERE tp_timestamp > now() - INTERVAL 1 DAY)",
    "tp_timestamp >= current_date - INTERVAL 2 DAY",
    "tp_date >= current_date - 2",
    "tp_date >= current_date - INTERVAL '2 days'",
    "'é' <> 'e' AND (login.tp_date > now() - INTERVAL 2 DAY)",
    "\"tp_date\" BETWEEN current_date - INTERVAL 2 DAY AND date_trunc('day', now())",
]


@pytest.mark.parametrize("condition", RECENT)
def test_conditions_on_now_open_the_last_days_only(remote: Remote, condition: str) -> None:
    """now() is known when files are chosen."""
    today = dt.datetime.now(dt.UTC).date()
    days = [today - dt.timedelta(days=n) for n in range(4)]
    found, asked = remote.ask(f"SELECT who FROM login WHERE {condition}")
    assert 4 <= len(found) <= 6
    assert remote.gets(*days[:2]) <= asked <= remote.gets(*days)


def test_now_keeps_its_type_and_instant(remote: Remote) -> None:
    """What is not compared is not touched, and what is compared means what it meant."""
    shown = remote.ask(
        "SELECT typeof(now()), now() AT TIME ZONE 'UTC' = now()::TIMESTAMP, now() = current_timestamp"
    )
    assert shown[0] == [("TIMESTAMP WITH TIME ZONE", "true", "true")]
    bare = remote.ask("SELECT count(*) FROM login WHERE tp_timestamp > now() - INTERVAL 30 DAY")[0]
    cast = remote.ask("SELECT count(*) FROM login WHERE tp_timestamp::TIMESTAMPTZ > now() - INTERVAL 30 DAY")[
        0
    ]
    assert bare == cast


def test_explain_shows_what_is_done(remote: Remote) -> None:
    """EXPLAIN is of the statement that would run."""
    [(_, plan)], asked = remote.ask(
        "EXPLAIN ANALYZE SELECT who FROM login WHERE tp_timestamp > now() - INTERVAL 2 DAY"
    )
    assert "Total Files Read" in str(plan)
    assert len(asked) <= 3


def test_filters_of_the_command_line_open_what_they_choose_only(remote: Remote) -> None:
    """--from and --to prune as a condition does; both ends are in."""
    begin = dt.datetime.combine(DAY, dt.time(1), dt.UTC)
    found, asked = remote.ask(
        "SELECT n FROM login ORDER BY n", from_=begin, to=begin + dt.timedelta(hours=23)
    )
    assert found == [("38",), ("41",)]
    assert asked == remote.gets(DAY, DAY + dt.timedelta(days=1))


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("SELECT count(*) FROM login", str(DAYS * 2)),
        ("SELECT count(*) FROM empty", "0"),
        ("SELECT max(tp_timestamp)::DATE FROM login", str(dt.datetime.now(dt.UTC).date())),
        ("SELECT count(*) FROM login WHERE tp_date = '2020-01-01'", "0"),
        ("SELECT count(*) FROM login WHERE tp_partition = 'other'", "0"),
        ("SELECT count(*) FROM login WHERE tp_timestamp < '2020-01-01'", "0"),
    ],
)
def test_what_the_catalogue_knows_is_not_asked_of_s3(remote: Remote, sql: str, expected: str) -> None:
    """Counts and the newest time come from the catalogue."""
    assert remote.ask(sql) == ([(expected,)], set())


def test_opening_a_session_asks_nothing(remote: Remote) -> None:
    """Neither attaching nor making views nor locking touches S3."""
    remote.store.asked()
    remote.session().close()
    assert not remote.store.asked()


def test_two_schemas_are_told_apart_without_opening_files(store: Store, tmp_path: Path) -> None:
    """A column that only the second day has is asked of the second day."""
    hive = Hive(tmp_path)
    first = hive.put(FIRST_DAY, rows_of(FIRST_DAY, 2))
    day = FIRST_DAY + dt.timedelta(days=1)
    second = hive.put(
        day, rows_of(day, 2, 2).replace("} AS what", ", 'port': 443} AS what, 'x' AS more"), index="a b/=%é"
    )
    hive.commit([first, second])
    upload(store.client(), hive, [first, second], BUCKET, PREFIX)
    state = query.bring_up(
        tmp_path / "s3.ducklake", hive.ledger, f"s3://{BUCKET}/{PREFIX}", source="test", declared={}
    )
    remote = Remote(store, state, tmp_path, {FIRST_DAY: first.path, day: second.path})
    found, asked = remote.ask("SELECT n, what.port, more, tp_index FROM login ORDER BY n")
    assert found == [
        ("0", None, None, "default"),
        ("1", None, None, "default"),
        ("2", "443", "x", "a b/=%é"),
        ("3", "443", "x", "a b/=%é"),
    ]
    assert asked == remote.gets(FIRST_DAY, day)
    found, asked = remote.ask("SELECT count(more) FROM login", indexes=("A B*",))
    assert (found, asked) == ([("2",)], remote.gets(day))


OTHER = [
    "SELECT * FROM read_parquet('s3://other-bucket/x.parquet')",
    "SELECT * FROM 's3://other-bucket/x.parquet'",
    "COPY (SELECT 1) TO 's3://other-bucket/x.parquet'",
    "SELECT * FROM read_text('{url}/other-bucket/x.parquet')",
    "ATTACH 's3://other-bucket/x.db'",
]


@pytest.mark.parametrize("attempt", OTHER)
def test_other_buckets_are_not_even_asked(remote: Remote, attempt: str) -> None:
    """The check refuses, and without it DuckDB's lock does; no request leaves."""
    sql = attempt.replace("{url}", remote.store.url)
    session = remote.session()
    remote.store.asked()
    with pytest.raises(QueryError):
        query.prepare(session, sql)
    with pytest.raises(QueryError, match=r"[Pp]ermission|disabled"):
        query.run(session, sql)
    assert not remote.store.asked()
    session.close()


def test_credentials_do_not_get_into_duckdb(remote: Remote) -> None:
    """It knows the gateway's word, which is good for this session and this hive."""
    session = remote.session()
    assert session.gateway is not None
    [(known,)] = session.connection.execute("SELECT secret_string FROM duckdb_secrets()").fetchall()
    assert f"key_id={session.gateway.word};" in known
    assert session.gateway.word not in repr(session)
    session.close()


def test_a_file_that_is_gone_is_named(store: Store, tmp_path: Path) -> None:
    """The catalogue promises it, S3 has it not: the error says which."""
    hive = Hive(tmp_path)
    file = hive.put(FIRST_DAY, rows_of(FIRST_DAY, 2), stem="vanished")
    hive.commit([file], partition=LOGIN)
    state = query.bring_up(
        tmp_path / "s3.ducklake", hive.ledger, f"s3://{BUCKET}/{PREFIX}", source="test", declared={}
    )
    with pytest.raises(QueryError, match="vanished"):
        Remote(store, state, tmp_path, {}).ask("SELECT who FROM login")
