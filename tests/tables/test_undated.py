"""Flow logs whose format has no times: the time of the object stands in."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

import pytest
from tests.convert.trial import NOW, Trial

from penstock import tables
from penstock.model import REJECTED_TABLE

FLOWS = tables.find("aws_vpc_flow_log")
NAME = "111122223333_vpcflowlogs_us-east-1_fl-0123abcd_20260131T1005Z_5e6f7a8b.log.gz"
HEAD = "interface-id srcaddr dstaddr bytes action\n"
IN_THE_NAME = NOW.replace(month=1, day=31, hour=10, minute=5, tzinfo=None)
WRITTEN = NOW.replace(tzinfo=None)
LINE = "eni-0a1b2c3d4e5f60718 10.1.2.3 198.51.100.7 8400 ACCEPT\n"


@pytest.fixture(scope="module")
def trial(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trial]:
    """An engine."""
    made = Trial(tmp_path_factory.mktemp("undated"))
    yield made
    made.close()


def _times(trial: Trial, text: str, name: str) -> list[dt.datetime]:
    out = trial(text.encode(), names=[name], table=FLOWS)
    return [row["tp_timestamp"] for row in out.rows(FLOWS.name)]


@pytest.mark.parametrize(
    ("name", "time"),
    [
        (NAME, IN_THE_NAME),
        (f"AWSLogs/2026/01/{NAME}", IN_THE_NAME),
        ("flows.log", WRITTEN),
        (NAME.replace("0131T", "1331T"), WRITTEN),
        (f"{NAME}/flows.log", WRITTEN),
    ],
    ids=["in the name", "in a folder", "of the object", "no month", "of a folder"],
)
@pytest.mark.parametrize("more", ["", "\n"], ids=["natively", "row by row"])
def test_the_time_is_the_objects(trial: Trial, name: str, time: dt.datetime, more: str) -> None:
    """The one in its name, else when it was written; however its rows are read."""
    assert _times(trial, HEAD + LINE + more + LINE, name) == [time, time]


def test_a_row_with_a_time_keeps_it(trial: Trial) -> None:
    """What says SKIPDATA and nothing else has none; of two times one suffices."""
    head = "version interface-id start end log-status\n"
    rows = "2 eni-1 1769853600 1769853660 OK\n2 eni-1 - 1769853660 NODATA\n2 eni-1 - - SKIPDATA\n"
    start = IN_THE_NAME.replace(minute=0)
    expected = [start, start.replace(minute=1), start.replace(minute=5)]
    assert _times(trial, head + rows, NAME) == expected


def test_what_is_no_record_is_rejected(trial: Trial) -> None:
    """No field of it is one, or its time is none."""
    text = HEAD + LINE + "- - - - -\nnothing\nand nothing more\n"
    out = trial(text.encode(), names=[NAME], table=FLOWS)
    assert out.counts == [("done", 1, 0, 3)]
    assert {row["reason"] for row in out.rows(REJECTED_TABLE)} == {"tp_timestamp is missing"}
    late = trial(b"interface-id start log-status\neni-1 soon OK\n", names=[NAME], table=FLOWS)
    assert late.counts == [("done", 0, 0, 1)]
