"""Completes SQL: what can stand at the cursor, the likeliest first."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from penstock.cli._shell.scope import Relation, Scope, scope_at
from penstock.cli._shell.standing import (
    ELEMENT,
    compared_with,
    operand_follows,
    path_before,
    wants_relation,
)
from penstock.cli._shell.vocabulary import Columns, Vocabulary, members
from penstock.cli._shell.words import Word, name_of, statement_around
from penstock.sql import identifier, literal

__all__ = ["MOST", "Suggestion", "matching", "suggest"]

MOST = 200
"""Suggestions that are worth a menu."""

_STARTS = ("select", "from", "with", "describe", "show", "summarize", "explain", "pivot", "unpivot", "values")
_COMMON = (
    "select", "from", "where", "group by", "order by", "limit", "join", "left join", "and", "or", "not",
    "as", "on", "in", "is null", "is not null", "like", "ilike", "between", "interval", "case", "when",
    "then", "else", "end", "distinct", "having", "qualify", "with", "union all", "using", "desc", "asc",
    "count(*)",
)  # fmt: skip
_VALUED = ("tp_partition", "tp_index")


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A text that can take the place of the last `replaced` characters before the cursor.

    `shown` stands in the menu, with `note` beside it: what it is.
    """

    text: str
    replaced: int
    shown: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class _Place:
    """Where the cursor is: the words before the one being typed, that one, and what is in scope.

    `asked`: the person asked for suggestions by key, so that too many are better than none.
    """

    ahead: Sequence[Word]
    typed: Word | None
    scope: Scope
    vocabulary: Vocabulary
    asked: bool

    @property
    def prefix(self) -> str:
        """What is typed of a name."""
        return name_of(self.typed) if self.typed else ""

    @property
    def previous(self) -> Word | None:
        """The word before."""
        return self.ahead[-1] if self.ahead else None


def suggest(vocabulary: Vocabulary, before: str, after: str = "", *, asked: bool = True) -> list[Suggestion]:
    """What can stand between the two parts of a text of SQL, at most MOST, the likeliest first."""
    ahead, behind = statement_around(before, after)
    typed: Word | None = None
    if ahead and ahead[-1].end == len(before):
        last = ahead[-1]
        if last.kind == "comment" and last.open:
            return []
        if last.kind == "number" or (last.kind in ("text", "comment", "quoted") and not last.open):
            return []
        if last.kind in ("name", "quoted", "text"):
            typed = ahead.pop()
    ahead = [word for word in ahead if word.kind != "comment"]
    scope = scope_at(ahead, behind, vocabulary)
    place = _Place(ahead, typed, scope, vocabulary, asked)
    return _unique(_values_in_text(place, after) if typed and typed.kind == "text" else _names(place))


def matching(prefix: str, candidates: Iterable[str]) -> Iterator[tuple[int, str]]:
    """Those that begin with `prefix` (0), that have a part beginning with it (1), that hold it (2).

    Case does not matter; a part begins behind an underscore, a dot or a hyphen.
    """
    wanted = prefix.lower()
    for candidate in candidates:
        name = candidate.lower()
        at = name.find(wanted)
        if at == 0:
            yield 0, candidate
        elif at > 0 and (name[at - 1] in "_.-" or any(f"{sign}{wanted}" in name for sign in "_.-")):
            yield 1, candidate
        elif at > 0 and len(wanted) > 2:
            yield 2, candidate


def _unique(found: Iterable[tuple[int, Suggestion]]) -> list[Suggestion]:
    """By how well they match, then in the order in which they were thought of."""
    kept: dict[str, Suggestion] = {}
    for _, suggestion in sorted(found, key=lambda pair: pair[0]):
        kept.setdefault(suggestion.text.lower(), suggestion)
    return list(kept.values())[:MOST]


def _names(place: _Place) -> Iterator[tuple[int, Suggestion]]:
    previous = place.previous
    if previous is None or (previous.kind == "name" and previous.lower in ("explain", "analyze")):
        yield from _keywords(place, _STARTS)
    elif previous.text == ".":
        yield from _behind_dot(place)
    elif wants_relation(place.ahead):
        yield from _relations(place)
    elif previous.text == "::" or (previous.kind == "name" and previous.lower == "as"):
        return  # a type, or a name that the person invents
    else:
        yield from _expression(place)


def _expression(place: _Place) -> Iterator[tuple[int, Suggestion]]:
    operand = operand_follows(place.previous)
    if not (place.prefix or operand or place.asked):
        return  # an operand is complete: what follows would only stand in the way
    if operand:
        yield from _unopened_values(place)
    if not operand:
        yield from _keywords(place, _COMMON)
    yield from _columns(place)
    named = [relation.name for relation in place.scope.relations if relation.name]
    yield from _identifiers(place, named, "table")
    if place.prefix or place.asked:
        for rank, function in _prefixed(place, [f.name for f in place.vocabulary.language.functions]):
            known = place.vocabulary.language.functions[function]
            yield (
                rank,
                _fill(place, f"{known.name}(", f"{known.name}({known.parameters})", known.description),
            )
        yield from _keywords(place, (*_COMMON, *place.vocabulary.language.keywords))


def _prefixed(place: _Place, names: Sequence[str]) -> Iterator[tuple[int, int]]:
    wanted = place.prefix.lower()
    return ((0, number) for number, name in enumerate(names) if name.startswith(wanted))


