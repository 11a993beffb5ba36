"""The bench: every case is well formed, and its figures are shown and judged as they are."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from infra.bench import Case, Figure, find, in_order, names
from infra.bench.alone import alone
from infra.bench.data import Recipe, dataset
from infra.bench.metering import item_bytes
from infra.bench.prices import PRICES, dollars
from infra.bench.report import keep, table


@pytest.mark.parametrize("name", names())
def test_every_case_says_what_it_is_and_needs_only_cases(name: str) -> None:
    """A case has a title `Name: what`, a `run`, and needs that exist."""
    case: Case = find(name)
    assert (case.__doc__ or "").lower().startswith(f"{name}:")
    assert callable(case.run)
    assert set(case.NEEDS) <= set(names())


def test_cases_run_after_what_they_need() -> None:
    """Ratios find the figures they divide by."""
    order = in_order(names())
    assert sorted(order) == sorted(names())
    assert all(order.index(need) < order.index(name) for name in order for need in find(name).NEEDS)


def test_an_unknown_case_is_refused() -> None:
    """A misspelt name is not passed over."""
    with pytest.raises(KeyError):
        find("no-such-case")


@pytest.mark.parametrize(
    ("figure", "passed", "shown"),
    [
        (Figure("a", 0.51, "x", 0.5), True, "pass"),
        (Figure("a", 0.49, "x", 0.5), False, "FAIL"),
        (Figure("a", 701.0, "MB", 700, "<="), False, "FAIL"),
        (Figure("a", 1.0, "s"), None, ""),
    ],
)
def test_the_report_says_who_missed_a_bound(
    tmp_path: Path, figure: Figure, passed: bool | None, shown: str
) -> None:
    """In both directions of a bound, in the table and in what is kept."""
    assert figure.passed is passed
    last = table([figure]).splitlines()[-1]
    assert ("pass" in last, "FAIL" in last) == (shown == "pass", shown == "FAIL")
    kept = json.loads(keep(tmp_path, {"case": [figure]}, "now").read_text())
    assert kept["cases"]["case"][0]["passed"] is passed


def test_the_collector_runs_on_a_folder(tmp_path: Path) -> None:
    """What the cases measure is the real worker: every event is stored, and every step is timed."""
    data = dataset(tmp_path / "data", Recipe(3, 20))
    took = alone(
        "infra.bench.collecting:collect", objects=str(data.objects), work=str(tmp_path / "w"), watched=True
    )
    assert (took.result["events"], took.result["objects"]) == (60, 3)
    assert {"fetch", "probe", "rows", "commit"} <= set(took.result["steps"])


def test_what_is_metered_has_a_price() -> None:
    """A use without a price would cost nothing, silently."""
    assert set(dollars(dict.fromkeys(PRICES, 1.0))) == set(PRICES)
    with pytest.raises(KeyError):
        dollars({"something new": 1.0})


def test_items_are_as_large_as_dynamodb_says() -> None:
    """Names and values count: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html"""
    assert item_bytes({"pk": {"S": "abc"}, "é": {"BOOL": True}, "l": {"L": [{"S": "xy"}]}}) == 5 + 3 + 7
