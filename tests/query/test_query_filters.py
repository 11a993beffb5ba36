"""--from, --to, --partition and --index leave out exactly what they say."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

import pytest
from tests.query.asking import Asker
from tests.query.hives import FIRST_DAY, LOGIN, Hive, rows_of

from penstock.errors import UsageError
from penstock.model import PartitionId

OTHER = PartitionId("login", "dev_eu")
LOGOUT = PartitionId("logout", "prod")
NUMBERS = "SELECT string_agg(n::VARCHAR, ' ' ORDER BY n) FROM {}"


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asker]:
    """login.prod rows 0 1 2 (index a1), login.dev_eu 10 11 (index b1 and b2), logout.prod 20."""
    hive = Hive(tmp_path_factory.mktemp("full"))
    hive.commit([hive.put(FIRST_DAY, rows_of(FIRST_DAY, 3), index="a1")])
    two = [
        hive.put(FIRST_DAY, rows_of(FIRST_DAY, 1, 10 + n), partition=OTHER, index=f"b{n + 1}")
        for n in range(2)
    ]
    hive.commit(two, partition=OTHER)
    hive.commit([hive.put(FIRST_DAY, rows_of(FIRST_DAY, 1, 20), partition=LOGOUT)], partition=LOGOUT)
    asker = Asker(hive)
    yield asker
    for session in asker.opened:
        session.close()


@pytest.mark.parametrize(
    ("patterns", "login", "logout"),
    [
        ((), "0 1 2 10 11", "20"),
        (("login.prod",), "0 1 2", None),
        (("login",), "0 1 2 10 11", None),
        (("LOGIN.Prod",), "0 1 2", None),
        (("prod",), "0 1 2", "20"),
        (("log*.prod",), "0 1 2", "20"),
        (("*.dev_??",), "10 11", None),
        (("login.prod", "logout"), "0 1 2", "20"),
        (("*",), "0 1 2 10 11", "20"),
        (("dev*",), "10 11", None),
    ],
)
def test_partition_patterns(
    full: Asker, patterns: tuple[str, ...], login: str | None, logout: str | None
) -> None:
    """A bare name is a table if one matches, else a partition of any table."""
    session = full.session(partitions=patterns)
    assert session.connection.sql(NUMBERS.format("login")).fetchone() == (login,)
    assert session.connection.sql(NUMBERS.format("logout")).fetchone() == (logout,)


@pytest.mark.parametrize("pattern", ["nothing", "login.nothing", "login.[p]rod", "log.prod"])
def test_partition_that_is_not_there_is_refused_with_what_is(full: Asker, pattern: str) -> None:
    """A typing error does not look like an empty answer."""
    with pytest.raises(
        UsageError, match=r"no partition matches; there are login\.dev_eu, login\.prod, logout"
    ):
        full.session(partitions=(pattern,))


@pytest.mark.parametrize(
    ("patterns", "login"),
    [(("a1",), "0 1 2"), (("b*",), "10 11"), (("?2", "A1"), "0 1 2 11"), (("none",), None), (("b",), None)],
)
def test_index_patterns(full: Asker, patterns: tuple[str, ...], login: str | None) -> None:
    """Values of tp_index, with wildcards; one that is nowhere gives no rows."""
    assert full(NUMBERS.format("login"), indexes=patterns) == [(login,)]


@pytest.fixture(scope="module")
def timed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asker]:
    """Rows 0 1 2 on FIRST_DAY and 10 11 12 on the next, at 0, 1 and 2 o'clock."""
    hive = Hive(tmp_path_factory.mktemp("timed"))
    day = FIRST_DAY + dt.timedelta(days=1)
    hive.commit([hive.put(FIRST_DAY, rows_of(FIRST_DAY, 3)), hive.put(day, rows_of(day, 3, 10))])
    asker = Asker(hive)
    yield asker
    for session in asker.opened:
        session.close()


def at(hour: int, minute: int = 0, day: int = 0) -> dt.datetime:
    """A time on FIRST_DAY (plus days)."""
    return dt.datetime.combine(FIRST_DAY, dt.time(hour, minute), dt.UTC) + dt.timedelta(days=day)


@pytest.mark.parametrize(
    ("from_", "to", "expected"),
    [
        (at(1), None, "1 2 10 11 12"),
        (None, at(1), "0 1"),
        (at(1), at(1), "1"),
        (at(1, 1), at(1, 59), None),
        (at(2), at(0, day=1), "2 10"),
        (at(3, day=0).astimezone(dt.timezone(dt.timedelta(hours=5))) - dt.timedelta(hours=2), at(2), "1 2"),
        (at(3, day=5), None, None),
    ],
)
def test_both_ends_of_the_time_are_in(
    timed: Asker, from_: dt.datetime | None, to: dt.datetime | None, expected: str | None
) -> None:
    """Inclusive on tp_timestamp, with the time of day, in any zone."""
    assert timed(NUMBERS.format("login"), from_=from_, to=to) == [(expected,)]


def test_filters_hold_whatever_the_statement_says(full: Asker) -> None:
    """An OR in the statement does not open the view."""
    assert full("SELECT count(*) FROM login WHERE n = 0 OR true", partitions=(str(LOGIN),)) == [("3",)]
