"""Refuses by the words of a text, where its syntax tree cannot be had; and cuts a text into statements.

PIVOT without IN is rewritten by DuckDB's parser into several statements, none of which has a tree.
Its words are judged by the tables' rules, and more strictly: what is a function's name is one
wherever a bracket follows.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass

import duckdb

from penstock.errors import QueryError
from penstock.statement._allowed import (
    refused_file,
    refused_function,
    refused_relation,
    refused_table_function,
    shown,
)

__all__ = ["check_words", "pieces"]

_NAME = re.compile(r'"((?:[^"]|"")*)"|[^\W\d]\w*')
_TEXT = re.compile(r"[eE]?'(.*)'|(\$\w*\$)(.*)\2", re.DOTALL)
_READS = frozenset(
    {"from", "join", "lateral", "pivot", "pivot_longer", "pivot_wider", "table", "unpivot"}
    | {"desc", "describe", "show", "summarize"}
)
"""Words after which a table stands."""

_AFTER_COMMA = _READS | {"on", "using"}
"""Clauses that a comma and another table may follow."""

_CLAUSES = _AFTER_COMMA | {"group", "having", "limit", "order", "qualify", "select", "where", "window"}
_NO_SCALARS = """
SELECT DISTINCT function_name FROM duckdb_functions()
WHERE function_type IN ('table', 'table_macro', 'pragma')
"""


@dataclass(frozen=True, slots=True)
class _Word:
    """A token: where it begins (in bytes), what it names if it names something, else its text."""

    at: int
    text: str
    name: str = ""
    is_table: bool = False


def pieces(sql: str) -> list[str]:
    """The text of each statement, with its comments."""
    data = sql.encode()
    ends = [at for at, _ in duckdb.tokenize(sql) if data[at : at + 1] == b";"]
    cut = zip([0, *(at + 1 for at in ends)], [*ends, len(data)], strict=True)
    return [text for text in (data[begin:end].decode() for begin, end in cut) if duckdb.tokenize(text)]


def check_words(connection: duckdb.DuckDBPyConnection, sql: str) -> None:
    """Refuse one statement by its words; QueryError names the place."""
    functions = {name for (name,) in connection.execute(_NO_SCALARS).fetchall()}
    words = list(_words(sql))
    for number, word in enumerate(words):
        if word.name and (reason := _refused(words[number:], functions)):
            raise QueryError(f"{reason}\n\n{shown(sql, word.at)}")


def _refused(words: Sequence[_Word], functions: Set[str]) -> str:
    """Why the first of the words is refused, or nothing; what follows says what it is."""
    name = words[0].name
    called = len(words) > 1 and words[1].text.startswith("(")
    names = [name]
    for dot, part in zip(words[1::2], words[2::2], strict=False):
        if dot.text != "." or not part.name:
            break
        names.append(part.name)
    return (
        refused_function(name)
        or (refused_table_function(name) if called and name.lower() in functions else "")
        or refused_relation(*names)
        or (refused_file(*names) if words[0].is_table else "")
    )


def _words(sql: str) -> Iterator[_Word]:
    """Every token; the clause that it stands in is followed through the brackets."""
    data = sql.encode()
    places = [at for at, _ in duckdb.tokenize(sql)]
    clauses, before = [""], ""
    for at, end in zip(places, [*places[1:], len(data)], strict=True):
        text = data[at:end].decode()
        is_table = before in _READS or (before in (",", "(", ":") and clauses[-1] in _AFTER_COMMA)
        if found := _TEXT.match(text) or _NAME.match(text):
            name = next(group for group in (*found.groups()[::-1], found[0]) if group is not None)
            yield _Word(at, found[0], name.replace('""', '"'), is_table)
        else:
            yield _Word(at, text.strip())
        before = found[0].lower() if found else text[0]
        if before in _CLAUSES:
            clauses[-1] = before
        elif before in ("(", "[", "{"):
            clauses.append("from" if is_table else "")
        elif before in (")", "]", "}") and len(clauses) > 1:
            clauses.pop()
