"""The catalogue says what the ledger says, through every kind of change."""

from __future__ import annotations

import datetime as dt
import os
import resource
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import duckdb
import pytest
from tests.query.asking import Asker
from tests.query.hives import FIRST_DAY, LOGIN, Hive, rows_of, without_stats

from penstock import catalogue, extensions
from penstock.errors import PenstockError
from penstock.model import REJECTED_TABLE, PartitionId

NEXT = FIRST_DAY + dt.timedelta(days=1)


def test_empty_ledger_has_the_declared_tables_with_no_rows(ask: Asker) -> None:
    """A table that is known but empty counts 0; so do rejected rows."""
    ask.declared = catalogue.built_in()
    assert ask("SELECT count(*) FROM aws_cloudtrail_log") == [("0",)]
    assert ask("SELECT count(*) FROM tp_rejected WHERE tp_date > DATE '2026-01-01'") == [("0",)]


def test_built_in_tables_have_their_columns_in_the_order_of_the_docs(ask: Asker) -> None:
    """What DESCRIBE shows is what the table declares, types included."""
    ask.declared = catalogue.built_in()
    for name, columns in ask.declared.items():
        shown = [(row[0], row[1]) for row in ask(f"DESCRIBE {name}")]
        assert shown == [(column, str(duckdb.sqltype(type_))) for column, type_ in columns]


def test_commits_show_whole_and_removed_files_vanish_with_what_replaces_them(hive: Hive, ask: Asker) -> None:
    """Added, compacted and deleted files are live or not as the last commit left them (G3)."""
    files = hive.days(3)
    assert ask("SELECT count(*), min(n), max(n) FROM login") == [("9", "0", "8")]
    merged = hive.put(FIRST_DAY, rows_of(FIRST_DAY, 3), stem="_merged")
    hive.commit([merged], [files[0].path], kind="compact")
    assert ask("SELECT count(*), count(DISTINCT n) FROM login") == [("9", "9")]
    hive.commit(remove=[merged.path, files[1].path], kind="delete")
    assert ask("SELECT n FROM login ORDER BY n") == [("6",), ("7",), ("8",)]


def test_a_file_that_came_and_went_since_the_last_look_was_never_there(hive: Hive, ask: Asker) -> None:
    """Commits are applied as one net effect."""
    hive.days(1)
    ask.up()
    passing = hive.put(NEXT, rows_of(NEXT, 2, 100))
    hive.commit([passing])
    hive.commit(
        [replace(passing, path=passing.path.replace("-0.parquet", "-1.parquet"))], [passing.path], kind="flip"
    )
    old = Path(hive.root, passing.path)
    old.rename(old.with_name(old.name.replace("-0.parquet", "-1.parquet")))
    assert ask("SELECT count(*), sum(n) FROM login") == [("5", "204")]


def test_bringing_up_reads_only_new_commits(hive: Hive, ask: Asker, monkeypatch: pytest.MonkeyPatch) -> None:
    """The cost follows what is new: nothing new, nothing read and nothing written."""
    hive.days(2)
    ask.up()
    asked: list[tuple[int, int | None]] = []
    commits = type(hive.ledger).commits

    def watched(self: object, partition: PartitionId, after: int, upto: int | None = None) -> object:
        asked.append((after, upto))
        return commits(hive.ledger, partition, after, upto)

    monkeypatch.setattr(type(hive.ledger), "commits", watched)
    before = ask.path.stat()
    ask.up()
    assert asked == []
    assert ask.path.stat().st_ino == before.st_ino
    hive.commit([hive.put(NEXT, rows_of(NEXT, 1))])
    ask.up()
    assert asked == [(1, 2)]
    assert ask.path.stat().st_ino != before.st_ino


