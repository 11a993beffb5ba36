"""Finds which tables a place in a statement can name columns of: FROM, joins, aliases, CTEs, subqueries.

It reads words, not a syntax tree: what is being typed has none yet.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from penstock.cli._shell.vocabulary import Columns, Vocabulary, members
from penstock.cli._shell.words import Word, name_of

__all__ = ["Relation", "Scope", "scope_at"]

_DEEPEST = 40

_TAKES_RELATION = ("from", "join", "describe", "summarize", "pivot", "unpivot")
_NO_ALIAS = frozenset({
    "where", "group", "order", "having", "limit", "offset", "union", "intersect", "except", "join",
    "inner", "left", "right", "full", "cross", "natural", "on", "using", "select", "qualify", "window",
    "sample", "tablesample", "asof", "positional", "semi", "anti", "as", "lateral", "pivot", "unpivot",
    "values", "from", "with", "fetch",
})  # fmt: skip
_ENDS_SELECT = frozenset({
    "from", "where", "group", "having", "order", "limit", "qualify", "window", "union", "intersect",
    "except",
})  # fmt: skip
_SET_OPERATIONS = ("union", "intersect", "except")


@dataclass(frozen=True, slots=True)
class Relation:
    """Something that has columns under a name; `tables` are those of the hive that its rows come from."""

    name: str
    columns: Columns
    tables: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Scope:
    """What a place sees: relations, the innermost query's first, and the CTEs it can read from."""

    relations: tuple[Relation, ...]
    ctes: Mapping[str, Relation]

    def named(self, name: str) -> Relation | None:
        """The relation of that name or alias."""
        return next((r for r in self.relations if r.name.lower() == name.lower()), None)


@dataclass(slots=True)
class _Group:
    """What stands between two brackets; `cursor` when the place asked for is in it."""

    items: list[Word | _Group] = field(default_factory=list)
    cursor: bool = False


def scope_at(before: Sequence[Word], behind: Sequence[Word], vocabulary: Vocabulary) -> Scope:
    """What the place between two parts of one statement sees."""
    scope = Scope((), {})
    group: _Group | None = _nested(before, behind)
    while group is not None:
        ctes = {**scope.ctes, **_ctes(group.items, scope.ctes, vocabulary)}
        arm = _arm(group.items)
        scope = Scope((*_relations(arm, ctes, vocabulary), *scope.relations), ctes)
        group = next((item for item in group.items if isinstance(item, _Group) and item.cursor), None)
    return scope


def _nested(before: Sequence[Word], behind: Sequence[Word]) -> _Group:
    """The words as a tree by their brackets, with the cursor between the two parts."""
    root = _Group(cursor=True)
    stack = [root]
    for part in (before, behind):
        for word in part:
            if word.text == "(" and len(stack) < _DEEPEST:
                stack[-1].items.append(inner := _Group())
                stack.append(inner)
            elif word.text == ")" and len(stack) > 1:
                stack.pop()
            elif word.kind != "comment":
                stack[-1].items.append(word)
        if part is before:
            for group in stack:
                group.cursor = True
            stack[-1].items.append(Word("sign", "", 0, 0))  # the cursor: no name, no keyword
    return root


def _arm(items: Sequence[Word | _Group]) -> list[Word | _Group]:
    """Of queries joined by UNION and the like the one with the cursor, or the first."""
    arms: list[list[Word | _Group]] = [[]]
    for item in items:
        if _is(item, *_SET_OPERATIONS):
            arms.append([])
        else:
            arms[-1].append(item)
    return next((arm for arm in arms if any(_has_cursor(item) for item in arm)), arms[0])


def _has_cursor(item: Word | _Group) -> bool:
    return item.cursor if isinstance(item, _Group) else not item.text


def _is(item: Word | _Group | None, *keywords: str) -> bool:
    return isinstance(item, Word) and item.kind == "name" and item.lower in keywords


def _sign(item: Word | _Group | None, text: str) -> bool:
    return isinstance(item, Word) and item.kind == "sign" and item.text == text


def _is_name(item: Word | _Group | None) -> bool:
    return isinstance(item, Word) and item.kind in ("name", "quoted")


def _ctes(
    items: Sequence[Word | _Group], outer: Mapping[str, Relation], vocabulary: Vocabulary
) -> dict[str, Relation]:
    """`name [(columns)] AS [[NOT] MATERIALIZED] (query)` wherever it stands behind WITH."""
    found: dict[str, Relation] = {}
    if not any(_is(item, "with") for item in items):
        return found
    for number, item in enumerate(items):
        if not isinstance(item, _Group) or item.cursor:
            continue
        back = number - 1
        while back > 0 and _is(items[back], "not", "materialized"):
            back -= 1
        if back < 1 or not _is(items[back], "as"):
            continue
        named = items[back - 1]
        if isinstance(named, _Group) and back > 1:
            named = items[back - 2]
        if isinstance(named, Word) and _is_name(named):
            name = name_of(named)
            found[name.lower()] = _query(name, item, {**outer, **found}, vocabulary)
    return found