def _keywords(place: _Place, keywords: Sequence[str]) -> Iterator[tuple[int, Suggestion]]:
    """Keywords as the person writes them: in capitals when what is typed is."""
    if place.typed is not None and place.typed.kind == "quoted":
        return
    capitals = place.prefix.isupper()
    for _, number in _prefixed(place, keywords):
        text = keywords[number].upper() if capitals else keywords[number]
        yield 0, _fill(place, text, text, "keyword")


def _columns(place: _Place) -> Iterator[tuple[int, Suggestion]]:
    """Columns in scope; when several relations have one of that name, with the relation's name.

    Without any relation (yet) those of every table, once something of the name is typed.
    """
    relations: Sequence[Relation] = place.scope.relations
    if not relations and place.prefix:
        relations = [Relation(t, columns, (t,)) for t, columns in place.vocabulary.tables.items()]
        yield from _described(place, dict(c for r in relations for c in r.columns))
        return
    owners: dict[str, list[Relation]] = {}
    for relation in relations:
        for name, _ in relation.columns:
            owners.setdefault(name, []).append(relation)
    types = dict(c for relation in reversed(relations) for c in relation.columns)
    for rank, name in matching(place.prefix, types):
        texts = [_identifier(place, name)]
        if len(owners[name]) > 1:
            texts = [f"{_identifier(place, owner.name)}.{texts[0]}" for owner in owners[name] if owner.name]
        for text in texts:
            yield rank, _fill(place, text, text, types[name])


def _described(place: _Place, columns: dict[str, str]) -> Iterator[tuple[int, Suggestion]]:
    for rank, name in matching(place.prefix, columns):
        yield rank, _fill(place, _identifier(place, name), name, columns[name])


def _relations(place: _Place) -> Iterator[tuple[int, Suggestion]]:
    yield from _identifiers(place, [cte.name for cte in place.scope.ctes.values()], "with")
    yield from _identifiers(place, list(place.vocabulary.tables), "table")
    yield from _identifiers(place, list(place.vocabulary.schemas), "schema")
    if place.prefix:
        for _, number in _prefixed(place, place.vocabulary.language.table_functions):
            name = place.vocabulary.language.table_functions[number]
            yield 0, _fill(place, f"{name}(", f"{name}()", "function")


def _behind_dot(place: _Place) -> Iterator[tuple[int, Suggestion]]:
    """Columns of an alias, members of a struct, views of a schema."""
    path = path_before(place.ahead)
    if not path:
        return
    schema = next((s for s in place.vocabulary.schemas if s.lower() == path[0].lower()), None)
    if len(path) == 1 and schema is not None:
        yield from _identifiers(place, place.vocabulary.schemas[schema], "table")
    owner = place.scope.named(path[0])
    if owner is not None:
        yield from _described(place, dict(_inside(owner.columns, path[1:])))
        return
    relations = place.scope.relations
    if not relations:  # what is read from is not said yet
        tables = place.vocabulary.tables
        relations = tuple(Relation(name, columns, (name,)) for name, columns in tables.items())
    for relation in relations:
        if found := _inside(relation.columns, path):
            yield from _described(place, dict(found))


def _inside(columns: Columns, path: Sequence[str]) -> Columns:
    """The columns, or the members of the struct that `path` leads to."""
    type_ = ""
    for step in path:
        if step == ELEMENT:
            columns = members(type_, element=True)
            continue
        type_ = next((t for name, t in columns if name.lower() == step.lower()), "")
        columns = members(type_)
    return columns


def _values_in_text(place: _Place, after: str) -> Iterator[tuple[int, Suggestion]]:
    """Values for a text that has been opened; it is closed unless it is already."""
    assert place.typed is not None  # noqa: S101 - the text itself
    begun = place.typed.text.removeprefix("'")
    closing = "" if after.startswith("'") else "'"
    for rank, value in matching(begun.replace("''", "'"), _compared_values(place)):
        text = value.replace("'", "''")
        yield rank, Suggestion(f"{text}{closing}", len(begun), value, "value")


def _unopened_values(place: _Place) -> Iterator[tuple[int, Suggestion]]:
    for rank, value in matching(place.prefix, _compared_values(place)):
        yield rank, _fill(place, literal(value), literal(value), "value")


def _compared_values(place: _Place) -> list[str]:
    """The values of the column that the place is compared with, if they are known."""
    path = compared_with(place.ahead)
    if not path or path[-1].lower() not in _VALUED:
        return []
    owner = place.scope.named(path[0]) if len(path) > 1 else None
    relations = [owner] if owner is not None else place.scope.relations
    tables = {table for relation in relations for table in relation.tables} or place.vocabulary.tables
    known = place.vocabulary.partitions if path[-1].lower() == _VALUED[0] else place.vocabulary.indexes
    return sorted({value for table in tables for value in known(table)})


def _identifiers(place: _Place, names: Iterable[str], note: str) -> Iterator[tuple[int, Suggestion]]:
    for rank, name in matching(place.prefix, names):
        yield rank, _fill(place, _identifier(place, name), name, note)


def _identifier(place: _Place, name: str) -> str:
    """The name as it must be written: in quotes when it is a keyword, has signs, or quotes were begun."""
    begun = place.typed is not None and place.typed.kind == "quoted"
    plain = name.isascii() and name.isidentifier() and name.lower() not in place.vocabulary.language.reserved
    return name if plain and not begun else identifier(name)


def _fill(place: _Place, text: str, shown: str, note: str) -> Suggestion:
    replaced = place.typed.end - place.typed.start if place.typed else 0
    return Suggestion(text, replaced, shown, note)