def test_two_schemas_of_one_table_give_one_result(hive: Hive, ask: Asker) -> None:
    """Columns and struct members that a file lacks are null, whichever came first."""
    late, later = NEXT, NEXT + dt.timedelta(days=1)
    hive.days(1)
    assert ask("SELECT count(*) FROM login WHERE what.ip IS NOT NULL") == [("3",)]
    wide = (
        f"SELECT 9 AS n, 'new' AS who, {{'ip': '1.1.1.1', 'port': 7, 'at': {{'city': 'Bern'}}}} AS what,"
        f" ['a', 'b'] AS tags, [{{'k': 1}}] AS pairs, '{{\"x\": [1]}}'::JSON AS extra, 'id' AS tp_id,"
        f" TIMESTAMP '{late} 05:00:00' AS tp_timestamp"
    )
    hive.commit([hive.put(late, wide)])
    wider = (
        wide.replace("'k': 1", "'k': 2, 'v': 'two'")
        .replace(str(late), str(later))
        .replace("9 AS n", "10 AS n")
    )
    hive.commit([hive.put(later, wider)])
    assert ask(
        "SELECT n, what.port, what.at.city, tags[1], extra->>'$.x[0]', pairs FROM login"
        " WHERE n > 1 ORDER BY n"
    ) == [
        ("2", None, None, None, None, None),
        ("9", "7", "Bern", "a", "1", "[{'k': 1, 'v': NULL}]"),
        ("10", "7", "Bern", "a", "1", "[{'k': 2, 'v': two}]"),
    ]
    described = {row[0]: row[1] for row in ask("DESCRIBE login")}
    assert described["what"] == 'STRUCT(ip VARCHAR, port INTEGER, "at" STRUCT(city VARCHAR))'
    assert list(described)[-5:] == ["tp_id", "tp_index", "tp_partition", "tp_table", "tp_timestamp"]


@pytest.mark.parametrize("type_", ["VARCHAR", "DOUBLE"])
def test_a_column_whose_type_changed_is_read_as_one_type(hive: Hive, ask: Asker, type_: str) -> None:
    """Another type makes the catalogue anew; both files are read."""
    hive.days(1)
    ask.up()
    hive.commit([hive.put(NEXT, rows_of(NEXT, 1).replace("0 + i AS n", f"(70 + i)::{type_} AS n"))])
    assert ask("SELECT count(*), max(n::DOUBLE::INT) FROM login") == [("4", "70")]


def test_statistics_of_another_type_do_not_prune(hive: Hive, ask: Asker) -> None:
    """Numbers from 2 to 10 hold 5, though the text 5 is not between the texts 2 and 10."""
    hive.commit([hive.put(FIRST_DAY, rows_of(FIRST_DAY, 9, 2))])
    hive.commit([hive.put(NEXT, rows_of(NEXT, 1).replace("0 + i AS n", "'x' AS n"))])
    ask.declared = {"login": (("n", "VARCHAR"),)}
    assert ask("SELECT n FROM login WHERE n = '5'") == [("5",)]
    assert ask("SELECT n FROM login WHERE n = 'x'") == [("x",)]


def test_adding_through_the_extension_and_through_the_ledger_read_the_same(hive: Hive, ask: Asker) -> None:
    """Our rows do what those of ducklake_add_data_files do, with all statistics ours leave out."""
    files = hive.days(3)
    ask.up()
    reference = extensions.connect()
    extensions.load(reference, "ducklake")
    reference.execute(f"ATTACH 'ducklake:{hive.folder}/ref.ducklake' AS lake (DATA_PATH '{hive.root}/')")
    described = ", ".join(f'"{row[0]}" {row[1]}' for row in ask("DESCRIBE login"))
    reference.execute(f"CREATE TABLE lake.login ({described})")
    for file in files:
        reference.execute(
            f"CALL ducklake_add_data_files('lake', 'login', '{hive.root}/{file.path}',"
            " hive_partitioning => true)"
        )
    statement = "SELECT * FROM {} ORDER BY n"
    expected = reference.sql(statement.format("lake.login")).project("COLUMNS(*)::VARCHAR").fetchall()
    assert ask(statement.format("login")) == expected
    sizes = "SELECT record_count, file_size_bytes, footer_size FROM {}.ducklake_data_file ORDER BY path"
    ours = extensions.connect()
    ours.execute(f"ATTACH '{ask.path}' AS ours (READ_ONLY)")
    theirs = reference.execute(sizes.format("__ducklake_metadata_lake")).fetchall()
    assert ours.execute(sizes.format("ours")).fetchall() == theirs
    reference.close()
    ours.close()


