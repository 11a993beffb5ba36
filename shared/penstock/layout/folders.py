"""Which folders of a bucket can hold keys that a layout matches, and for which time.

Listing goes from folder to folder, so here a layout is read folder by folder and not as one
expression. It means the same, with three conventions that keep a listing short:

- `%{DATA}` and its kind between two slashes are one folder. `%{GREEDYDATA}` (or `.*`) alone between
  two slashes is any number of folders, and so is what stands before a layout without `^`.
- Any number of folders ends at the first two that read as the next two parts of the layout, if the
  first of those holds fixed text or a year of four digits.
- From a part on that may itself hold a slash (`(a/b|c)`, `%{DATE_EU}`) everything below is taken.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from penstock.layout.expression import variant
from penstock.layout.grok import ALPHABETS
from penstock.layout.parse import Alternation, Node, Raw, Token

__all__ = ["Names", "Reading", "Route", "readings", "route"]

_TIMES = ("year", "month", "day", "hour", "minute", "second")
_DIGITS = frozenset({"YEAR", "MONTHNUM", "MONTHNUM2", "MONTHDAY"})
_SLASHED = frozenset(
    {
        "DATESTAMP", "DATE_EU", "DATE_US", "HTTPDATE", "PATH", "UNIXPATH", "URI", "URIPATH",
        "URIPATHPARAM",
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Names:
    """What is known of the names that a folder can have, before any of them is listed.

    `only`: there is but this one. `dates`: each begins with a time, these texts standing before its
    parts, of which the first is the `unit`-th (0 the year, 1 the month, 2 the day); `ends`: nothing
    follows them. `most`: none begins with a greater character ("": it may be any).
    """

    only: str | None = None
    unit: int = 0
    dates: tuple[str, ...] = ()
    ends: bool = False
    most: str = ""


@dataclass(frozen=True, slots=True)
class _Step:
    """One folder: `expression` fits its whole name; None stands for any number of folders.

    `certain`: it holds fixed text, so that nothing else is read as it by chance.
    """

    expression: re.Pattern[str] | None = None
    groups: tuple[str, ...] = ()
    names: Names = Names()
    certain: bool = False


@dataclass(frozen=True, slots=True)
class Route:
    """One way of folders that a layout describes, and what the names below them begin with.

    `dates`: the names go on with a date, and these texts stand before its year, month and so on.
    """

    steps: tuple[_Step, ...]
    tail: str
    dates: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Reading:
    """One way to read a folder: as the first `at` steps of a route, with these captures.

    `whole`: everything below is to be listed, by keys that begin with the folder and `tail`. With
    `dates` the names below begin with the time, each part of it behind one of these texts.
    `names` are those that a wanted folder below can have.
    """

    at: int
    captures: Mapping[str, str]
    whole: bool
    tail: str
    dates: tuple[str, ...]
    names: Names


_State = tuple[Route, int, Mapping[str, str]]
"""A way, how many of its steps are read, and what they captured."""


def route(nodes: Sequence[Node]) -> Route:
    """The folders that a layout without optional groups describes."""
    anchored = bool(nodes) and nodes[0] == Raw(r"\A")
    *folders, last = _cut(nodes[1:] if anchored else nodes)
    steps: list[_Step] = [] if anchored else [_Step()]
    for segment in folders:
        if any(map(_slashed, segment)):
            last = []
            break
        within = bool(steps) and steps[-1].expression is None  # any number of folders lie before it
        first = not anchored and len(steps) == 1
        if _any_number(segment) or (within and _anything(segment)):
            steps += [] if within else [_Step()]
        else:
            steps.append(_step(segment, anywhere=first))
    if steps and steps[-1].expression is None:
        return Route(tuple(steps[:-1]), "")
    return Route(tuple(steps), _literal_start(last), _dates(last, 0))


def readings(ways: Sequence[Route], text: str) -> Iterator[Reading]:
    """How the folders in `text` fit: each ends in a slash, what follows the last one begins a name.

    `ways` are those of one layout.
    """
    *names, begun = text.split("/")
    states: list[_State] = [(way, 0, {}) for way in ways]
    for name in names:
        states = _settled([after for state in states for after in _advance(*state, name)])
    for way, at, captures in states:
        rest = way.steps[at:]
        whole = not rest or ("day" in captures and all(_is_time(step) for step in rest))
        at_tail = at == len(way.steps) and not begun
        yield Reading(
            at,
            captures,
            whole,
            tail=way.tail if at_tail else "",
            dates=way.dates if at_tail else (),
            names=Names() if whole or begun else rest[0].names,
        )


def _advance(way: Route, at: int, captures: Mapping[str, str], name: str) -> Iterator[_State]:
    if at >= len(way.steps):  # in a folder that the tail holds
        if at > len(way.steps) or name.startswith(way.tail):
            yield way, len(way.steps) + 1, captures
        return
    loose = way.steps[at].expression is None
    step = way.steps[at + loose]
    match = step.expression.match(name) if step.expression else None
    if match:
        found = {n: v for n, v in zip(step.groups, match.groups()) if v is not None}
        yield way, at + loose + 1, {**found, **captures}
    if loose:
        yield way, at, captures


def _settled(states: list[_State]) -> list[_State]:
    """Without those that wait where any number of folders may be, or went on from there just now, if
    another one went on from there before, and certainly enough. All ways begin at the same place.
    """
    left: set[tuple[int, int]] = set()
    for way, at, captures in states:
        for index in range(min(at, len(way.steps)) - 2):
            waiting, after = way.steps[index], way.steps[index + 1]
            year = captures.get("year", "") if "year" in after.groups else ""
            if waiting.expression is None and (after.certain or len(year) == 4):
                only = id(way) if index else 0
                left.add((only, index))
                if way.steps[index + 2].expression is not None:
                    left.add((only, index + 2))
    return [one for one in states if not left.intersection(((0, one[1]), (id(one[0]), one[1])))]


def _cut(nodes: Sequence[Node]) -> list[list[Node]]:
    """The nodes between slashes; a slash that may be missing or come twice does not cut."""
    segments: list[list[Node]] = [[]]
    for node in nodes:
        if node == Raw("/", "/"):
            segments.append([])
        else:
            segments[-1].append(node)
    return segments


def _step(segment: list[Node], *, anywhere: bool) -> _Step:
    chars = [n.char for n in segment if isinstance(n, Raw) and n.char is not None and not n.quantifier]
    begin = [] if anywhere else [Raw(r"\A")]
    made = variant([*begin, *segment, Raw(r"\Z")])
    certain = any(char.isalnum() for char in chars)
    return _Step(made.expression, made.groups, Names() if anywhere else _names(segment, chars), certain)


def _names(segment: list[Node], chars: list[str]) -> Names:
    if len(chars) == len(segment):
        return Names("".join(chars))
    begins = next((n.name for n in segment if isinstance(n, Token)), None)
    unit = _TIMES.index(begins) if begins in _TIMES[:3] else 0
    dates = _dates(segment, unit)
    ends = sum(map(len, dates)) + len(dates) == len(segment)
    return Names(None, unit, dates, ends, _most(segment))


def _most(segment: list[Node]) -> str:
    """The greatest character that this can begin with, where that is plain to see."""
    first = segment[0] if segment else None
    if isinstance(first, Raw):
        return first.char or "" if not first.quantifier else ""
    if isinstance(first, Token) and first.body is None and not first.quantifier:
        return max(ALPHABETS.get(first.pattern, ""), default="")
    return ""


def _slashed(node: Node) -> bool:
    """Whether this can hold a slash that is written in it."""
    if isinstance(node, Raw):
        return node.char == "/"
    if isinstance(node, Alternation):
        return any(_slashed(inner) for branch in node.branches for inner in branch)
    return any(map(_slashed, node.body)) if node.body is not None else node.pattern in _SLASHED


def _any_number(segment: list[Node]) -> bool:
    if len(segment) != 1:
        return False
    node = segment[0]
    if isinstance(node, Token):
        return node.pattern == "GREEDYDATA" and node.body is None
    return isinstance(node, Raw) and node.regex == "." and node.quantifier[:1] in ("*", "+")


def _anything(segment: list[Node]) -> bool:
    return len(segment) == 1 and isinstance(segment[0], Token) and segment[0].pattern in ("DATA", "NOTSPACE")


def _is_time(step: _Step) -> bool:
    return bool(step.groups) and set(step.groups) <= set(_TIMES)


def _dates(segment: list[Node], unit: int) -> tuple[str, ...]:
    """What stands before year, month and day of a name that begins with a date, from that unit on."""
    found: list[str] = []
    between = ""
    for node in segment:
        if isinstance(node, Raw) and node.char is not None and not node.quantifier:
            between += node.char
        elif _is_digits(node, _TIMES[unit + len(found)]):
            found.append(between)
            between = ""
            if unit + len(found) == 3:
                break
        else:
            break
    return tuple(found)


def _is_digits(node: Node, name: str) -> bool:
    plain = isinstance(node, Token) and node.body is None and not node.quantifier
    return plain and isinstance(node, Token) and node.name == name and node.pattern in _DIGITS


def _literal_start(segment: list[Node]) -> str:
    found = ""
    for node in segment:
        if not isinstance(node, Raw) or node.char is None or node.quantifier:
            break
        found += node.char
    return found
