"""Whichever row comes first: it does not say how the others, or it itself, are taken apart."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.convert.trial import Trial, pieces_of

from penstock import tables

TABLES = Path(__file__).parents[1] / "tables"
NAMES = [
    "aws_alb_access_log",
    "aws_alb_connection_log",
    "aws_clb_access_log",
    "aws_nlb_access_log",
    "aws_s3_server_access_log",
]


@pytest.fixture(scope="module")
def trial(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trial]:
    """An engine."""
    made = Trial(tmp_path_factory.mktemp("first"))
    yield made
    made.close()


def values(rows: list[dict[str, Any]]) -> list[str]:
    """What the rows say, sorted, apart from their ids, and from how fields beyond the last one are called."""
    kept = ({k: v for k, v in row.items() if k not in ("tp_id", "unmapped", "row_number")} for row in rows)
    return sorted(re.sub(r"object-\d+", "object", str(row)) for row in kept)


@pytest.mark.parametrize("name", NAMES)
def test_each_row_first_alone_and_in_pieces(trial: Trial, name: str) -> None:
    """Clients write quotes into user agents as they like, and sometimes theirs is the first row."""
    table = tables.find(name)
    lines = (TABLES / name / "odd.log").read_bytes().strip(b"\n").split(b"\n")
    whole = trial(b"\n".join(lines), table=table)
    wanted = {kind: values(whole.rows(kind)) for kind in (name, "tp_rejected")}
    alone = trial(*lines, table=table)
    assert {kind: values(alone.rows(kind)) for kind in wanted} == wanted
    turns = [b"\n".join(lines[place:] + lines[:place]) for place in range(1, len(lines))]
    out = trial(*turns, table=table)
    assert {kind: values(out.rows(kind)) for kind in wanted} == {
        kind: sorted(each * len(turns)) for kind, each in wanted.items()
    }
    with pieces_of(900):
        cut = trial(*turns, table=table, blocks=300)
    assert {kind: values(cut.rows(kind)) for kind in wanted} == {
        kind: sorted(each * len(turns)) for kind, each in wanted.items()
    }


def test_blanks_and_quotes_cost_no_more_than_they_are_long(trial: Trial) -> None:
    """Clients write these too; if a run of blanks were taken apart in turn, each would double the time."""
    alb = tables.find("aws_alb_access_log")
    line = (TABLES / alb.name / "typical.log").read_bytes().split(b"\n")[0]
    request, agent = re.findall(rb'"[^"]*"', line)[:2]
    strange = b'"Moz" ' + b"a  " * 200 + b'x"y"'
    out = trial(line.replace(request + b" " + agent, request + b" " + strange), table=alb)
    assert [row["user_agent"] for row in out.rows(alb.name)] == [strange[1:-1].decode()]


@pytest.mark.parametrize("broken", [b"", b"\n"])
def test_a_field_beyond_the_known_ones_has_one_name(trial: Trial, broken: bytes) -> None:
    """Whole, in pieces, and beside a blank line."""
    alb = tables.find("aws_alb_access_log")
    lines = (TABLES / alb.name / "typical.log").read_bytes().strip(b"\n").split(b"\n")
    count = len(trial(lines[0], table=alb).rows(alb.name))
    assert count == 1
    row = lines[0] + b' "-"' * (34 - _fields(lines[0])) + b" newfield\n"
    text = row * 20 + broken + row * 20
    whole = {str(r["unmapped"]) for r in trial(text, table=alb).rows(alb.name)}
    with pieces_of(3_000):
        cut = {str(r["unmapped"]) for r in trial(text, table=alb, blocks=1_000).rows(alb.name)}
    assert whole == cut == {'{"field_35":"newfield"}'}


def _fields(line: bytes) -> int:
    return len(re.findall(rb'"[^"]*"|[^ ]+', line))


def test_a_user_agent_with_quotes_in_the_only_row(trial: Trial) -> None:
    """Its fields are not moved by one."""
    s3 = tables.find("aws_s3_server_access_log")
    lines = (TABLES / s3.name / "odd.log").read_bytes().split(b"\n")
    (line,) = (line for line in lines if b'"the "best" agent"' in line)
    (row,) = trial(line, table=s3).rows(s3.name)
    assert (row["user_agent"], row["version_id"], row["tls_version"]) == ('the "best" agent', None, "TLSv1.3")
