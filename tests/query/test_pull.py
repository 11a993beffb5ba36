"""Pulled files are read instead of S3's, where they are whole; whatever happens, the rows are right."""

from __future__ import annotations

import datetime as dt
import os
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from tests.query.asking import rows
from tests.query.hives import FIRST_DAY, LOGIN, Hive, rows_of, upload
from tests.query.store import REGION, Store

from penstock import query
from penstock.errors import PenstockError, QueryError, Retry
from penstock.hive import S3Hive, open_hive
from penstock.model import DataFile, PartitionId
from penstock.query import pulled, pulling
from penstock.query.pulling import Fetched, Wanted

OTHER = PartitionId("login", "other")
ALL = "SELECT n, who FROM login ORDER BY n"


class Death(Exception):
    """A pull dies here."""


@dataclass
class Far:
    """A hive on S3 with five days of three rows, and a reader with a folder for copies."""

    store: Store
    hive: Hive
    bucket: str
    opened: list[query.Session] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.client = self.store.client()
        self.client.create_bucket(
            Bucket=self.bucket, CreateBucketConfiguration={"LocationConstraint": REGION}
        )
        self.files = self.hive.days(5)
        self.send(self.files)
        cache = self.hive.folder / "cache"
        self.place = query.Place(
            cache / "c.ducklake", self.hive.ledger, f"s3://{self.bucket}/logs", "test", {},
            lambda: self.client, cache / "spill", pulled=(pulled.folder_of(cache / "pulled", f"s3://{self.bucket}/logs"),),
        )  # fmt: skip

    @property
    def folder(self) -> Path:
        """Where the copies stand."""
        return self.place.pulled[0]

    @property
    def remote(self) -> S3Hive:
        """The hive, to pull from."""
        found = open_hive(self.place.hive, self.client)
        assert isinstance(found, S3Hive)
        return found

    def send(self, files: list[DataFile]) -> None:
        """Put files into the bucket."""
        upload(self.client, self.hive, files, self.bucket, "logs")

    def pull(self, wanted: Wanted | None = None, **more: Any) -> Fetched:
        """Tidy and fetch, as the command does; what came."""
        live = pulling.live(query.newest(self.place), self.place.hive)
        with pulling.alone(self.folder):
            pulling.tidy(self.folder, live)
            meant = [file for file in live if (wanted or Wanted()).means(file)]
            return pulling.fetch(
                more.pop("hive", self.remote), self.folder, pulling.missing(meant, self.folder), **more
            )

    def ask(self, sql: str = ALL, **filters: Any) -> tuple[list[tuple[Any, ...]], set[str]]:
        """The rows in a new session, and the keys that S3 was asked for."""
        session = query.open_at(self.place, query.Filters(**filters))
        self.opened.append(session)
        self.store.asked()
        found = rows(session, sql)
        return found, {key for _, key in self.store.asked()}

    def keys(self, *days: int) -> set[str]:
        """The keys of these days' files, from 0."""
        return {f"logs/{self.files[day].path}" for day in days}

    def copy(self, day: int) -> Path:
        """The copy of that day's file."""
        return self.folder / self.files[day].path


@pytest.fixture
def far(store: Store, hive: Hive, request: pytest.FixtureRequest) -> Iterator[Far]:
    """A fresh one."""
    made = Far(store, hive, f"far-{zlib.crc32(request.node.name.encode())}")
    yield made
    for session in made.opened:
        session.close()


EVERY = [(str(n), f"user {n % 3}") for n in range(15)]


def day(number: int, hour: int = 0) -> dt.datetime:
    """A time on the day of that number, from 0."""
    return dt.datetime.combine(FIRST_DAY, dt.time(hour), dt.UTC) + dt.timedelta(days=number)


def test_a_pulled_hive_is_not_asked_for(far: Far) -> None:
    """Every row, partition values too, and not one request for a file."""
    before = far.ask("SELECT * FROM login ORDER BY n")[0]
    assert far.pull() == Fetched(5, sum(file.bytes for file in far.files))
    assert far.ask() == (EVERY, set())
    assert far.ask("SELECT * FROM login ORDER BY n") == (before, set())
    assert far.ask("SELECT count(*) FROM login WHERE tp_date = '2026-01-03' AND n > 6") == ([("2",)], set())


def test_a_pulled_range_answers_the_query_of_that_range(far: Far) -> None:
    """The same --from and --to open pulled files only; what lies outside comes from S3."""
    span: dict[str, Any] = {"from_": day(1, 1), "to": day(3, 1)}
    assert far.pull(Wanted(None, span["from_"], span["to"])).files == 3
    assert far.ask(**span) == (EVERY[4:11], set())
    assert far.ask() == (EVERY, far.keys(0, 4))


