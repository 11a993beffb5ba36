"""A source's position: written and read back, and never forgetting what lies in the overlap."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from penstock.poll import memory
from penstock.poll.memory import Memory

MARKS = st.integers(0, 10**9).map(lambda number: Memory.mark(str(number)))
SEEN = st.lists(st.tuples(st.integers(0, 10**6), MARKS), max_size=20).map(tuple)


@given(until=st.integers(0, 10**6), floor=st.integers(0, 10**6), seen=SEEN)
def test_what_is_written_is_read(until: int, floor: int, seen: tuple[tuple[int, str], ...]) -> None:
    """The ledger's text holds all of it."""
    made = Memory(until, floor, seen)
    assert Memory.read(made.text()) == made


@given(more=SEEN, overlap=st.integers(0, 10**6))
def test_it_remembers_the_overlap_and_no_more(more: tuple[tuple[int, str], ...], overlap: int) -> None:
    """Everything since the overlap's beginning is there, nothing older."""
    after = Memory(0, 0).after(10**6, overlap, more)
    assert set(after.seen) == {one for one in more if one[0] >= 10**6 - overlap}


def test_too_many_shorten_the_overlap() -> None:
    """Of one time all are remembered or none, and what is not remembered is not looked at again."""
    most = memory.MOST_IDS
    more = [(second, Memory.mark(f"{second}-{n}")) for second in range(10) for n in range(most // 5)]
    after = Memory(0, 0).after(10, 10, more)
    assert len(after.seen) <= most
    assert after.floor == min(second for second, _ in after.seen)
    assert {one for one in more if one[0] >= after.floor} == set(after.seen)


def test_g2_two_of_the_longest_fit_into_an_item() -> None:
    """A commit's item holds the position before and after: of 400 KB, with some room for the rest."""
    most, days = memory.MOST_IDS, 30 * 86_400_000
    after = Memory(0, 0).after(days, days, [(days - n, Memory.mark(f"{n}")) for n in range(most)])
    assert len(after.seen) == most
    assert 2 * len(after.text()) < 395_000
