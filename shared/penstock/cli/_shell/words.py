"""Cuts SQL that is still being typed into words, so that completion and Enter know where they stand.

It never refuses: a text that is not closed ends where the text ends.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

__all__ = ["Word", "finished", "name_of", "statement_around", "words"]

Kind = Literal["name", "quoted", "text", "number", "comment", "sign"]

_WORD = re.compile(
    r"""
      (?P<comment> --[^\n]*(?P<line_end>\n)? | /\*.*?(?P<block_end>\*/|\Z) )
    | (?P<text> (?:\b[eE])?'(?:[^']|'')*(?P<text_end>')? | \$\$.*?(?P<dollar_end>\$\$|\Z) )
    | (?P<quoted> "(?:[^"]|"")*(?P<name_end>")? )
    | (?P<name> [^\W\d]\w* )
    | (?P<number> \d[\w.]* )
    | (?P<sign> ::|<>|<=|>=|!=|==|->>|->|\S )
    """,
    re.VERBOSE | re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Word:
    """One word of SQL and where it stands; `open` when it is a text, name or comment without its end."""

    kind: Kind
    text: str
    start: int
    end: int
    open: bool = False

    @property
    def lower(self) -> str:
        """A name as DuckDB compares it; quoted ones never look like keywords."""
        return self.text.lower()


def words(sql: str) -> list[Word]:
    """Every word of `sql` in order, comments among them, spaces not."""
    return [_word(match) for match in _WORD.finditer(sql)]


def _word(match: re.Match[str]) -> Word:
    ends = ("line_end", "block_end", "text_end", "dollar_end", "name_end")
    kind: Kind = next(
        k for k in ("comment", "text", "quoted", "name", "number", "sign") if match[k] is not None
    )
    ended = any(match[end] for end in ends)
    return Word(
        kind, match[0], match.start(), match.end(), kind in ("comment", "text", "quoted") and not ended
    )


def name_of(word: Word) -> str:
    """The name that a name or a quoted name stands for."""
    if word.kind != "quoted":
        return word.text
    return word.text[1 : None if word.open else -1].replace('""', '"')


def finished(sql: str) -> bool:
    """Whether the last thing said is a semicolon."""
    said = [word for word in words(sql) if word.kind != "comment"]
    return bool(said) and said[-1].text == ";"


def statement_around(before: str, after: str) -> tuple[list[Word], list[Word]]:
    """The words of the statement that the cursor is in: those before it and those behind.

    The last word before may be unfinished; what of it stands behind the cursor is left out.
    """
    ahead = words(before)
    for number in range(len(ahead) - 1, -1, -1):
        if ahead[number].text == ";":
            ahead = ahead[number + 1 :]
            break
    if ahead and ahead[-1].kind == "text" and ahead[-1].open and after.count("'") % 2:
        after = after[after.index("'") + 1 :]  # the text in which the cursor stands goes on to here
    elif before[-1:].isidentifier():
        after = re.sub(r"^\w+", "", after)
    return ahead, _until_semicolon(words(after))


def _until_semicolon(behind: Sequence[Word]) -> list[Word]:
    for number, word in enumerate(behind):
        if word.text == ";":
            return list(behind[:number])
    return list(behind)
