"""A layout read folder by folder leads to every key that it matches, and to few others."""

from __future__ import annotations

import datetime as dt
import re

import pytest

from penstock.layout import Layout, compile_layout
from penstock.layout.folders import _SLASHED
from penstock.layout.grok import PATTERNS

DAY = "%{YEAR:year}/%{MONTHNUM:month}/%{MONTHDAY:day}"


def way(layout: Layout, path: str) -> list[tuple[bool, str | None]]:
    """Of each way to read a folder: is everything below it wanted, and the only name that can follow."""
    return sorted(((one.whole, one.names.only) for one in layout.folder(path)), key=str)


@pytest.mark.parametrize(
    ("layout", "path", "expected"),
    [
        # Before a layout without ^ stands anything, until its first part is found.
        ("logs/%{DATA:app}/x", "", [(False, None)]),
        ("logs/%{DATA:app}/x", "any/where/", [(False, None)]),
        ("logs/%{DATA:app}/x", "any/logs/", [(False, None), (False, None)]),
        ("logs/%{DATA:app}/x", "any/my-logs/a/", [(True, None)]),
        ("^logs/%{DATA:app}/x", "", [(False, "logs")]),
        ("^logs/%{DATA:app}/x", "any/", []),
        ("^logs/%{DATA:app}/x", "logs/", [(False, None)]),
        ("^logs/%{DATA:app}/x", "logs/a/", [(True, None)]),
        # DATA between slashes is one folder, GREEDYDATA any number.
        (f"^a/%{{DATA:b}}/{DAY}/", "a/b/c/", []),
        (f"^a/%{{GREEDYDATA:b}}/{DAY}/", "a/b/c/", [(False, None)]),
        (f"^a/%{{GREEDYDATA:b}}/{DAY}/", "a/b/c/2026/", [(False, None), (False, None)]),
        (f"^a/%{{GREEDYDATA:b}}/{DAY}/", "a/b/c/2026/01/", [(False, None)]),
        (f"^a/%{{GREEDYDATA:b}}/{DAY}/", "a/b/c/2026/01/x/", []),
        (f"^a/%{{GREEDYDATA:b}}/{DAY}/", "a/b/c/2026/x/", [(False, None)]),
        (f"^a/%{{GREEDYDATA:b}}/{DAY}/", "a/b/26/x/", [(False, None)]),
        (f"^a/.*/{DAY}/", "a/b/c/2026/01/31/", [(True, None)]),
        (f"%{{DATA:b}}/{DAY}/", "a/b/c/2026/01/31/", [(True, None)]),
        # Dates may share a folder with text; hours are listed with their day.
        ("^year=%{YEAR:year}/month=%{MONTHNUM:month}/", "year=2026/month=1/", [(True, None)]),
        ("^year=%{YEAR:year}/month=%{MONTHNUM:month}/", "year=2026/month=13/", []),
        (f"^{DAY}/%{{HOUR:hour}}/%{{DATA}}", "2026/01/31/", [(True, None)]),
        (f"^{DAY}/%{{WORD:app}}/%{{DATA}}", "2026/01/31/", [(False, None)]),
        # Optional groups are tried with and without.
        (f"^a/(%{{DATA:o}}/)?b/{DAY}/", "a/", [(False, "b"), (False, None)]),
        (f"^a/(%{{DATA:o}}/)?b/{DAY}/", "a/b/", [(False, "b"), (False, None)]),
        (f"^a/(%{{DATA:o}}/)?b/{DAY}/", "a/o/b/", [(False, None)]),
        # What may hold a slash ends the reading: everything below is listed.
        ("^a/(b/c|d)/x", "a/", [(True, None)]),
        ("^a/%{DATE_EU:d}/x", "a/", [(True, None)]),
        ("^a//?b/x", "a/", [(True, None)]),
    ],
)
def test_folders(layout: str, path: str, expected: list[tuple[bool, str | None]]) -> None:
    """Each convention, as docs/sweep.md tells it."""
    assert way(compile_layout(layout), path) == expected


