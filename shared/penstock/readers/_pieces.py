"""The files that a statement reads, with what their rows inherit, as SQL.

What is known of each piece stands in the statement as lists, looked up by its number: joining a
table to the texts costs as much as parsing them.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from penstock.sql import literal, timestamp

__all__ = ["Head", "Piece", "Pieces", "Whole"]

Whole = Callable[[bytes, memoryview, bytes], bool]
"""What proves a cut: whether the records between these two are whole ones. Those are the next piece."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A file with the text of an object, or of a slice of it, and what its rows inherit.

    `object` numbers the object in its commit. `id_prefix` (24 hex digits) and the row's number in
    the object make its `tp_id`. `first_row` is the number of the piece's first row. The probe tells
    how many `rows` it has, whether fields are in it that the table does not know, whether it must
    be read the `exact` way, and its `head`. With an `example`, a file that shows every field of the
    table, it is read strictly, at most so many `bytes` at once. `times` (ms since 1970) are those of its
    lines, where something else tells them.
    """

    path: str
    object: int
    id_prefix: str
    source_type: str
    source_name: str
    source_location: str
    modified: dt.datetime | None = None
    first_row: int = 0
    rows: int = 0
    unknown: bool = False
    exact: bool = False
    head: str = ""
    example: str = ""
    bytes: int = 0
    times: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Head:
    """What a piece's beginning says of the rest; pieces of one `text` are read together.

    `unknown`: it names fields that the table does not know. `before`: how many lines stand before
    the rows. `exact`: it is no guide, so they are read row by row.
    """

    text: str
    unknown: bool
    before: int
    exact: bool = False


@dataclass(frozen=True, slots=True)
class Pieces:
    """Pieces that are read by one statement: alike in `unknown`, `exact`, `head` and `example`."""

    all: tuple[Piece, ...]

    @property
    def unknown(self) -> bool:
        """Whether they have fields that the table does not know."""
        return self.all[0].unknown

    @property
    def exact(self) -> bool:
        """Whether they must be read the slow way."""
        return self.all[0].exact

    @property
    def head(self) -> str:
        """What their beginning says of the rest."""
        return self.all[0].head

    @property
    def example(self) -> str:
        """The file by which they are read strictly, if they are."""
        return self.all[0].example

    @property
    def paths(self) -> str:
        """A SQL list of their files, in order."""
        return f"[{', '.join(literal(piece.path) for piece in self.all)}]"

    @property
    def contents(self) -> str:
        """The relation (filename, content)."""
        return f"read_text({self.paths})"

    def texts(self) -> str:
        """The relation (content, `_piece`: its number from 1, first_row, n: how many rows it has)."""
        read = f"SELECT content, list_position({self.paths}, filename) AS _piece FROM {self.contents}"
        return f"({self.counted(read)})"

    def counted(self, rows: str) -> str:
        """Rows (_piece, …) with first_row and n."""
        return f"SELECT *, {self._told('first_row')}, {self._told('n')} FROM ({rows})"

    def unnested(self, lists: str) -> str:
        """Lists of records (_piece, recs) row by row: (_piece, _row, r)."""
        return (
            "SELECT _piece, unnest(range(first_row, first_row + n)) AS _row, unnest(recs) AS r "
            f"FROM ({self.counted(lists)})"
        )

    def inherited(self, rows: str) -> str:
        """Rows (_piece, …) with what they inherit instead of that number.

        A list for each thing inherited: one list of structs takes five times as long to plan.
        """
        told = ", ".join(self._told(name) for name in _INHERITED)
        return f"SELECT * EXCLUDE (_piece), {told} FROM ({rows})"

    def _told(self, name: str) -> str:
        """What is known of piece number `_piece`, as a column."""
        return f"{_looked_up([_TOLD[name](piece) for piece in self.all])} AS {name}"

    def numbered(self, rows: str) -> str:
        """Rows (_piece, _n: number in all of these files, …) with their `_row`."""
        start, before = 0, []
        for piece in self.all:
            before.append(f"{piece.first_row - start}::BIGINT")
            start += piece.rows
        return f"SELECT * EXCLUDE (_n), _n + {_looked_up(before)} AS _row FROM ({rows})"

    def found(self, rows: str) -> str:
        """Rows (filename, _row, …) with their `_piece`."""
        values = ", ".join(f"({literal(piece.path)}, {number})" for number, piece in enumerate(self.all, 1))
        told = f"(VALUES {values}) AS told(filename, _piece)"
        return f"SELECT * EXCLUDE (filename) FROM ({rows}) JOIN {told} USING (filename)"


def _looked_up(values: list[str]) -> str:
    """The value of piece number `_piece`. What is the same for all need not be looked up, nor planned
    as a list.
    """
    return values[0] if len(set(values)) == 1 else f"[{', '.join(values)}][_piece]"


_INHERITED: Mapping[str, Callable[[Piece], str]] = {
    "_object": lambda piece: str(piece.object),
    "id_prefix": lambda piece: literal(piece.id_prefix),
    "tp_source_type": lambda piece: literal(piece.source_type),
    "tp_source_name": lambda piece: literal(piece.source_name) if piece.source_name else "NULL::VARCHAR",
    "tp_source_location": lambda piece: literal(piece.source_location),
    "_modified": lambda piece: timestamp(piece.modified) if piece.modified else "NULL::TIMESTAMP",
}
_COUNTED: Mapping[str, Callable[[Piece], str]] = {
    "first_row": lambda piece: f"{piece.first_row}::BIGINT",
    "n": lambda piece: f"{piece.rows}::BIGINT",
}

_TOLD: Mapping[str, Callable[[Piece], str]] = {**_INHERITED, **_COUNTED}
