"""Any interleaving of what changes a hive keeps the rows that the operations define."""

from __future__ import annotations

import datetime as dt
import tempfile
from collections import Counter
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.compact import yard as yards
from tests.compact.test_drop import STEPS as DROP_STEPS
from tests.compact.test_faults import FLIP_STEPS, STEPS, DeathError, clean, dying, settled
from tests.compact.test_tiers import TIER_STEPS
from tests.compact.yard import DAY, PROD, Yard

from penstock import catalogue
from penstock.collect.landing import commit_id
from penstock.compact.live import Live
from penstock.config import Tier
from penstock.ledger.commit import commit
from penstock.places import Place

DAYS = [DAY - dt.timedelta(days=n) for n in range(3)]

operations = st.lists(
    st.one_of(
        st.tuples(st.just("collect"), st.integers(0, 2), st.integers(1, 9)),
        st.tuples(
            st.just("compact"),
            st.sampled_from(["", *STEPS, *FLIP_STEPS, *TIER_STEPS, *DROP_STEPS]),
            st.booleans(),
        ),
        st.tuples(st.just("tier"), st.integers(2, 6), st.just(0)),
        st.tuples(st.just("delete"), st.integers(0, 2), st.just(0)),
        st.tuples(st.just("expire"), st.integers(3, 6), st.just(0)),
        st.tuples(st.just("wait"), st.sampled_from([10, 70, 1500]), st.just(0)),
    ),
    max_size=9,
)
"""collect files of a day; compact, perhaps dying at a step; delete, expire, tier days; let time go by."""


@settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.large_base_example],
)
@given(history=operations)
def test_g3_any_interleaving_keeps_the_rows(history: list[tuple[str, int | str, int | bool]]) -> None:
    """Ledger readers see the multiset that the operations define after each of them, deaths included."""
    with tempfile.TemporaryDirectory() as folder:
        yard = yards.make(Path(folder))
        expected: dict[dt.date, Counter[str]] = {day: Counter() for day in DAYS}
        states: dict[int, set[str]] = {}
        for name, argument, more in history:
            _do(yard, expected, name, argument, more)
            states[yard.ledger.head(PROD).version] = set(yard.live())
            assert _ids(yard) == sum(expected.values(), Counter()), (name, argument)
            globbed = {row[0] for row in yard.rows(sorted(yard.shown()), "tp_id")}
            assert globbed >= set(_ids(yard))
        _asked_again(yard, states)
        settled(yard)
        assert _ids(yard) == sum(expected.values(), Counter())
        if yard.commits():
            clean(yard)
        yard.close()


def _asked_again(yard: Yard, states: dict[int, set[str]]) -> None:
    """Earlier states that the log still knows are those that were seen."""
    known = [version for version in states if 0 < version >= yard.ledger.begins(PROD)]
    for version in known[:2]:
        path = yard.folder / f"{version}.ducklake"
        versions = {PROD: version}
        state = catalogue.at_versions(
            path, yard.ledger, yard.hive.root, versions, source=yard.source, declared={}
        )
        assert {path for path, *_ in Live(state.path, yard.hive.root).paths()} == states[version]


def _ids(yard: Yard) -> Counter[str]:
    return Counter(row[0] for row in yard.rows(columns="tp_id"))


def _do(
    yard: Yard, expected: dict[dt.date, Counter[str]], name: str, argument: int | str, more: int | bool
) -> None:
    if name == "collect":
        assert isinstance(argument, int)
        for file in yard.collect(int(more), 4, DAYS[argument]):
            expected[DAYS[argument]].update(row[0] for row in yard.rows([file.path], "tp_id"))
    elif name == "wait":
        yard.turn(minutes=float(argument))
    elif name == "tier":
        assert isinstance(argument, int)
        yard.tiers = (Tier(argument, Place(str(yard.folder / "cold"))),)
    elif name == "delete":
        assert isinstance(argument, int)
        gone = [path for path, file in yard.live().items() if file.tp_date == DAYS[argument]]
        commit(
            yard.ledger, partition=PROD, id=commit_id(yard.now()), kind="delete", time=yard.now(), remove=gone
        )
        expected[DAYS[argument]].clear()
    elif name == "expire":
        assert isinstance(argument, int)
        yard.retention = argument
        yard.compactor().run()
        yard.retention = None
        for day in DAYS:
            if day < yard.now().date() - dt.timedelta(days=argument):
                expected[day].clear()
    else:
        try:
            yard.compactor(dying(str(argument))).run()
        except DeathError:
            yard.turn(minutes=21 if more else 0)
