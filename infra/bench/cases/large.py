"""Large: one object of 300 MB inflated, and one of 1 GB: time per event, and memory that does not grow."""

from __future__ import annotations

from infra.bench import Context, Figure
from infra.bench.alone import Measured, alone
from infra.bench.collecting import collect
from infra.bench.data import one_object

NEEDS: tuple[str, ...] = ("collect",)

_SIZES = (("300 MB", 300_000_000, 4), ("1 GB", 1_000_000_000, 2))
_MOST_MB = 700
_CALL = f"{collect.__module__}:collect"


def run(context: Context) -> list[Figure]:
    """Each size in a process of its own; memory is its high-water mark, imports and all."""
    return [figure for size in _SIZES for figure in _one(context, *size)]


def _one(context: Context, name: str, inflated: int, runs: int) -> list[Figure]:
    data = one_object(context.data, inflated)

    def measured(number: int) -> Measured:
        work = context.work / f"{inflated}-{number}"
        took = alone(_CALL, objects=str(data.objects), work=str(work))
        if took.result["events"] != data.events:
            raise RuntimeError(f"{name}: stored {took.result['events']} rows, expected {data.events}")
        return took

    took = [measured(number) for number in range(runs)]
    cpu = min(float(one.result["cpu"]) for one in took)
    slower = cpu / data.events * context.value("collect")
    note = f"{data.events:,} events, {data.inflated / cpu / 1e6:.0f} MB/s inflated, {cpu:.2f} s cpu"
    return [
        Figure(f"one object of {name}, time per event", slower, "x", 1.5, "<=", f"of the 200's; {note}"),
        Figure(
            f"one object of {name}, peak memory",
            max(one.peak_mb for one in took),
            "MB",
            _MOST_MB,
            "<=",
            "resident, of the whole process",
        ),
    ]