def test_times_of_files_are_looked_at_not_only_their_days(far: Far) -> None:
    """A file of the day whose rows end before the range is not fetched."""
    assert far.pull(Wanted(None, day(1, 12), day(2, 0))).files == 1
    assert set(pulled.copies(far.folder)) == {far.files[2].path}


def test_only_the_named_partitions_come(far: Far) -> None:
    """One of two; the other stays on S3."""
    file = far.hive.put(FIRST_DAY, rows_of(FIRST_DAY, 1, 50), partition=OTHER)
    far.hive.commit([file], partition=OTHER)
    far.send([file])
    assert far.pull(Wanted(frozenset({OTHER}))).files == 1
    assert far.ask("SELECT n FROM login WHERE tp_partition = 'other' AND n > 0") == ([("50",)], set())
    assert far.ask(partitions=("prod",)) == (EVERY, far.keys(*range(5)))


@pytest.mark.parametrize("after", [0, 1, 3])
def test_a_pull_that_dies_goes_on_where_it_was(far: Far, after: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Halves are no copies; queries are right in between; the next pull fetches the rest alone."""
    monkeypatch.setattr(pulling, "_AT_ONCE", 1)
    with pytest.raises(Death):
        far.pull(hive=Dying(far.remote, after))
    half = far.copy(0).with_name(f".{far.copy(0).name}.tmp")
    half.parent.mkdir(parents=True, exist_ok=True)
    half.write_bytes(b"PAR1half")  # what a killed process leaves: it could not clear up
    assert len(pulled.copies(far.folder)) == after
    found, asked = far.ask()
    assert (found, len(asked)) == (EVERY, 5 - after)
    assert far.pull().files == 5 - after
    assert far.ask() == (EVERY, set())
    assert {path for path, _, _ in pulled.standing(far.folder)} == {file.path for file in far.files}


@dataclass
class Dying:
    """A hive that ends its reader after so many downloads."""

    inner: S3Hive
    left: int

    @property
    def root(self) -> str:
        """The hive's."""
        return self.inner.root

    def download(self, path: str, file: Path) -> None:
        """As long as it lasts."""
        if not self.left:
            file.write_bytes(b"PAR1")
            raise Death
        self.left -= 1
        self.inner.download(path, file)


def cut(file: Path) -> None:
    """Some bytes are missing, and the time is as it was."""
    file.write_bytes(file.read_bytes()[:-100])
    pulled.seal(file)


def scribble(file: Path) -> None:
    """Somebody wrote into it; the size stays."""
    content = file.read_bytes()
    file.write_bytes(content[:4] + bytes(len(content) - 8) + content[-4:])


@pytest.mark.parametrize("damage", [Path.unlink, cut, scribble], ids=["missing", "cut", "scribbled"])
def test_a_damaged_copy_is_not_used(far: Far, damage: Callable[[Path], None]) -> None:
    """S3 is asked for that file, and the next pull mends it."""
    far.pull()
    damage(far.copy(2))
    assert far.ask() == (EVERY, far.keys(2))
    assert far.pull().files == 1
    assert far.ask() == (EVERY, set())


def test_compaction_replaces_pulled_files(far: Far) -> None:
    """The merged file comes from S3 until the next pull, which removes what it replaced; no row twice."""
    far.pull()
    merged = far.hive.put(FIRST_DAY, rows_of(FIRST_DAY, 3), stem="merged")
    far.hive.commit([merged], [far.files[0].path], kind="compact")
    far.send([merged])
    assert far.ask() == (EVERY, {f"logs/{merged.path}"})
    assert far.pull().files == 1
    assert not far.copy(0).exists()
    assert far.ask() == (EVERY, set())


def test_an_open_session_takes_notice(far: Far) -> None:
    """`refresh` gives the same session while nothing came or went, else one that reads what is here."""
    session = query.open_at(far.place)
    assert query.refresh(far.place, session) is session
    far.pull()
    newer = query.refresh(far.place, session)
    far.store.asked()
    assert rows(newer, ALL) == EVERY
    assert not far.store.asked()
    assert query.refresh(far.place, newer) is newer
    pulling.drop(far.folder, [far.files[1].path])
    last = query.refresh(far.place, newer)
    far.opened.append(last)
    assert rows(last, ALL) == EVERY


def test_a_copy_that_goes_while_it_is_wanted_is_named(far: Far) -> None:
    """The session had counted on it; the message says which file, and what to do."""
    far.pull()
    session = query.open_at(far.place)
    far.opened.append(session)
    far.copy(1).unlink()
    with pytest.raises(QueryError, match=f"{far.copy(1).name}(.|\n)*penstock pull"):
        rows(session, ALL)


def test_dropping_removes_copies_and_empty_folders(far: Far) -> None:
    """What is dropped comes from S3 again; the last one takes the folder along."""
    far.pull()
    assert pulling.drop(far.folder, [file.path for file in far.files[:2]]).files == 2
    assert not far.copy(0).parent.exists()
    assert far.ask() == (EVERY, far.keys(0, 1))
    assert pulling.tidy(far.folder, []).files == 3
    assert not far.folder.exists()
    assert far.ask() == (EVERY, far.keys(*range(5)))


def test_a_file_that_is_not_what_the_ledger_says_is_refused(far: Far) -> None:
    """By its size, and by its end; what came before it stays."""
    [key] = far.keys(0)
    far.client.put_object(Bucket=far.bucket, Key=key, Body=b"PAR1PAR1")
    with pytest.raises(PenstockError, match=rf"{key}: found 8 bytes, expected {far.files[0].bytes}"):
        far.pull()
    far.client.put_object(Bucket=far.bucket, Key=key, Body=b"PAR1" + bytes(far.files[0].bytes - 4))
    with pytest.raises(PenstockError, match=rf"{key}: found .* at its end, expected b'PAR1'"):
        far.pull()
    assert not far.copy(0).exists()


def test_a_file_that_is_gone_is_counted(far: Far) -> None:
    """Compaction cleared it away while the pull went on: the others come."""
    [key] = far.keys(3)
    far.client.delete_object(Bucket=far.bucket, Key=key)
    came = far.pull()
    assert (came.files, came.gone) == (4, 1)


def test_a_passing_fault_is_tried_again(far: Far) -> None:
    """Half a body is no end of the pull; a fault that stays is."""
    assert far.pull(hive=Faulty(far.remote, 2)).files == 5
    pulling.tidy(far.folder, [])
    with pytest.raises(Retry, match="half a body"):
        far.pull(hive=Faulty(far.remote, 1000))


@dataclass
class Faulty:
    """A hive whose first answers for each path are no good."""

    inner: S3Hive
    faults: int
    seen: dict[str, int] = field(default_factory=dict)

    @property
    def root(self) -> str:
        """The hive's."""
        return self.inner.root

    def download(self, path: str, file: Path) -> None:
        """At last."""
        self.seen[path] = self.seen.get(path, 0) + 1
        if self.seen[path] <= self.faults:
            raise Retry(f"{path}: half a body")
        self.inner.download(path, file)


def test_one_pull_at_a_time(far: Far) -> None:
    """The second one is told so at once."""
    with pulling.alone(far.folder), pytest.raises(Retry, match="another pull is at work"):
        far.pull()


def test_copies_of_another_hive_are_not_mixed_up(far: Far, tmp_path: Path) -> None:
    """The same paths below another root are other files, in a folder of their own."""
    far.pull()
    there = replace(far.place, pulled=(pulled.folder_of(far.folder.parent, "s3://elsewhere/logs"),))
    session = query.open_at(there)
    far.opened.append(session)
    far.store.asked()
    assert rows(session, ALL) == EVERY
    assert {key for _, key in far.store.asked()} == far.keys(*range(5))


ATTEMPTS = [
    "SELECT * FROM read_parquet('{copy}')",
    "SELECT * FROM '{copy}'",
    "SELECT * FROM glob('{folder}/**')",
    "SELECT * FROM read_text('{marker}')",
]


@pytest.mark.parametrize("attempt", ATTEMPTS)
def test_statements_name_no_copies(far: Far, attempt: str) -> None:
    """Only the tables read them (G6)."""
    far.pull()
    session = query.open_at(far.place)
    far.opened.append(session)
    sql = attempt.format(copy=far.copy(0), folder=far.folder, marker=pulled.marker(far.folder))
    with pytest.raises(QueryError):
        query.prepare(session, sql)


def test_the_lock_opens_for_the_copies_and_nothing_beside(far: Far) -> None:
    """Without the check, DuckDB itself refuses the catalogue's folder and other hives' copies."""
    far.pull()
    session = query.open_at(far.place)
    far.opened.append(session)
    beside = far.folder.parent / "other" / "x.parquet"
    beside.parent.mkdir()
    os.link(far.copy(0), beside)
    for path in (beside, far.place.catalogue, f"{far.folder}/../other/x.parquet"):
        with pytest.raises(QueryError, match="ermission"):
            query.run(session, f"SELECT * FROM read_blob('{path}')")
    assert LOGIN.table in session.tables
