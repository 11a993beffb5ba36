"""What is printed: every type, in every form, whole and safe."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator

import pytest
from tests.query.asking import Asker
from tests.query.hives import Hive

from penstock import query
from penstock.cli import _output
from penstock.errors import QueryError

EVERYTHING = (
    "SELECT 1::HUGEINT AS i, 1.50::DECIMAL(5,2) AS d, 'nan'::DOUBLE AS nan, true AS b, NULL AS nothing,"
    " TIMESTAMP '2026-01-02 03:04:05.6' AS t, TIMESTAMPTZ '2026-01-02 03:04:05+02' AS z,"
    " DATE '2026-01-02' AS day,"
    " {'a': [1, NULL], 'b': 'x\"y'} AS s, ['p', 'q'] AS l, map(['k'], [1]) AS m,"
    " '{\"j\": [1, 2]}'::JSON AS j,"
    " 'a,\"b\"\n\u00e9' AS v, '' AS empty, INTERVAL 3 DAY AS i,"
    " 'infinity'::TIMESTAMP AS inf, 'ab\\xFF'::BLOB AS x"
)


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[query.Session]:
    """A session over an empty hive."""
    asker = Asker(Hive(tmp_path_factory.mktemp("output")))
    yield asker.session()
    asker.opened[0].close()


def printed(
    session: query.Session,
    sql: str,
    form: _output.Form,
    width: int = 0,
    header: bool = True,
    separator: str = ",",
) -> str:
    """What `sql` prints."""
    out = io.StringIO()
    result = query.run(session, sql)
    _output.write(result, form, out, header=header, separator=separator, width=width)
    return out.getvalue()


def test_csv_reads_back(session: query.Session) -> None:
    """Times in ISO 8601, nested values as JSON, null and empty as nothing."""
    head, row = csv.reader(io.StringIO(printed(session, EVERYTHING, "csv")))
    assert head[:5] == ["i", "d", "nan", "b", "nothing"]
    assert row == [
        "1", "1.50", "nan", "true", "", "2026-01-02T03:04:05.6", "2026-01-02T01:04:05Z", "2026-01-02",
        '{"a":[1,null],"b":"x\\"y"}', '["p","q"]', '{"k":1}', '{"j": [1, 2]}', 'a,"b"\né', "", "3 days",
        "infinity", "ab\\xFF",
    ]  # fmt: skip


@pytest.mark.parametrize("form", ["csv", "tsv"])
def test_line_ends_of_a_log_end_no_row(session: query.Session, form: _output.Form) -> None:
    """Every kind of them stands in quotes; rows end in a line feed alone."""
    text = printed(session, "SELECT E'a\\rb' AS x, E'c\\nd' AS y, E'e\\r\\n' AS z", form)
    between = "," if form == "csv" else "\t"
    assert text == f"{between.join('xyz')}\n" + between.join(['"a\rb"', '"c\nd"', '"e\r\n"']) + "\n"


@pytest.mark.parametrize("form", ["json", "jsonl"])
def test_json_reads_back(session: query.Session, form: _output.Form) -> None:
    """Nested values stay nested, JSON columns are embedded, NaN is null, equal names are told apart."""
    text = printed(session, EVERYTHING, form)
    row = json.loads(text)[0] if form == "json" else json.loads(text)
    assert row == {
        "i": 1, "d": 1.5, "nan": None, "b": True, "nothing": None, "t": "2026-01-02T03:04:05.6",
        "z": "2026-01-02T01:04:05Z", "day": "2026-01-02", "s": {"a": [1, None], "b": 'x"y'}, "l": ["p", "q"],
        "m": {"k": 1}, "j": {"j": [1, 2]}, "v": 'a,"b"\né', "empty": "", "i_1": "3 days", "inf": "infinity",
        "x": "ab\\xFF",
    }  # fmt: skip


@pytest.mark.parametrize("form", ["json", "jsonl"])
def test_nested_numbers_that_json_does_not_have_are_null(session: query.Session, form: _output.Form) -> None:
    """Texts that look like them stay."""
    sql = (
        "SELECT {'a': 'nan'::DOUBLE, 'b': ['-inf'::FLOAT, 1.5], 'c': 'NaN, \\\", Infinity'} AS s,"
        " '{\"d\": [ nan, -INF , \"nan\", infinity]}'::JSON AS j, 'inf'::JSON AS k"
    )

    def refuse(name: str) -> None:
        raise AssertionError(f"{name} is no JSON")

    found = json.loads(printed(session, sql, form), parse_constant=refuse)
    row = found[0] if form == "json" else found
    assert row == {
        "s": {"a": None, "b": [None, 1.5], "c": 'NaN, \\", Infinity'},
        "j": {"d": [None, None, "nan", None]},
        "k": None,
    }


def test_json_keeps_every_digit_beside_a_nan(session: query.Session) -> None:
    """What stands in one column changes no other."""
    sql = "SELECT 12345678901234567890.123456789::DECIMAL(38, 9) AS d, 'x: NaN' AS t, ['nan'::DOUBLE] AS n"
    assert (
        printed(session, sql, "jsonl")
        == '{"d": 12345678901234567890.123456789, "t": "x: NaN", "n": [null]}\n'
    )


NESTED = {
    "row(1, 'x')": [1, "x"],
    "row(row(1), [row(TIMESTAMP '2026-01-02 03:04:05', NULL)])": [[1], [["2026-01-02T03:04:05", None]]],
    "{'a': TIMESTAMP '2026-01-02 03:04:05.6', 'b c\"': {'n': 1}}": {
        "a": "2026-01-02T03:04:05.6",
        'b c"': {"n": 1},
    },
    "[[TIMESTAMPTZ '2026-01-02 03:04:05+02'], NULL, []]": [["2026-01-02T01:04:05Z"], None, []],
    "array_value(TIMESTAMP_S '2026-01-02 03:04:05')": ["2026-01-02T03:04:05"],
    "map {TIMESTAMP_NS '2026-01-02 03:04:05': [row(1)]}": {"2026-01-02T03:04:05": [[1]]},
    "[union_value(\"a b\" := TIMESTAMP_MS '2026-01-02 03:04:05')]": [{"a b": "2026-01-02T03:04:05"}],
    "[{'t': 'infinity'::TIMESTAMP, 'd': DATE '2026-01-02', 'c': TIME '03:04:05', 'x': '2026-01-02 03:04'}]": [
        {"t": "infinity", "d": "2026-01-02", "c": "03:04:05", "x": "2026-01-02 03:04"}
    ],
    "{'a': '::1'::INET, 'l': ['10.0.0.0/8'::INET, NULL]}": {"a": "::1", "l": ["10.0.0.0/8", None]},
    "{'t': NULL::TIMESTAMP, 'r': nullif(row(1, 2), row(1, 2)), 'j': '{\"k\": [1]}'::JSON}": {
        "t": None,
        "r": None,
        "j": {"k": [1]},
    },
}


@pytest.mark.parametrize("form", ["json", "csv"])
@pytest.mark.parametrize("value", NESTED)
def test_nested_values_are_as_those_that_stand_alone(
    session: query.Session, value: str, form: _output.Form
) -> None:
    """Times have a T, rows without names are lists, and nulls stay nulls, at any depth."""
    text = printed(session, f"SELECT {value} AS v", form)
    found = (
        json.loads(text)[0]["v"] if form == "json" else json.loads(list(csv.reader(io.StringIO(text)))[1][0])
    )
    assert found == NESTED[value]


def test_odd_column_names(session: query.Session) -> None:
    """Quotes and backslashes in a name break nothing."""
    sql = 'SELECT 1 AS "a""b\'c\\", 2 AS a, 3 AS a, 4 AS a_1'
    assert json.loads(printed(session, sql, "jsonl")) == {"a\"b'c\\": 1, "a": 2, "a_1": 3, "a_1_1": 4}
    assert printed(session, sql, "csv").splitlines()[1] == "1,2,3,4"


@pytest.mark.parametrize(
    ("form", "expected"),
    [("csv", "a\n"), ("json", "[\n]\n"), ("jsonl", ""), ("line", ""), ("table", "a\n─\n")],
)
def test_no_rows(session: query.Session, form: _output.Form, expected: str) -> None:
    """An empty answer is still well-formed."""
    assert printed(session, "SELECT 1 AS a WHERE false", form) == expected


def test_csv_without_header_and_with_another_separator(session: query.Session) -> None:
    """As asked."""
    assert printed(session, "SELECT 1 AS a, 'x;y' AS b", "csv", header=False, separator=";") == '1;"x;y"\n'


def test_table_shows_nulls_and_aligns_numbers(session: query.Session) -> None:
    """A null is not an empty text, and not the text <null>'s lookalike of a number."""
    lines = printed(session, "SELECT * FROM (VALUES (1, 'x'), (200, NULL)) t(n, s)", "table").splitlines()
    assert [line.rstrip() for line in lines] == ["  n   s", "────────────", "  1   x", "200   <null>"]


