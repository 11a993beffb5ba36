"""Puts the nodes of a layout into expressions for `re`, in a form that stays fast on hostile keys.

Optional groups are written out into every with/without combination, "with" first, as Tailpipe does.
What is left is mostly a sequence of fixed stretches with `%{DATA}` between them. When a stretch can
be found in one way only, the first place where it fits is as good as any later one, and an atomic
group (`(?>…)`) says so: a key of a thousand slashes then costs a thousand steps, not their power.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from penstock.layout.grok import ALPHABETS, PATTERNS
from penstock.layout.parse import Alternation, Node, Raw, Token

__all__ = ["Variant", "expanded", "variant"]

_MOST_EXPANDED = 6  # optional groups written out; more stay as they are, at 2**6 variants


@dataclass(frozen=True, slots=True)
class Variant:
    """One expression, matched from the start of the key; `groups` are the capture names in order."""

    expression: re.Pattern[str]
    groups: tuple[str, ...]


def expanded(nodes: Sequence[Node]) -> list[list[Node]]:
    """The layouts that one with alternatives or optional groups stands for, in the order to try them."""
    whole = nodes[0] if len(nodes) == 1 else None
    if isinstance(whole, Alternation) and not whole.quantifier and whole.name is None:
        return [form for branch in whole.branches for form in expanded(branch)]
    return list(_expanded(list(nodes)))


def _expanded(nodes: list[Node]) -> Iterator[list[Node]]:
    optional = [i for i, node in enumerate(nodes) if isinstance(node, Alternation) and node.quantifier == "?"]
    if not optional or len(optional) > _MOST_EXPANDED:
        yield nodes
        return
    first = optional[0]
    group = nodes[first]
    assert isinstance(group, Alternation)  # noqa: S101 - selected above
    plain = len(group.branches) == 1 and group.name is None
    with_ = list(group.branches[0]) if plain else [replace(group, quantifier="")]
    for tail in _expanded(nodes[first + 1 :]):
        yield [*nodes[:first], *with_, *tail]
    for tail in _expanded(nodes[first + 1 :]):
        yield [*nodes[:first], *tail]


def variant(nodes: list[Node]) -> Variant:
    """The expression of nodes without optional groups."""
    names: list[str] = []
    stretches = _stretches(nodes)
    parts = []
    for index, (gap, stretch) in enumerate(stretches):
        if index == 0 and not stretch and len(stretches) > 1:
            continue  # begins with DATA, which may as well begin at the start
        body = (_regex(gap, names) if gap else ".*?") + "".join(_regex(node, names) for node in stretch)
        atomic = index < len(stretches) - 1 and _one_way(stretch)
        parts.append(f"(?>{body})" if atomic else body)
    return Variant(re.compile("".join(parts), re.DOTALL | re.ASCII), tuple(names))


def _stretches(nodes: list[Node]) -> list[tuple[Token | None, list[Node]]]:
    """Cut before each `%{DATA}`: (the DATA or None at the start, what follows it)."""
    found: list[tuple[Token | None, list[Node]]] = [(None, [])]
    for node in nodes:
        if isinstance(node, Token) and node.pattern == "DATA" and node.body is None and not node.quantifier:
            found.append((node, []))
        else:
            found[-1][1].append(node)
    return found


def _one_way(stretch: list[Node]) -> bool:
    """Whether a later place of this stretch in a key can never end before the first one does.

    Holds when it begins with a character that none of its tokens can hold, and each token is
    followed by one that it cannot hold: a token's end is then fixed by its start, and two
    overlapping places would have to share that first character.
    """
    held: frozenset[str] = frozenset()
    for node, after in zip(stretch, [*stretch[1:], None]):
        if node.quantifier or isinstance(node, Alternation):
            return False
        if isinstance(node, Raw):
            if node.char is None:
                return False
            continue
        alphabet = None if node.body else ALPHABETS.get(node.pattern)
        if alphabet is None or not isinstance(after, Raw) or after.char is None or after.char in alphabet:
            return False
        held |= alphabet
    return bool(stretch) and isinstance(stretch[0], Raw) and stretch[0].char not in held


def _regex(node: Node, names: list[str]) -> str:
    if isinstance(node, Raw):
        return node.regex + node.quantifier
    name = node.name
    if name is not None:
        names.append(name)
    if isinstance(node, Alternation):
        inner = "|".join("".join(_regex(n, names) for n in branch) for branch in node.branches)
    elif node.body is not None:
        inner = "".join(_regex(n, names) for n in node.body)
    else:
        inner = PATTERNS[node.pattern]
    # Names may repeat in a layout and hold dots; `re` knows the groups by their order.
    return ("(" if name is not None else "(?:") + inner + ")" + node.quantifier