def test_what_a_pattern_of_ones_own_holds() -> None:
    """A pattern of the configuration ends the reading where it has a slash in it, and only there."""
    patterns = {"APP": "(?:web|api)", "PLACE": r"[a-z]+/[0-9]+"}
    assert way(compile_layout("^a/%{APP:app}/x", patterns), "a/web/") == [(True, None)]
    assert way(compile_layout("^a/%{APP:app}/x", patterns), "a/db/") == []
    assert way(compile_layout("^a/%{PLACE:p}/x", patterns), "a/") == [(True, None)]


@pytest.mark.parametrize("prefix", ["logs", "logs/", "lo"])
def test_a_prefix(prefix: str) -> None:
    """With a prefix the layout begins right behind it or takes the whole key."""
    behind, whole = (compile_layout(text, {}, prefix) for text in (f"^/?{DAY}/", f"^logs/{DAY}/"))
    assert behind.folder(prefix)
    assert whole.folder(prefix)
    found = whole.folder("logs/2026/01/31/")
    assert [whole.span(one.captures) for one in found] == [
        whole.span({"year": "2026", "month": "1", "day": "31"})
    ]


def test_a_tail_of_text_narrows_the_listing() -> None:
    """What every wanted name begins with is part of the prefix to list."""
    (reading,) = compile_layout("^a/app-%{DATA}.gz").folder("a/")
    assert (reading.whole, reading.tail) == (True, "app-")
    (deeper,) = compile_layout("^a/app-%{DATA}.gz").folder("a/app-1/")
    assert (deeper.whole, deeper.tail) == (True, "")
    assert compile_layout("^a/app-%{DATA}.gz").folder("a/b/") == []
    found = compile_layout("^a/app-%{DATA}.gz", {}, "a/ap").folder("a/ap")
    assert {(one.whole, one.tail, one.names.only) for one in found} == {(True, "", None), (False, "", "a")}


def test_a_name_that_begins_with_a_date() -> None:
    """What stands before year, month and day is known, so that a listing can begin at a day."""
    flat = "^logs/app.%{YEAR:year}-%{MONTHNUM:month}_%{MONTHDAY:day}-%{HOUR:hour}"
    (reading,) = compile_layout(flat.replace("app.", "app")).folder("logs/")
    assert reading.dates == ("app", "-", "_")
    (vague,) = compile_layout(flat).folder("logs/")
    assert vague.dates == ()


@pytest.mark.parametrize("name", sorted(set(PATTERNS) - _SLASHED))
def test_which_patterns_hold_a_slash(name: str) -> None:
    """Every grok pattern in which a slash is written, on purpose and not by a class, is known as such."""
    written = re.sub(r"\[[^\]]*\]", "", PATTERNS[name])
    assert "/" not in written


@pytest.mark.parametrize(
    ("captures", "expected"),
    [
        ({"year": "2026"}, ("2026-01-01", "2027-01-01")),
        ({"year": "24", "month": "2"}, ("2024-02-01", "2024-03-01")),
        ({"year": "2026", "month": "12"}, ("2026-12-01", "2027-01-01")),
        ({"year": "2026", "month": "12", "day": "31"}, ("2026-12-31", "2027-01-01")),
        ({"year": "2026", "month": "1", "day": "31", "hour": "23"}, ("2026-01-31T23:00", "2026-02-01")),
        ({"year": "9999", "month": "12"}, ("9999-12-01", "9999-12-31T23:59:59.999999")),
        ({"year": "2026", "month": "2", "day": "30"}, None),
        ({"month": "2"}, None),
        ({"year": "x"}, None),
    ],
)
def test_the_span_of_a_time(captures: dict[str, str], expected: tuple[str, str] | None) -> None:
    """A year, month, day or hour ends where the next one begins."""
    span = compile_layout("x").span(captures)
    if expected is None:
        assert span is None
    else:
        assert span == tuple(dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC) for text in expected)