@pytest.mark.parametrize("form", ["table", "line"])
def test_control_sequences_of_a_log_do_not_reach_the_terminal(
    session: query.Session, form: _output.Form
) -> None:
    """Escape sequences, bells, line breaks and text direction marks are shown, not obeyed."""
    text = printed(
        session, "SELECT chr(27) || '[31mred' || chr(7) || chr(8238) || chr(10) || '[b]x[/b]' AS a", form
    )
    assert "\\x1b[31mred\\x07\\u202e\\n[b]x[/b]" in text
    assert not {"\x1b", "\x07", "\u202e"} & set(text)


def test_wide_table_fits_the_terminal(session: query.Session) -> None:
    """Values are folded, never lost."""
    text = printed(session, "SELECT repeat('abc', 60) AS a, 12345 AS b", "table", width=60)
    assert max(map(len, text.splitlines())) <= 60
    assert text.count("abc") >= 55
    assert "12345" in text


def test_too_many_columns_for_the_terminal_are_shown_one_a_line(session: query.Session) -> None:
    """Sixty columns in eighty cells can only be read as lines."""
    columns = ", ".join(f"'value {n}' AS column_{n}" for n in range(60))
    text = printed(session, f"SELECT {columns}", "table", width=80)
    assert "column_59 | value 59" in text


