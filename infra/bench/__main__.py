"""`python -m infra.bench [case …]`: run the bench; exit code 1 when a figure misses its bound."""

from __future__ import annotations

import argparse
import datetime as dt
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from infra.bench import Context, Figure, find, in_order, names
from infra.bench.report import keep, table

_CACHE = Path(__file__).resolve().parents[2] / ".cache"


def main(arguments: Sequence[str]) -> int:
    """Run the cases named (all, when none is) and those they need."""
    parser = argparse.ArgumentParser(prog="python -m infra.bench", description=__doc__)
    parser.add_argument(
        "cases", nargs="*", metavar="case", help=f"one of {', '.join(names())}; all if none is named"
    )
    wanted = tuple(parser.parse_args(arguments).cases) or names()
    for unknown in set(wanted) - set(names()):
        parser.error(f"found case {unknown!r}, expected one of {', '.join(names())}")
    made: dict[str, list[Figure]] = {}
    figures: dict[str, Figure] = {}
    for name in in_order(wanted):
        print(f"{name} …", file=sys.stderr, flush=True)
        with tempfile.TemporaryDirectory(prefix=f"penstock-bench-{name}-") as work:
            made[name] = find(name).run(Context(Path(work), _CACHE / "bench-data", figures))
        figures |= {figure.name: figure for figure in made[name]}
    print(table(figures.values()))
    print(f"\nkept as {keep(_CACHE / 'bench', made, dt.datetime.now(dt.UTC).strftime('%Y%m%dT%H%M%SZ'))}")
    return 1 if any(figure.passed is False for figure in figures.values()) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
