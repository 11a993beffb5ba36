"""Named parameters of statements."""

from __future__ import annotations

import pytest

from penstock.errors import QueryError
from penstock.query.parameters import filled


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("SELECT $a", "SELECT 'it''s'"),
        ("SELECT $b, é, $a FROM t WHERE x=$b", "SELECT '2', é, 'it''s' FROM t WHERE x='2'"),
        ("SELECT $a::DATE + $b", "SELECT 'it''s'::DATE + '2'"),
        ("SELECT '$a', \"$b\", $$ $a $$, $t$ $b $t$ -- $a", None),
        ("SELECT /* $a */ 1", None),
        ("SELECT '$a", None),
    ],
)
def test_names_are_filled_in(sql: str, expected: str | None) -> None:
    """Where they are parameters, and nowhere else."""
    assert filled(sql, {"a": "it's", "b": "2"}) == (expected or sql)


@pytest.mark.parametrize("parameter", ["$1", "?"])
def test_a_parameter_without_a_name(parameter: str) -> None:
    """Is refused, with what to write; in a text it is none."""
    with pytest.raises(QueryError, match="expected \\$name, and --param name=<value>"):
        filled(f"SELECT {parameter}", {})
    assert filled(f"SELECT '{parameter}', \"{parameter}\"", {}) == f"SELECT '{parameter}', \"{parameter}\""


def test_a_name_without_a_value() -> None:
    """Is told, with what was given."""
    with pytest.raises(QueryError, match=r"\$day, expected --param day=<value>; given: from, to"):
        filled("SELECT $day", {"from": "1", "to": "2"})
