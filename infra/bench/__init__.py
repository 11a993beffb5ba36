"""The bench: speed, memory and cost of collecting, as ratios measured in one run.

`python -m infra.bench` runs every case of `cases/` (or those named) and the cases they need, prints
one table with ratio, bound and verdict, and leaves the figures as JSON under `.cache/bench/`. A
case is one small file with `run(context)`; its file's name registers it. To add one, write the file.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from infra.bench import cases

__all__ = ["Case", "Context", "Figure", "find", "in_order", "names"]


@dataclass(frozen=True, slots=True)
class Figure:
    """One number of a case. `bound` is what it must reach (`>=`) or keep under (`<=`), if anything."""

    name: str
    value: float
    unit: str
    bound: float | None = None
    sense: Literal[">=", "<="] = ">="
    note: str = ""

    @property
    def passed(self) -> bool | None:
        """Whether it keeps its bound; None when it has none."""
        if self.bound is None:
            return None
        return self.value >= self.bound if self.sense == ">=" else self.value <= self.bound


@dataclass(frozen=True, slots=True)
class Context:
    """What a case gets: where it may write (`work`), where data is kept (`data`), figures so far."""

    work: Path
    data: Path
    figures: Mapping[str, Figure]

    def value(self, name: str) -> float:
        """A figure of a case that this one needs."""
        return self.figures[name].value


class Case(Protocol):
    """A module of `cases/`; its docstring's first line is its title."""

    NEEDS: tuple[str, ...]

    def run(self, context: Context) -> list[Figure]:
        """Measure; figures of needed cases are in `context`."""
        ...


def names() -> tuple[str, ...]:
    """Names of all cases, sorted."""
    return tuple(sorted(module.name for module in pkgutil.iter_modules(cases.__path__)))


def find(name: str) -> Case:
    """The case of that name; KeyError when there is none."""
    if name not in names():
        raise KeyError(name)
    module: Case = importlib.import_module(f"{cases.__name__}.{name}")
    return module


def in_order(wanted: tuple[str, ...]) -> list[str]:
    """The cases wanted and all that they need, each after its needs."""
    order: list[str] = []

    def visit(name: str) -> None:
        if name not in order:
            for need in find(name).NEEDS:
                visit(need)
            order.append(name)

    for name in wanted:
        visit(name)
    return order
