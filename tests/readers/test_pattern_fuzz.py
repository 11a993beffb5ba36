"""Whatever stands in lines that a pattern takes apart: each is accounted for, wherever the text is cut."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.convert.trial import Outcome, Trial, pieces_of

from infra import golden
from penstock import tables
from penstock.model import REJECTED_TABLE
from penstock.readers.pattern import groups, matched
from penstock.tables import Table

TABLES = ("nginx_access_log", "apache_access_log")
SAMPLES = [
    (table, path.read_bytes()) for table, path in golden.cases() if table in TABLES and path.suffix == ".log"
]
CONNECTION = duckdb.connect()
LINES = [line for _, text in SAMPLES for line in text.splitlines()]


@pytest.fixture(scope="module")
def trial(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trial]:
    """An engine."""
    made = Trial(tmp_path_factory.mktemp("fuzz"))
    yield made
    made.close()


def read(trial: Trial, table: Table, text: bytes, **options: Any) -> Outcome:
    """The text as the only object of a commit; whatever it holds, its rows add up."""
    out = trial(text, table=table, **options)
    (record,) = out.records
    assert record.state == "done", record.reason
    assert record.rows_read == record.stored + record.filtered + record.rejected
    assert len(out.rows(table.name)) == record.stored
    assert len(out.rows(REJECTED_TABLE)) == record.rejected
    return out


def expected_rows(text: bytes) -> int:
    """Lines that are not blank."""
    lines = text.decode("utf-8", "replace").split("\n")
    return sum(bool(line.strip(" \t\r")) for line in lines)


odd = st.text(alphabet='ab "\\[]{}-:/+\t\r\x00\x7fé€\U0001f600', max_size=40).map(str.encode)


@settings(max_examples=25, deadline=None)
@given(lines=st.lists(st.one_of(odd, st.sampled_from(LINES)), max_size=12), name=st.sampled_from(TABLES))
def test_lines_of_anything(trial: Trial, lines: list[bytes], name: str) -> None:
    """Every line that is not blank is a row, stored or kept with its reason."""
    text = b"\n".join(lines)
    if text.startswith(b"PAR1") or re.match(rb"\s*\{", text):
        return  # another syntax of the table
    out = read(trial, tables.find(name), text)
    assert out.records[0].rows_read == expected_rows(text)


@settings(max_examples=25, deadline=None)
@given(data=st.data(), sample=st.sampled_from(SAMPLES))
def test_mutated_samples(trial: Trial, data: st.DataObject, sample: tuple[str, bytes]) -> None:
    """Bytes changed, dropped or doubled anywhere: no crash, every row accounted for."""
    name, text = sample
    mutated = bytearray(text)
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, max(0, len(mutated) - 1)))
        match data.draw(st.sampled_from(("change", "drop", "double"))):
            case "change":
                mutated[place : place + 1] = bytes([data.draw(st.integers(0, 255))])
            case "drop":
                del mutated[place : place + data.draw(st.integers(1, 30))]
            case _:
                mutated[place:place] = mutated[place : place + 60]
    if not re.match(rb"\s*\{", mutated):
        read(trial, tables.find(name), bytes(mutated), filter="status < 400")


@pytest.mark.parametrize(("name", "text"), SAMPLES)
def test_slices_make_no_difference(trial: Trial, name: str, text: bytes) -> None:
    """Cut anywhere, a text gives the rows that it gives whole, with the same ids."""
    table = tables.find(name)
    whole = read(trial, table, text * 3)
    with pieces_of(200):
        cut = read(trial, table, text * 3, blocks=64)
    assert cut.sorted(name) == whole.sorted(name)
    assert cut.sorted(REJECTED_TABLE) == whole.sorted(REJECTED_TABLE)


def test_a_line_of_megabytes_costs_no_more_than_its_length(trial: Trial) -> None:
    """RE2 never goes back: a hostile line is read in the time that its length asks for."""
    hostile = b'1.1.1.1 - - [01/Feb/2026:00:00:00 +0000] "GET ' + b'a" ' * 300_000 + b'" 200 5 "-" "-"\n'
    out = read(trial, tables.find("apache_access_log"), hostile * 2)
    assert out.records[0].rows_read == 2


PIECES = st.sampled_from(
    [
        "(",
        ")",
        "(?:",
        "(?P<a>",
        "(?P<b_1>",
        "(?<c>",
        "(?i:",
        "[(]",
        "[^)]",
        "[]()]",
        r"\(",
        r"\)",
        "x",
        "|",
        "*",
        "[[:alpha:](]",
    ]
)


@settings(max_examples=200, deadline=None)
@given(pieces=st.lists(PIECES, max_size=12))
def test_groups_are_found_in_any_pattern(pieces: list[str]) -> None:
    """Numbers and names of groups are what RE2 itself makes of the pattern."""
    pattern = "".join(pieces)
    bare, names = groups(pattern)
    connection = CONNECTION
    try:
        connection.execute("SELECT regexp_matches('', ?)", [pattern])
    except duckdb.Error:
        return  # RE2 has none of it
    if len(set(names)) == len(names):
        match, _ = matched(pattern, "'xax'")
        ((found,),) = connection.execute(f"SELECT to_json({match})").fetchall()
        assert list(json.loads(found)) == ["_", *names]
    both = connection.execute(
        "SELECT regexp_extract(t, ?, 0) = regexp_extract(t, ?, 0) FROM (VALUES ('xax'), ('(x)'), ('')) v(t)",
        [pattern, bare],
    ).fetchall()
    assert both == [(True,)] * 3
