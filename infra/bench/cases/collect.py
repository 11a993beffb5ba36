"""Collect: 200 objects of 1,000 events through the real worker, beside the floor and the naive Lambda.

Rates and ratios are by processor time (user and system, all threads of the process): wall time
depends on what else the machine does. The store is a folder, its own time next to nothing.
"""

from __future__ import annotations

from functools import partial
from itertools import count
from typing import Any

from infra.bench import Context, Figure
from infra.bench.alone import Measured, alone, in_turns
from infra.bench.cases import floor
from infra.bench.collecting import collect, steps_note
from infra.bench.data import STANDARD, dataset

NEEDS: tuple[str, ...] = ("naive",)

_RUNS = 5
_CALL = f"{collect.__module__}:collect"


def run(context: Context) -> list[Figure]:
    """One fetcher and one DuckDB thread; then two fetchers; then once more to see the steps."""
    data = dataset(context.data, STANDARD, lines=True)

    numbers = count()

    def measured(**arguments: Any) -> Measured:
        work = context.work / f"run-{next(numbers)}"
        took = alone(_CALL, objects=str(data.objects), work=str(work), **arguments)
        if took.result["events"] != data.events:
            raise RuntimeError(f"collect: stored {took.result['events']} rows, expected {data.events}")
        return took

    least, one, two = in_turns(_RUNS, partial(floor.once, context), measured, partial(measured, fetchers=2))
    steps = measured(watched=True).result["steps"]
    rate = data.events / one.result["cpu"]
    return [
        Figure("collect", rate, "events/s", note=_note(one, data.inflated)),
        Figure(
            "collect / floor", least.cpu / one.result["cpu"], "x", 0.5, note=f"floor {least.cpu:.2f} s cpu"
        ),
        Figure("collect / naive", rate / context.value("naive"), "x", 5.0, note="by processor time"),
        Figure(
            "collect / naive, nested as text",
            rate / context.value("naive, nested as text"),
            "x",
            note="the lighter naive, which leaves userIdentity unread",
        ),
        Figure(
            "collect, 2 fetchers", data.events / two.result["cpu"], "events/s", note=_note(two, data.inflated)
        ),
        Figure("collect, peak memory", one.peak_mb, "MB", note="resident, of the whole process"),
        Figure("collect, steps", sum(steps.values()), "s cpu", note=steps_note(steps)),
    ]


def _note(took: Measured, inflated: int) -> str:
    cpu, wall = took.result["cpu"], took.result["seconds"]
    return f"{inflated / cpu / 1e6:.0f} MB/s inflated, {cpu:.2f} s cpu, {wall:.2f} s wall"
