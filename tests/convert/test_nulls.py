"""Columns null throughout: put into files that were written without them, as if they had been."""

from __future__ import annotations

import itertools
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest
from tests.convert.trial import Outcome, Trial

from penstock.convert import files, nulls
from penstock.convert._thrift import read, written
from penstock.readers import Piece
from penstock.standardize import Recipe
from penstock.tables import Table, find

FLOWS, BILL = find("aws_vpc_flow_log"), find("aws_cost_and_usage_report")
REQUESTS = find("apache_access_log")

FLOW = "version account-id srcaddr dstaddr start action\n" + "".join(
    f"2 111122223333 10.0.0.{n % 200} {'10.1.0.1' if n % 3 else '-'} {1769900000 + n} ACCEPT\n"
    for n in range(500)
)
FLOW_OF_TWO_DAYS = FLOW.replace("17699001", "17699901")
REQUEST = "".join(
    f'10.0.0.{n % 200} - - [31/Jan/2026:12:00:{n % 60:02} +0000] "GET /{n} HTTP/1.1" 200 5\n'
    for n in range(500)
)
# No usage start: a row that is rejected.
COSTS = "identity_line_item_id,line_item_usage_start_date,line_item_unblended_cost\n" + "".join(
    f"i{n},{f'2026-01-{n % 3 + 1:02}T00:00:00Z' if n % 50 else ''},{n}.5\n" for n in range(300)
)


def _both(trial: Trial, table: Table, monkeypatch: pytest.MonkeyPatch, *texts: str) -> list[Outcome]:
    """The same texts with all columns written row by row, and with those put in that can be."""
    found = []
    for worth in (1 << 60, 1):
        monkeypatch.setattr(files, "_WORTH", worth)
        found.append(trial(*(text.encode() for text in texts), table=table))
    return found


@pytest.mark.parametrize(
    ("table", "texts"),
    [(FLOWS, [FLOW]), (FLOWS, [FLOW_OF_TWO_DAYS, FLOW]), (BILL, [COSTS]), (REQUESTS, [REQUEST])],
    ids=["a day", "days divided afterwards", "days divided at once, rows rejected", "lines of a pattern"],
)
def test_files_are_the_same_either_way(
    trial: Trial, table: Table, texts: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows, counts, statistics, schema and metadata; to DuckDB and to another reader."""
    plain, filled = _both(trial, table, monkeypatch, *texts)
    assert filled.counts == plain.counts
    assert filled.sorted(table.name) == plain.sorted(table.name)
    assert filled.sorted("tp_rejected") == plain.sorted("tp_rejected")
    assert len(filled.made.files) == len(plain.made.files)
    for one, other in zip(filled.made.files, plain.made.files, strict=True):
        assert (one.file.path, one.file.stats) == (other.file.path, other.file.stats)
        mine, its = pq.read_table(one.local), pq.read_table(other.local)
        mine.validate(full=True)
        assert mine.schema.equals(its.schema, check_metadata=True)
        assert mine.equals(its)
        told = pq.read_metadata(one.local)
        assert (one.file.bytes, one.file.rows) == (one.local.stat().st_size, told.num_rows)
        assert one.file.footer_bytes == int.from_bytes(one.local.read_bytes()[-8:-4], "little")
        assert told.metadata == pq.read_metadata(other.local).metadata


def test_files_of_both_kinds_are_read_together(trial: Trial, monkeypatch: pytest.MonkeyPatch) -> None:
    """By readers that take the first file's schema for all, whichever is the first."""
    made = [outcome.made.files[0].local for outcome in _both(trial, FLOWS, monkeypatch, FLOW)]
    for order in itertools.permutations(map(str, made)):
        with duckdb.connect() as connection:
            query = "SELECT count(*), count(dst_addr), count(vpc_id), count(tp_tags) FROM read_parquet(?)"
            assert connection.execute(query, [list(order)]).fetchone() == (1000, 666, 0, 0)


def _named(table: Table, trial: Trial, path: Path, *heads: str) -> set[str]:
    pieces = [Piece(str(path), n, "0" * 24, "t", "n", "l", rows=1, head=head) for n, head in enumerate(heads)]
    ((names,),) = trial.engine.execute(Recipe(table, "prod").nulls(pieces)).fetchall()
    return set(names)


def test_only_what_no_piece_has_is_left_out(trial: Trial, tmp_path: Path) -> None:
    """A field that one of two headers names, a default and what every row gets are none of it."""
    wide = '[["version", "start", "vpc-id"], 1, true, 3, false]'
    narrow = '[["version", "start", "subnet-id"], 1, true, 3, false]'
    both, one = (_named(FLOWS, trial, tmp_path, *heads) for heads in ((wide, narrow), (narrow,)))
    assert one - both == {"vpc_id"}
    assert {
        "subnet_id",
        "version",
        "start_time",
        "tp_timestamp",
        "tp_ingest_timestamp",
        "unmapped",
    }.isdisjoint(one)
    assert {"action", "tp_ips", "tp_tags", "packets"} <= both
    assert "product" not in _named(BILL, trial, tmp_path, '[["identity_line_item_id"], 1, true, 1, false]')


def test_many_row_groups_and_nested_columns(tmp_path: Path) -> None:
    """Structs, lists of structs and lists in structs are nulls at their top."""
    with duckdb.connect() as connection:
        file, empty = tmp_path / "some.parquet", tmp_path / "all.parquet"
        connection.execute(
            f"COPY (SELECT i, {{'a': i}} AS s FROM range(5000) t(i)) TO '{file}' "
            "(FORMAT parquet, ROW_GROUP_SIZE 2048, KV_METADATA {k: 'v'})"
        )
        connection.execute(
            "COPY (SELECT NULL::STRUCT(x INT, y VARCHAR[]) AS n, 1::BIGINT AS i, "
            "NULL::STRUCT(p DOUBLE)[] AS l, {'a': 1::BIGINT} AS s, NULL::BOOLEAN AS b LIMIT 0) "
            f"TO '{empty}' (FORMAT parquet)"
        )
        size = nulls.put_in(file, empty)
        answer = connection.execute(
            f"SELECT count(*), count(n), sum(i), count(l), sum(s.a), count(b) FROM '{file}' WHERE n IS NULL"
        ).fetchone()
    assert answer == (5000, 0, 12497500, 0, 12497500, 0)
    table = pq.read_table(file)
    table.validate(full=True)
    assert [table[name].null_count for name in table.column_names] == [5000, 0, 5000, 0, 5000]
    metadata = pq.read_metadata(file)
    assert (metadata.num_row_groups, metadata.metadata[b"k"], metadata.serialized_size) == (3, b"v", size)


def test_a_footer_is_written_as_it_was_read(trial: Trial) -> None:
    """What is not changed stays byte for byte."""
    for made in trial(FLOW.encode(), table=FLOWS).made.files:
        data = made.local.read_bytes()
        footer = data[-8 - int.from_bytes(data[-8:-4], "little") : -8]
        assert written(read(footer)) == footer


def test_what_is_no_parquet_is_refused(tmp_path: Path) -> None:
    """By the file's name; it is left as it was."""
    file = tmp_path / "x.parquet"
    file.write_bytes(b"PAR1 no such thing \xff\xff\xff\x7fPAR1")
    with pytest.raises(ValueError, match=r"x\.parquet: found b'PAR1' behind a footer of 2147483647 bytes"):
        nulls.put_in(file, file)
    with pytest.raises(ValueError, match="within a thrift struct"):
        read(b"\x15")
    assert file.read_bytes().startswith(b"PAR1 no such thing")