def test_long_table_has_one_header_and_whole_values(session: query.Session) -> None:
    """Blocks follow each other and widen where later values need it."""
    sql = "SELECT i, CASE WHEN i = 1500 THEN repeat('x', 40) ELSE 'y' END AS s FROM range(2500) t(i)"
    lines = [line.split() for line in printed(session, sql, "table").splitlines()]
    assert lines[0] == ["i", "s"]
    assert lines[2:] == [[str(n), "x" * 40 if n == 1500 else "y"] for n in range(2500)]


def test_plan_is_printed_as_it_is(session: query.Session) -> None:
    """EXPLAIN draws a tree."""
    assert printed(session, "EXPLAIN SELECT 1", "table", width=80).startswith("┌──")


def test_rows_are_printed_as_they_come(session: query.Session) -> None:
    """Memory does not grow with the answer: an endless one begins to print at once (G4)."""

    class Enough(Exception):
        """The first lines came."""

    class Out(io.StringIO):
        def write(self, text: str) -> int:
            if self.tell() > 100_000:
                raise Enough
            return super().write(text)

    result = query.run(session, "SELECT i, 'x' || i FROM range(1000000000000) t(i)")
    with pytest.raises(Enough):
        _output.write(result, "csv", Out(), header=True, separator=",", width=0)


def test_a_failure_on_the_way_leaves_what_was_printed(session: query.Session) -> None:
    """Rows before the bad one are there, the error says why no more."""
    out = io.StringIO()
    result = query.run(
        session,
        "SELECT CASE WHEN i < 200000 THEN i ELSE error('broken at ' || i) END AS a FROM range(300000) t(i)",
    )
    with pytest.raises(QueryError, match="broken at"):
        _output.write(result, "csv", out, header=True, separator=",", width=0)
    assert out.getvalue().startswith("a\n0\n1\n")


def test_order_is_kept(session: query.Session) -> None:
    """Rendering keeps the statement's order, over many batches."""
    text = printed(session, "SELECT i FROM range(50000) t(i) ORDER BY i DESC", "csv", header=False)
    assert text.split() == [str(n) for n in range(49_999, -1, -1)]


def test_addresses_are_compared_offline(session: query.Session) -> None:
    """The inet extension is there, from its package."""
    sql = "SELECT ('10.1.2.3'::INET <<= '10.0.0.0/8'::INET) AS inside"
    assert printed(session, sql, "csv", header=False).strip() == "true"


@pytest.mark.parametrize("form", ["csv", "json"])
def test_addresses_are_shown_as_addresses(session: query.Session, form: _output.Form) -> None:
    """An INET is a struct to DuckDB alone."""
    text = printed(session, "SELECT '2001:db8::1'::INET AS a, NULL::INET AS b", form)
    if form == "csv":
        assert text.splitlines() == ["a,b", "2001:db8::1,"]
    else:
        assert json.loads(text) == [{"a": "2001:db8::1", "b": None}]


def test_an_answer_may_be_left_on_another_thread(session: query.Session) -> None:
    """Ctrl-C is heeded while rows are fetched, and nothing of it is left between."""
    import signal
    import threading

    whole = [query.run(session, f"SELECT i FROM range({n}) t(i)") for n in (3_000, 9_000)]
    assert sum(len(batch) for result in whole for batch in query.batches(result, ["#1"])) == 12_000
    left = query.batches(query.run(session, "SELECT i FROM range(9000) t(i)"), ["#1"])
    next(left)
    closer = threading.Thread(target=left.close)  # type: ignore[attr-defined]
    closer.start()
    closer.join()
    assert signal.set_wakeup_fd(-1) == -1
    assert all(thread.name != "ctrl-c" for thread in threading.enumerate())
