"""Shows the figures of a run as one aligned table, and keeps them as JSON."""

from __future__ import annotations

import json
import platform
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import duckdb

from infra.bench import Figure

__all__ = ["keep", "table"]

_VERDICT = {True: "pass", False: "FAIL", None: ""}


def table(figures: Iterable[Figure]) -> str:
    """Name, value, unit, bound, verdict and note of each figure, in columns."""
    rows = [("figure", "value", "unit", "bound", "verdict", "note")]
    for figure in figures:
        bound = "" if figure.bound is None else f"{figure.sense} {_number(figure.bound)}"
        rows.append(
            (figure.name, _number(figure.value), figure.unit, bound, _VERDICT[figure.passed], figure.note)
        )
    widths = [max(len(row[at]) for row in rows) for at in range(5)]
    return "\n".join(_line(row, widths) for row in rows)


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    aligned = [
        cell.rjust(width) if at == 1 else cell.ljust(width)
        for at, (cell, width) in enumerate(zip(row, widths))
    ]
    return "  ".join((*aligned, row[5])).rstrip()


def _number(value: float) -> str:
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}" if abs(value) < 10 else f"{value:.1f}"


def keep(folder: Path, figures: Mapping[str, Sequence[Figure]], stamp: str) -> Path:
    """Write the figures by case to `<folder>/<stamp>.json` and to `latest.json`; the former's path."""
    folder.mkdir(parents=True, exist_ok=True)
    shown = {
        "machine": {
            "system": platform.system(),
            "architecture": platform.machine(),
            "python": platform.python_version(),
            "duckdb": duckdb.__version__,
        },
        "cases": {case: [_plain(figure) for figure in made] for case, made in figures.items()},
    }
    text = json.dumps(shown, indent=2) + "\n"
    path = folder / f"{stamp}.json"
    for target in (path, folder / "latest.json"):
        target.write_text(text)
    return path


def _plain(figure: Figure) -> dict[str, object]:
    return {
        "name": figure.name,
        "value": figure.value,
        "unit": figure.unit,
        "bound": figure.bound,
        "sense": figure.sense,
        "passed": figure.passed,
        "note": figure.note,
    }
