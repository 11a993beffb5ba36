"""Parquet objects: every type, windows, unknown columns, several schemas in one commit, broken files."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet
import pytest
from tests.convert.trial import Outcome, Trial

from penstock.convert import large
from penstock.tables import Syntax, Table, json_value, number, text, time, typed

TABLE = Table(
    name="parquet_sample",
    description="A table for these tests.",
    reference="https://parquet.apache.org/docs/",
    syntax=Syntax("json_text", {"shape": "lines"}),
    columns=(
        time("seen", "seen", "When."),
        text("said", "said", "Anything as text."),
        number("amount", "amount", "A number.", "DOUBLE"),
        json_value("thing", "thing", "Anything as JSON."),
        typed("inner_name", "VARCHAR", 'r."inner"."name"', "inner", "A member.", {"name": "VARCHAR"}),
        typed("gathered", "JSON", 'r."tag_*"', "tag_*", "What begins so.", "JSON"),
    ),
    enrichment={"tp_timestamp": "seen"},
)


@pytest.fixture(scope="module")
def trial(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trial]:
    """An engine."""
    made = Trial(tmp_path_factory.mktemp("parquet"))
    yield made
    made.close()


def parquet(tmp_path: Path, select: str, **options: object) -> bytes:
    """A file of those rows."""
    path = tmp_path / "made.parquet"
    told = "".join(f", {name} {value}" for name, value in options.items())
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute(f"COPY ({select}) TO '{path}' (FORMAT parquet{told})")
    return path.read_bytes()


def rows(out: Outcome) -> list[dict[str, object]]:
    """Its stored rows by tp_id."""
    return sorted(out.rows(TABLE.name), key=lambda row: str(row["tp_id"]))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("'a ''text'''", "a 'text'"),
        ("''", ""),
        ("NULL::VARCHAR", None),
        ("0::TINYINT", "0"),
        ("-9223372036854775808", "-9223372036854775808"),
        ("18446744073709551615::UBIGINT", "18446744073709551615"),
        ("0.1::DOUBLE + 0.2::DOUBLE", "0.30000000000000004"),
        ("1.10::DECIMAL(38, 20)", "1.10000000000000000000"),
        ("true", "true"),
        ("DATE '2026-01-20'", "2026-01-20"),
        ("TIMESTAMP '2026-01-20 09:15:42.123456'", "2026-01-20 09:15:42.123456"),
        ("TIMESTAMPTZ '2026-01-20 10:15:42+01'", "2026-01-20 09:15:42+00"),
        ("TIMESTAMP_NS '2026-01-20 09:15:42.123456789'", "2026-01-20 09:15:42.123456789"),
        ("TIME '09:15:42'", "09:15:42"),
        ("'plain bytes'::BLOB", "plain bytes"),
        ("[1, NULL, 3]", "[1,null,3]"),
        ("{'a': 'x', 'b': {'c': NULL::INT}}", '{"a":"x","b":{"c":null}}'),
        ("MAP {'k': 'v', 'l': NULL}", '{"k":"v","l":null}'),
        ("[{'a': 1}]", '[{"a":1}]'),
    ],
)
def test_every_type_is_text_where_text_is_read(
    trial: Trial, tmp_path: Path, value: str, expected: str | None
) -> None:
    """Numbers lose no digit, times their zone is told, what is nested is JSON."""
    made = parquet(tmp_path, f"SELECT TIMESTAMP '2026-01-20' AS seen, {value} AS said, {value} AS thing")
    (row,) = rows(trial(made, table=TABLE))
    assert row["said"] == expected
    assert row["unmapped"] is None


def test_times_are_utc_whatever_their_kind(trial: Trial, tmp_path: Path) -> None:
    """Milliseconds, microseconds, nanoseconds, with a zone, as text."""
    for kind in (
        "TIMESTAMP_MS '2026-01-20 09:15:42.123'",
        "TIMESTAMP '2026-01-20 09:15:42.123'",
        "TIMESTAMP_NS '2026-01-20 09:15:42.123'",
        "TIMESTAMPTZ '2026-01-20 10:15:42.123+01'",
        "'2026-01-20T09:15:42.123Z'",
    ):
        (row,) = rows(trial(parquet(tmp_path, f"SELECT {kind} AS seen"), table=TABLE))
        assert str(row["seen"]) == "2026-01-20 09:15:42.123000", kind


def test_nested_columns(trial: Trial, tmp_path: Path) -> None:
    """Structs as JSON, members by name, columns that begin alike as one object without nulls."""
    made = parquet(
        tmp_path,
        "SELECT TIMESTAMP '2026-01-20' AS seen, {'a': [1, 2], 'b': {'c': 0.1::DOUBLE}} AS thing, "
        "{'name': 'n', 'other': 1} AS inner, 'x' AS tag_One, NULL::VARCHAR AS \"tag/two\", 3 AS tag_three",
    )
    (row,) = rows(trial(made, table=TABLE))
    assert json.loads(str(row["thing"])) == {"a": [1, 2], "b": {"c": 0.1}}
    assert row["inner_name"] == "n"
    assert json.loads(str(row["gathered"])) == {"one": "x", "three": 3}


def test_unknown_columns_are_unmapped(trial: Trial, tmp_path: Path) -> None:
    """By their names and with their types; null ones are not there; what fits no type is there as text."""
    made = parquet(
        tmp_path,
        "SELECT * FROM (VALUES (TIMESTAMP '2026-01-20', 'many', 1, {'x': [1]}, NULL), "
        "(TIMESTAMP '2026-01-21', '2.5', NULL, NULL, NULL)) t(seen, amount, \"New One\", other, nothing)",
    )
    first, second = rows(trial(made, table=TABLE))
    assert json.loads(str(first["unmapped"])) == {"New One": 1, "other": {"x": [1]}, "amount": "many"}
    assert (second["unmapped"], second["amount"]) == (None, 2.5)


def test_names_that_collide_are_kept_apart(trial: Trial, tmp_path: Path) -> None:
    """Names that differ only in case, and those that DuckDB itself uses."""
    path = tmp_path / "made.parquet"
    pa.parquet.write_table(
        pa.table(
            [pa.array([value]) for value in ("2026-01-20T00:00:00Z", "a", "b", "c", "d")],
            names=["seen", "said", "Said", "SAID", "filename"],
        ),
        path,
    )
    (row,) = rows(trial(path.read_bytes(), table=TABLE))
    assert row["said"] == "a"
    assert sorted(json.loads(str(row["unmapped"])).values()) == ["b", "c", "d"]


def test_a_column_of_the_readers_own_name_is_refused(trial: Trial, tmp_path: Path) -> None:
    """It is recorded with its reason; nothing escapes."""
    made = parquet(tmp_path, "SELECT TIMESTAMP '2026-01-20' AS seen, 1 AS file_row_number")
    (record,) = trial(made, table=TABLE).records
    assert (record.state, "file_row_number" in record.reason) == ("bad", True)


def test_a_large_file_is_read_by_windows(
    trial: Trial, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same rows with the same ids and numbers as at once, the rejected ones too."""
    made = parquet(
        tmp_path,
        "SELECT CASE WHEN i % 1000 <> 7 THEN TIMESTAMP '2026-01-20' + INTERVAL (i) SECOND END AS seen, "
        "'row ' || i AS said, i AS amount, i AS newest FROM range(10000) t(i)",
        ROW_GROUP_SIZE=2048,
    )
    whole = trial(made, table=TABLE)
    monkeypatch.setattr(large, "PACKED", len(made) // 7)
    windows = trial(made, table=TABLE)
    streamed = trial(made, table=TABLE, blocks=1000)
    for out in (windows, streamed):
        assert out.counts == whole.counts == [("done", 9990, 0, 10)]
        assert rows(out) == rows(whole)
        assert out.sorted("tp_rejected") == whole.sorted("tp_rejected")
    assert len(windows.made.files) > len(whole.made.files)
    assert [row["row_number"] for row in whole.sorted("tp_rejected")] == list(range(8, 10000, 1000))


def test_several_schemas_in_one_commit(trial: Trial, tmp_path: Path) -> None:
    """Other types of the same column, other orders, other columns: each file as it is, in one commit."""
    made = [
        parquet(tmp_path, select)
        for select in (
            "SELECT TIMESTAMP '2026-01-20' AS seen, 1 AS amount, 'x' AS said",
            "SELECT TIMESTAMP '2026-01-20' AS seen, 1.75::DOUBLE AS amount, 'x' AS said",
            "SELECT 'x' AS said, '2.25' AS amount, '2026-01-20T00:00:00Z' AS seen",
            "SELECT TIMESTAMP '2026-01-20' AS seen, {'a': 1} AS thing",
            "SELECT TIMESTAMP '2026-01-20' AS seen, {'a': 1.5::DOUBLE, 'b': 'y'} AS thing",
            "SELECT TIMESTAMP '2026-01-20' AS seen, 9 AS newest",
            "SELECT TIMESTAMP '2026-01-20' AS seen, 1 AS amount, 'x' AS said WHERE false",
        )
    ]
    out = trial(*made, table=TABLE)
    assert out.counts == [("done", 1, 0, 0)] * 6 + [("done", 0, 0, 0)]
    found = sorted(
        (str(row["tp_source_location"]), row["amount"], row["thing"], row["unmapped"]) for row in rows(out)
    )
    assert found == [
        ("object-0", 1.0, None, None),
        ("object-1", 1.75, None, None),
        ("object-2", 2.25, None, None),
        ("object-3", None, '{"a":1}', None),
        ("object-4", None, '{"a":1.5,"b":"y"}', None),
        ("object-5", None, None, '{"newest":9}'),
    ]


def test_a_broken_file_is_a_bad_object_alone(trial: Trial, tmp_path: Path) -> None:
    """Without its end, with a footer that points elsewhere, with torn pages: the others are stored."""
    good = parquet(tmp_path, "SELECT TIMESTAMP '2026-01-20' AS seen, 'a text' AS said")
    elsewhere = good[:-8] + (len(good) - 12).to_bytes(4, "little") + b"PAR1"
    torn = good[:4] + b"\xff" * 30 + good[34:]
    footer = good[: -len(good) // 2] + b"x" * (len(good) // 2 - 8) + good[-8:]
    broken = [good[:-5], b"PAR1", elsewhere, torn, footer]
    out = trial(good, *broken, good, table=TABLE)
    assert [record.state for record in out.records] == ["done", *["bad"] * len(broken), "done"]
    assert all(record.reason for record in out.records[1:-1])
    assert len(rows(out)) == 2


def test_a_file_of_another_kind_is_bad(trial: Trial, tmp_path: Path) -> None:
    """With the names it has and those that were expected."""
    (record,) = trial(parquet(tmp_path, "SELECT 1 AS price, 2 AS shop"), table=TABLE).records
    assert record.state == "bad"
    assert "it has price, shop" in record.reason
    assert "seen, said" in record.reason


def test_mutated_files_never_escape(trial: Trial, tmp_path: Path) -> None:
    """Whatever bytes change: done with balanced counts, or bad with a reason (no crash, no hang)."""
    good = parquet(
        tmp_path,
        "SELECT TIMESTAMP '2026-01-20' + INTERVAL (i) SECOND AS seen, 'row ' || i AS said, "
        "i * 0.5 AS amount, {'a': [i]} AS thing FROM range(50) t(i)",
    )
    chance = random.Random(7)
    made = []
    for _ in range(60):
        mutated = bytearray(good)
        place = chance.randrange(4, len(good))
        mutated[place : place + chance.randrange(1, 12)] = chance.randbytes(chance.randrange(12))
        made.append(bytes(mutated))
    states = set()
    for first in range(0, len(made), 10):
        out = trial(*made[first : first + 10], table=TABLE)
        for record in out.records:
            states.add(record.state)
            assert record.state == "done" or record.reason
            assert record.rows_read == record.stored + record.filtered + record.rejected
    assert states == {"done", "bad"}
