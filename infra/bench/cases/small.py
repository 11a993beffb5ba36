"""Small: 4,000 objects of 8 events, as quiet accounts deliver them."""

from __future__ import annotations

from infra.bench import Context, Figure
from infra.bench.alone import alone
from infra.bench.collecting import collect, steps_note
from infra.bench.data import SMALL, dataset

NEEDS: tuple[str, ...] = ()

_RUNS = 4
_CALL = f"{collect.__module__}:collect"


def run(context: Context) -> list[Figure]:
    """Objects a second of processor time, the store's own taken off; and the steps."""
    data = dataset(context.data, SMALL)
    runs = [
        alone(_CALL, objects=str(data.objects), work=str(context.work / str(n))).result for n in range(_RUNS)
    ]
    steps = alone(_CALL, objects=str(data.objects), work=str(context.work / "steps"), watched=True).result[
        "steps"
    ]
    for result in runs:
        if (result["objects"], result["events"]) != (SMALL.objects, data.events):
            raise RuntimeError(f"small: collected {result}, expected {SMALL.objects} objects")
    best = min(runs, key=lambda result: float(result["cpu"] - result["store"]))
    own = best["cpu"] - best["store"]
    note = f"{best['cpu']:.2f} s cpu, of it the store {best['store']:.2f}; {best['commits']} commits"
    return [
        Figure("small", best["objects"] / own, "objects/s", 1_000, note=note),
        Figure("small, steps", sum(steps.values()), "s cpu", note=steps_note(steps)),
    ]