def _relations(
    items: Sequence[Word | _Group], ctes: Mapping[str, Relation], vocabulary: Vocabulary
) -> Iterator[Relation]:
    """Every relation that the FROM and the joins of one query name."""
    number, listing = 0, False
    while number < len(items):
        item = items[number]
        number += 1
        if _is(item, *_TAKES_RELATION) or (listing and _sign(item, ",")):
            listing = True
            while number < len(items) and _is(items[number], "lateral"):
                number += 1
            relation, number = _relation(items, number, ctes, vocabulary)
            if relation is not None:
                yield relation
        elif _is(item, *_NO_ALIAS) and not _is(item, "join", "as", "lateral"):
            listing = _is(item, "on", "using") and listing


def _relation(
    items: Sequence[Word | _Group], number: int, ctes: Mapping[str, Relation], vocabulary: Vocabulary
) -> tuple[Relation | None, int]:
    """The relation that begins at `number` with its alias, and where to go on."""
    first = items[number] if number < len(items) else None
    if isinstance(first, _Group):
        found = _query("", first, ctes, vocabulary)
        number += 1
    elif isinstance(first, Word) and _is_name(first) and not _is(first, *_NO_ALIAS):
        path = [name_of(first)]
        number += 1
        while number + 1 < len(items) and _sign(items[number], ".") and _is_name(items[number + 1]):
            following = items[number + 1]
            path.append(name_of(following) if isinstance(following, Word) else "")
            number += 2
        if number < len(items) and isinstance(items[number], _Group):
            found, number = Relation(path[-1], ()), number + 1  # a table function
        else:
            found = _table(path, ctes, vocabulary)
    else:
        return None, number
    if number < len(items) and _is(items[number], "as"):
        number += 1
    alias = items[number] if number < len(items) else None
    if isinstance(alias, Word) and _is_name(alias) and not _is(alias, *_NO_ALIAS):
        return Relation(name_of(alias), found.columns, found.tables), number + 1
    return found, number


def _table(path: Sequence[str], ctes: Mapping[str, Relation], vocabulary: Vocabulary) -> Relation:
    name = path[-1].lower()
    if len(path) == 1 and name in ctes:
        return ctes[name]
    for table, columns in vocabulary.tables.items():
        if table.lower() == name:
            return Relation(path[-1], columns, (table,))
    return Relation(path[-1], ())


def _query(name: str, group: _Group, ctes: Mapping[str, Relation], vocabulary: Vocabulary) -> Relation:
    """What a query in brackets gives, by its select list."""
    ctes = {**ctes, **_ctes(group.items, ctes, vocabulary)}
    arm = _arm(group.items)
    inner = tuple(_relations(arm, ctes, vocabulary))
    tables = tuple(dict.fromkeys(table for relation in inner for table in relation.tables))
    select = next((n for n, item in enumerate(arm) if _is(item, "select")), None)
    if select is None:
        columns = [column for relation in inner for column in relation.columns]
    else:
        columns = [c for item in _listed(arm[select + 1 :]) for c in _outputs(item, inner)]
    return Relation(name, tuple(dict(columns).items()), tables)


def _listed(items: Sequence[Word | _Group]) -> Iterator[list[Word | _Group]]:
    """The items of a select list."""
    one: list[Word | _Group] = []
    for item in items:
        if _is(item, *_ENDS_SELECT):
            break
        if _sign(item, ","):
            yield one
            one = []
        elif not _is(item, "distinct", "all"):
            one.append(item)
    yield one


def _outputs(items: Sequence[Word | _Group], inner: Sequence[Relation]) -> Iterator[tuple[str, str]]:
    """The columns that one item of a select list gives."""
    star = next((n for n, item in enumerate(items) if _sign(item, "*")), None)
    if star == 0 or (star and _sign(items[star - 1], ".")):
        owner = items[0] if star else None
        for relation in inner:
            if not isinstance(owner, Word) or name_of(owner).lower() == relation.name.lower():
                yield from relation.columns
        return
    last = items[-1] if items else None
    if not isinstance(last, Word) or not _is_name(last):
        return
    if len(items) > 1 and not _sign(items[-2], "."):  # an alias, with or without AS
        items = items[: -2 if _is(items[-2], "as") else -1]
    path = [name_of(item) for item in items if isinstance(item, Word) and _is_name(item)]
    steps = all(_is_name(item) if n % 2 == 0 else _sign(item, ".") for n, item in enumerate(items))
    yield name_of(last), _type_of(path, inner) if steps else ""


def _type_of(path: Sequence[str], relations: Sequence[Relation]) -> str:
    """The type of a column, or of a struct's member."""
    owners = [r for r in relations if len(path) > 1 and r.name.lower() == path[0].lower()]
    rest = path[1:] if owners else path
    columns = tuple(column for relation in owners or relations for column in relation.columns)
    type_ = ""
    for step in rest:
        type_ = next((t for name, t in columns if name.lower() == step.lower()), "")
        columns = members(type_)
    return type_
