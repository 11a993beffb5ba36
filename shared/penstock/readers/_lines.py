"""Texts of lines: how they are told from headers, comments and blank ones, numbered, and cut."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from penstock import envelopes
from penstock.readers._pieces import Pieces
from penstock.sql import literal

__all__ = ["cut", "data_lines", "numbered", "texts_option"]


def texts_option(options: Mapping[str, object], name: str) -> tuple[str, ...]:
    """An option that is a text or several, as a tuple."""
    value = options.get(name, ())
    if isinstance(value, str):
        return (value,) if value else ()
    assert isinstance(value, Sequence)  # noqa: S101 - formats build the options
    return tuple(str(text) for text in value)


def data_lines(options: Mapping[str, object], records: str, *, header: bool) -> str:
    """SQL: the list of those `records` (a SQL list of lines of one text) that are rows.

    Blank ones are none, nor those that begin as `comment` or one of `skip` say, nor a header
    wherever it stands: the first line, if there is a `header`.
    """
    tests = ["trim(line, E' \\t\\r') <> ''"]
    tests += [
        f"NOT starts_with(line, {literal(prefix)})"
        for prefix in (*texts_option(options, "comment"), *texts_option(options, "skip"))
    ]
    kept = f"list_filter(lines, lambda line: {' AND '.join(tests)})"
    if not header:
        return f"list_transform([{records}], lambda lines: {kept})[1]"
    dropped = "list_filter(kept, lambda line: line <> kept[1])"
    return (
        f"list_transform([list_transform([{records}], lambda lines: {kept})[1]], lambda kept: {dropped})[1]"
    )


def numbered(pieces: Pieces, lines: str) -> str:
    """Every line that is a row: its `_piece`, `_row`, `raw`. `lines` is SQL over `content`."""
    return (
        "SELECT * EXCLUDE (first_row, n, lines), "
        "unnest(range(first_row, first_row + len(lines))) AS _row, rtrim(unnest(lines), E'\\r') AS raw FROM ("
        f"SELECT * EXCLUDE (content), {lines} AS lines FROM {pieces.texts()})"
    )


def cut(blocks: Iterable[bytes], limit: int, *, heads: int = 0, quote: bytes = b"") -> Iterator[bytes]:
    """Cut a text at line ends into pieces of about `limit` bytes; the first `heads` lines stand before each.

    With a `quote`, a line end between an odd number of them and the next is none. ValueError when
    a line does not end within `envelopes.LONGEST` beyond the limit.
    """
    buffer = bytearray()
    head: bytes | None = b"" if not heads else None
    for block in blocks:
        buffer += block
        if head is None:
            head = _head(bytes(buffer), heads)
            if head is None:
                continue
        while len(buffer) > limit + len(head):
            place = _line_end(buffer, len(head), limit, quote)
            if place is None:
                if len(buffer) > limit + envelopes.LONGEST:
                    raise ValueError(
                        f"no line ends within {len(buffer):,} bytes, so it cannot be read in pieces"
                    )
                break
            yield bytes(memoryview(buffer)[:place])
            buffer[:place] = head
    if len(buffer) > len(head or b"") or head is None:
        yield bytes(buffer)


def _head(text: bytes, lines: int) -> bytes | None:
    """The first lines, once they are all there."""
    place = 0
    for _ in range(lines):
        place = text.find(b"\n", place) + 1
        if not place:
            return None
    return text[:place]


def _line_end(buffer: bytearray, start: int, limit: int, quote: bytes) -> int | None:
    """Where the last line before the limit ends, else the first one beyond it."""
    place = buffer.rfind(b"\n", start, limit) + 1 or buffer.find(b"\n", max(limit, start)) + 1
    odd = buffer.count(quote, start, place) % 2 if place and quote else 0
    while odd:  # what was counted is not counted again: a quote that nothing closes would take hours
        quoted = buffer.find(quote, place)
        after = buffer.find(b"\n", quoted) + 1 if quoted >= 0 else 0
        if not after:
            return None
        odd = (odd + buffer.count(quote, place, after)) % 2
        place = after
    return place or None
