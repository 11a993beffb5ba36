"""Whatever stands in a text of fields: every line is accounted for, and both ways of reading agree."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.convert.trial import Outcome, Trial

from infra import golden
from penstock import tables
from penstock.model import REJECTED_TABLE
from penstock.tables import Table

TABLES = ("aws_alb_access_log", "aws_s3_server_access_log", "aws_nlb_access_log", "aws_vpc_flow_log")
SAMPLES = [
    (table, path.read_bytes()) for table, path in golden.cases() if table in TABLES and path.suffix == ".log"
]
FILTERS = {
    "aws_alb_access_log": "elb_status_code >= 400",
    "aws_s3_server_access_log": "http_status = 200",
    "aws_nlb_access_log": "sent_bytes > 98",
    "aws_vpc_flow_log": "action = 'ACCEPT'",
}


@pytest.fixture(scope="module")
def trial(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trial]:
    """An engine."""
    made = Trial(tmp_path_factory.mktemp("fuzz"))
    yield made
    made.close()


def read(trial: Trial, table: Table, text: bytes, **recipe: Any) -> Outcome:
    """The text as the only object of a commit; whatever it holds, its rows add up."""
    out = trial(text, table=table, **recipe)
    (record,) = out.records
    assert record.state in ("done", "bad")
    assert record.rows_read == record.stored + record.filtered + record.rejected
    assert len(out.rows(table.name)) == record.stored
    assert len(out.rows(REJECTED_TABLE)) == record.rejected
    return out


def rows(out: Outcome, table: Table) -> list[dict[str, Any]]:
    """Stored rows by tp_id, then rejected ones."""
    rejected = [row | {"reason": ""} for row in out.sorted(REJECTED_TABLE)]
    return out.sorted(table.name) + rejected


def both_ways(trial: Trial, table: Table, text: bytes, **recipe: Any) -> None:
    """As it stands, and row by row: a blank line at the end, which is no row, makes it so."""
    text = text.rstrip(b"\n")
    fast = read(trial, table, text + b"\n", **recipe)
    exact = read(trial, table, text + b"\n\n", **recipe)
    assert fast.counts == exact.counts
    assert rows(fast, table) == rows(exact, table)


ODD = st.sampled_from(
    [b'"', b'""', b" ", b"  ", b"\n", b"\r\n", b"\\", b'\\"', b"\t", b"\0", b"-", b",", b'" "', b'x"',
     b"\xff", "é".encode(), b"Enable AccessLog for ELB", b"version", b'" - "', b"\n\n", b"[", b"'", b"#"]
)  # fmt: skip


@st.composite
def mutated(draw: st.DrawFn) -> tuple[str, bytes]:
    """A sample of a table with a few bytes put in, left out, or repeated."""
    name, text = draw(st.sampled_from(SAMPLES))
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(text)))
        end = min(len(text), start + draw(st.sampled_from([0, 0, 1, 5, 80])))
        put = draw(st.one_of(ODD, st.just(text[start:end] * 2), st.just(b"")))
        text = text[:start] + put + text[end:]
    return name, text


@settings(max_examples=25, deadline=None)
@given(sample=mutated())
def test_mutated_samples_are_accounted_for(trial: Trial, sample: tuple[str, bytes]) -> None:
    """No crash, no hang, and the same rows both ways."""
    name, text = sample
    both_ways(trial, tables.find(name), text)


@settings(max_examples=8, deadline=None)
@given(sample=mutated())
def test_filtered_rows_are_accounted_for(trial: Trial, sample: tuple[str, bytes]) -> None:
    """The same with a filter."""
    name, text = sample
    both_ways(trial, tables.find(name), text, filter=FILTERS[name])


FIELD = st.one_of(
    st.sampled_from(["-", '"-"', '""', "0", "-1", "2026-01-31T10:00:00Z", "10.1.2.3:80", '"a b"', '"a  b"']),
    st.sampled_from(['"GET http://a/ HTTP/1.1"', '"- - -"', '"x', 'y"', 'a"b', '"a"b"', '"a""b"', '"a"" b"']),
    st.text(st.characters(exclude_characters='\n\r\0" ', exclude_categories=["Cs"]), min_size=1, max_size=6),
)  # fmt: skip


@st.composite
def lines(draw: st.DrawFn) -> bytes:
    """Lines of about as many fields as one another, the second one mostly a time."""
    count = draw(st.integers(2, 40))
    made = []
    for _ in range(draw(st.integers(1, 5))):
        fields = draw(st.lists(FIELD, min_size=count, max_size=count))
        if draw(st.integers(0, 4)):
            fields[1] = "2026-01-31T10:00:00.5Z"
        made.append(" ".join(fields[: draw(st.sampled_from([count, count, count, 1]))]))
    return "\n".join(made).encode()


@settings(max_examples=25, deadline=None)
@given(text=lines())
def test_any_fields_are_read_alike_both_ways(trial: Trial, text: bytes) -> None:
    """Whatever quotes they have, and however many there are."""
    both_ways(trial, tables.find("aws_alb_access_log"), text)


def test_a_line_of_megabytes_is_read(trial: Trial) -> None:
    """Lines may have any length; those beside it are not lost."""
    table = tables.find("aws_alb_access_log")
    line = (golden.CASES / table.name / "every_field.log").read_bytes().rstrip(b"\n")
    long = line.replace(b"cart?id=7", b"cart?id=" + b"7" * (3 << 20))
    out = read(trial, table, b"\n".join([line, long, line, b""]))
    assert out.counts == [("done", 3, 0, 0)]
    assert max(len(row["request_url"]) for row in out.rows(table.name)) > 3 << 20


def test_samples_are_there() -> None:
    """Of every table, so that the fuzz tests do not run on nothing."""
    assert {name for name, _ in SAMPLES} == set(TABLES) == set(FILTERS)
    assert all(Path(golden.CASES / name).is_dir() for name in TABLES)