def test_values_of_path_columns_are_unescaped_and_typed(hive: Hive, ask: Asker) -> None:
    """They stand in no file: the catalogue and the path give them."""
    hive.commit([hive.put(FIRST_DAY, rows_of(FIRST_DAY, 1), index="a b/c%")])
    assert ask("SELECT tp_table, tp_partition, tp_index, typeof(tp_date), tp_date FROM login") == [
        ("login", "prod", "a b/c%", "DATE", str(FIRST_DAY))
    ]
    assert ask("SELECT count(*) FROM login WHERE tp_index = 'a b/c%'") == [("1",)]


def test_files_without_statistics_are_never_pruned(hive: Hive, ask: Asker) -> None:
    """What the ledger does not know about a file cannot hide its rows."""
    known, bare = hive.put(FIRST_DAY, rows_of(FIRST_DAY, 2)), hive.put(NEXT, rows_of(NEXT, 2, 10))
    hive.commit([known, without_stats(bare)])
    assert ask("SELECT count(*) FROM login WHERE n >= 10") == [("2",)]
    assert ask(f"SELECT count(*) FROM login WHERE tp_timestamp >= '{NEXT}'") == [("2",)]
    assert ask("SELECT max(tp_timestamp), min(n), max(n) FROM login") == [(f"{NEXT} 01:00:00", "0", "11")]
    assert ask("SELECT count(*) FROM login WHERE n IS NULL") == [("0",)]


def test_all_null_columns_and_nulls_are_found(hive: Hive, ask: Asker) -> None:
    """A file whose column holds only nulls answers IS NULL, and nothing else."""
    nulls = rows_of(NEXT, 2).replace("0 + i AS n", "NULL::BIGINT AS n")
    hive.days(1)
    hive.commit([hive.put(NEXT, nulls)])
    assert ask("SELECT count(*) FROM login WHERE n IS NULL") == [("2",)]
    assert ask("SELECT count(*) FROM login WHERE n >= 0") == [("3",)]


def test_rejected_rows_are_a_table_of_their_own(hive: Hive, ask: Asker) -> None:
    """A commit adds files of two tables; each is seen under its own."""
    ask.declared = catalogue.built_in()
    good = hive.put(FIRST_DAY, rows_of(FIRST_DAY, 2))
    rejected = hive.put(
        FIRST_DAY,
        f"SELECT 'x' AS raw, 'no eventTime' AS reason, 1::BIGINT AS row_number, 'login' AS table_name,"
        f" TIMESTAMP '{FIRST_DAY}' AS tp_timestamp",
        partition=PartitionId(REJECTED_TABLE, "prod"),
        index="login",
    )
    hive.commit([good, rejected])
    assert ask("SELECT raw, reason, tp_index FROM tp_rejected") == [("x", "no eventTime", "login")]
    assert ask("SELECT count(*) FROM tp_rejected", partitions=("login.prod",)) == [("1",)]
    assert ask("SELECT count(*) FROM login") == [("2",)]


def test_another_hive_or_ledger_makes_another_catalogue(hive: Hive, ask: Asker, tmp_path: Path) -> None:
    """A changed workspace never shows the old one's rows."""
    hive.days(2)
    ask.up()
    (tmp_path / "other").mkdir()
    other = Hive(tmp_path / "other")
    other.days(1, rows=1)
    state = catalogue.refresh(ask.path, other.ledger, other.root, source="other", declared={})
    assert state.versions == {LOGIN: 1}
    with duckdb.connect(str(ask.path), read_only=True) as found:
        assert found.execute("SELECT sum(record_count) FROM ducklake_data_file").fetchone() == (1,)


@pytest.mark.parametrize("content", [b"", b"no catalogue", b"\0" * 20_000])
def test_a_damaged_catalogue_is_made_again(hive: Hive, ask: Asker, content: bytes) -> None:
    """Losing the file loses nothing."""
    hive.days(1)
    ask.path.parent.mkdir()
    ask.path.write_bytes(content)
    assert ask("SELECT count(*) FROM login") == [("3",)]


