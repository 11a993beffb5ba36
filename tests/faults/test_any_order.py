"""G1 as a property: whatever is delivered, dies and is delivered again, the end is one clean pass."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.collect import rig as rigs
from tests.collect.rig import PROD, Rig, differences, logs
from tests.collect.store import Store
from tests.faults.crew import STEPS, DeathError, Maker, refuse_to_answer

from infra import samples
from penstock.model import REJECTED_TABLE, ObjectRef

OBJECTS = 5

deliveries = st.lists(
    st.tuples(
        st.lists(st.integers(0, OBJECTS - 1), min_size=1, max_size=6),
        st.sampled_from([*STEPS, "answer lost", "survives"]),
        st.integers(1, 4),
    ),
    max_size=5,
)
"""(objects, where its worker dies, objects a commit), one after the other."""


@pytest.fixture(scope="module")
def clean(store: Store, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Rig, list[ObjectRef]]]:
    """One clean pass over a few objects, a bad one and one with a rejected row among them."""
    rig = rigs.make(store, tmp_path_factory.mktemp("clean"), kind="sqlite")
    odd = {one.kind: one for one in samples.bad_objects("order")}
    objects = [*logs(3, 2, "order"), odd["truncated gzip"], odd["no eventTime"]]
    refs = [rig.put(one.key, one.body) for one in objects]
    worker = Maker.of(rig)(lambda _: None)
    assert worker.handle([rig.message(*refs)]).again == {}
    worker.close()
    yield rig, refs
    rig.close()


@settings(
    max_examples=10,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(history=deliveries)
def test_g1_any_history_ends_as_a_clean_pass(
    clean: tuple[Rig, list[ObjectRef]], tmp_path: Path, history: list[tuple[list[int], str, int]]
) -> None:
    """Any sequence of deliveries and deaths, then every message once more: the clean rows, each once."""
    expected, refs = clean
    rig = rigs.make(expected.store, tmp_path, kind="sqlite", bucket=expected.bucket)
    for chosen, fate, commit_objects in history:
        make = Maker.of(rig, PENSTOCK_COMMIT_OBJECTS=str(commit_objects))
        worker = make(_doing(fate))
        try:
            worker.handle([rig.message(*(refs[number] for number in chosen))])
        except DeathError:
            pass
        finally:
            worker.close()
    last = Maker.of(rig)(lambda _: None)
    assert last.handle([rig.message(*refs)]).again == {}
    last.close()
    for table in (PROD.table, REJECTED_TABLE):
        assert differences(rig.rows(table), expected.rows(table)) == (0, 0)
    rig.check(refs)
    named = {path for intent in rig.intents() for path in intent.paths}
    assert rig.standing() - {file.path for file in rig.live()} <= named


def _doing(fate: str) -> Callable[[str], None]:
    lost: list[str] = []

    def step(name: str) -> None:
        if name == fate:
            raise DeathError(name)
        if fate == "answer lost" and name == "committed" and not lost:
            lost.append(name)
            refuse_to_answer(name)

    return step