def test_no_room_for_the_catalogue_is_said(hive: Hive, ask: Asker, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder that cannot be made, a disk that is full: the file is named, and what was there stays."""
    hive.days(1)
    ask.path.parent.write_text("in the way")
    with pytest.raises(PenstockError, match=r"catalogue\.ducklake: the catalogue cannot be written .*cache'"):
        ask.up()
    ask.path.parent.unlink()
    ask.up()
    hive.commit([hive.put(NEXT, rows_of(NEXT, 1))])
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    monkeypatch.setattr(
        "shutil.copyfile", lambda *_: resource.setrlimit(resource.RLIMIT_FSIZE, (9_000, hard))
    )
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        with pytest.raises(PenstockError, match=r"cannot be written there: .*File too large"):
            ask.up()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, handler)
    assert [path.name for path in ask.path.parent.iterdir() if path.suffix == ".tmp"] == []
    monkeypatch.undo()
    assert ask("SELECT count(*) FROM login") == [("4",)]


def test_a_log_with_a_gap_is_refused(hive: Hive, ask: Asker, monkeypatch: pytest.MonkeyPatch) -> None:
    """A partition is shown whole or the reader is told."""
    hive.days(1)
    hive.commit([hive.put(NEXT, rows_of(NEXT, 1))])
    commits = type(hive.ledger).commits
    monkeypatch.setattr(
        type(hive.ledger), "commits", lambda _, p, a, u=None: iter(list(commits(hive.ledger, p, a, u))[1:])
    )
    with pytest.raises(PenstockError, match=r"login\.prod: found commit 2, expected 1"):
        ask.up()


def test_a_schema_the_ledger_does_not_hold_is_named(hive: Hive, ask: Asker) -> None:
    """A file whose columns nobody knows is not shown with guesses."""
    ask.up()
    hive.commit([replace(hive.put(FIRST_DAY, rows_of(FIRST_DAY, 1)), schema="feed")])
    with pytest.raises(PenstockError, match="login: the ledger names schema feed"):
        ask.up()


def test_a_refresh_killed_before_the_rename_leaves_the_old_state(hive: Hive, ask: Asker) -> None:
    """Death between write and rename (G3): readers keep what they had, the next refresh goes on."""
    hive.days(1)
    ask.up()
    hive.commit([hive.put(NEXT, rows_of(NEXT, 2, 50))])
    script = (
        "import os, pathlib; from penstock import catalogue\n"
        "from penstock.ledger.sqlite import SqliteLedger\n"
        "os.replace = lambda *_: os._exit(9)\n"
        f"catalogue.refresh(pathlib.Path({str(ask.path)!r}), SqliteLedger({str(hive.ledger.path)!r}),"
        f" {hive.root!r}, source='test', declared={{}})"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 9
    assert len(list(ask.path.parent.glob(".*.tmp"))) == 1
    old = catalogue.read(ask.path)
    assert old is not None
    assert old.versions == {LOGIN: 1}
    assert ask("SELECT count(*), max(n) FROM login") == [("5", "51")]


def test_what_killed_refreshes_left_is_cleared_after_an_hour(hive: Hive, ask: Asker) -> None:
    """Leftovers go, a refresh under way stays."""
    hive.days(1)
    ask.up()
    old, young = (ask.path.with_name(f".{ask.path.name}.{name}.tmp") for name in ("old", "young"))
    for path, age in ((old, 7200), (young, 60)):
        path.write_text("")
        moment = ask.path.stat().st_mtime - age
        os.utime(path, (moment, moment))
    hive.commit([hive.put(NEXT, rows_of(NEXT, 1))])
    ask.up()
    assert not old.exists()
    assert young.exists()


_READER = """
import pathlib, sys
from penstock import query
from penstock.ledger.sqlite import SqliteLedger
path, ledger, hive, scratch = sys.argv[1:]
path, scratch = pathlib.Path(path), pathlib.Path(scratch)
statement = "SELECT count(*), count(DISTINCT n), max(n) FROM login"
ledger = SqliteLedger(ledger)
last = 0
for _ in range(4):
    floor = ledger.head(ledger.partitions()[0]).version
    state = query.bring_up(path, ledger, hive, source="test", declared={})
    session = query.open_session(state, hive, client=None, filters=query.Filters(), scratch=scratch)
    count, days, top = query.run(session, statement).relation.fetchone()
    session.close()
    assert count == days == top + 1, (count, days, top)
    assert count >= floor and count >= last, (count, floor, last)
    last = count
"""


def test_processes_refresh_and_query_at_once(hive: Hive, ask: Asker) -> None:
    """Each sees whole commits, at least as new as the head it knew, while the ledger grows (G3)."""
    model = hive.put(FIRST_DAY, rows_of(FIRST_DAY, 1))
    hive.commit([model])
    arguments = [str(ask.path), str(hive.ledger.path), hive.root, str(hive.folder / "spill")]
    readers = [subprocess.Popen([sys.executable, "-c", _READER, *arguments]) for _ in range(2)]
    number = 1
    while any(reader.poll() is None for reader in readers):
        hive.commit([hive.put(FIRST_DAY, rows_of(FIRST_DAY, 1, number))])
        number += 1
    assert [reader.wait() for reader in readers] == [0, 0]


def test_an_older_state_renamed_over_ours_is_brought_up_again(
    hive: Hive, ask: Asker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever looks gets at least what its own refresh saw."""
    hive.days(1)
    ask.up()
    old = ask.path.read_bytes()
    hive.commit([hive.put(NEXT, rows_of(NEXT, 2, 50))])
    refresh, calls = catalogue.refresh, []

    def overtaken(path: Path, *args: object, **options: object) -> catalogue.State:
        state = refresh(path, *args, **options)  # type: ignore[arg-type]
        calls.append(state)
        if len(calls) == 1:
            path.unlink()
            path.write_bytes(old)
        return state

    monkeypatch.setattr(catalogue, "refresh", overtaken)
    assert ask("SELECT count(*) FROM login") == [("5",)]
    assert len(calls) == 2


def test_an_open_session_keeps_its_state(hive: Hive, ask: Asker) -> None:
    """A refresh renames beside open readers; the files they see do not change under them."""
    hive.days(1)
    session = ask.session()
    hive.commit([hive.put(NEXT, rows_of(NEXT, 2, 50))])
    fresh = ask.session()
    assert session.connection.sql("SELECT count(*) FROM login").fetchone() == (3,)
    assert fresh.connection.sql("SELECT count(*) FROM login").fetchone() == (5,)


def test_schemas_named_by_case_alone_are_one_column(hive: Hive, ask: Asker) -> None:
    """DuckDB's names have no case; neither have the catalogue's."""
    hive.days(1)
    hive.commit([hive.put(NEXT, rows_of(NEXT, 1).replace("AS who", "AS Who"))])
    assert ask("SELECT count(who) FROM login") == [("4",)]
    assert len(hive.ledger.schemas("login")) == 2


@pytest.mark.parametrize("at_once", [True, False])
@pytest.mark.parametrize("type_", ["STRUCT({0} INTEGER{1})", "STRUCT(in_ STRUCT({0} INTEGER{1}))[]"])
def test_members_named_by_case_alone_are_one(hive: Hive, ask: Asker, type_: str, at_once: bool) -> None:
    """In structs too, however the second came."""
    structs = ["{'port': 1}", "{'PORT': 2, 'more': 'x'}"]
    names = [("port", ""), ("PORT", ", more VARCHAR")]
    for number, (struct, name) in enumerate(zip(structs, names, strict=True)):
        value = f"[{{'in_': {struct}}}]" if type_.endswith("[]") else struct
        day = FIRST_DAY + dt.timedelta(days=number)
        row = (
            f"{value}::{type_.format(*name)} AS what, 'r{number}' AS tp_id, TIMESTAMP '{day}' AS tp_timestamp"
        )
        hive.commit([hive.put(day, f"SELECT {row}")])
        if not at_once:
            ask.up()
    member = "what[1].in_" if type_.endswith("[]") else "what"
    found = ask(f"SELECT {member}.port, {member}.more FROM login ORDER BY tp_id")
    assert found == [("1", None), ("2", "x")]
