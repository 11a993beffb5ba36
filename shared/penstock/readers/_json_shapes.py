"""How JSON records stand in a text: the shapes of `json_text`, and where a long text may be cut."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import NamedTuple

from penstock import envelopes
from penstock.readers import _respelling
from penstock.readers._json_fields import steps_to
from penstock.readers._json_options import above, key_of, keys_of, shape_of
from penstock.readers._pieces import Whole
from penstock.sql import literal

__all__ = ["document", "list_of", "slices"]

_KEY = re.compile(rb"\s*(" + envelopes.TEXT + rb")\s*:\s*")
_KEYLESS = re.compile(rb"(?:\s*(?:null|\{\s*\})\s*,)*+")
_SCALAR = re.compile(envelopes.TEXT + rb'|[^\s"\[\]{},]+')
_LINE = re.compile(rb"\}[ \t\r]*\n\s*(?=\{)")  # between documents; inside one, a comma stands there
_BRACKET = re.compile(envelopes.TEXT + rb"|[\[\]{}]")  # a text as a whole: what is in it counts nothing


def document(options: Mapping[str, object], content: str = "content") -> str:
    """SQL: the text as one JSON document."""
    match shape_of(options):
        case "lines":
            # Split and joined: on long texts that costs a tenth of replacing or trimming.
            lines = f"list_filter(string_split({content}, chr(10)), lambda line: line <> '')"
            return f"'[' || array_to_string({lines}, ',' || chr(10)) || ']'"
        case "document":
            array = f"starts_with(ltrim(substr({content}, 1, 4096), E' \\t\\r\\n'), '[')"
            return f"CASE WHEN {array} THEN {content} ELSE '[' || {content} || ']' END"
        case _:
            return content


def list_of(options: Mapping[str, object], element: object) -> str:
    """SQL: the list of records, each as `element`; whole, that costs half of record by record."""
    if shape_of(options) == "records":
        structure = json.dumps(above(options, [element]))
        return f"from_json(content, {literal(structure)}){steps_to(*keys_of(options))}"
    return f"from_json({document(options)}, {literal(json.dumps([element]))})"


def slices(
    blocks: Iterable[bytes],
    limit: int,
    whole: Whole,
    record: Mapping[str, object],
    options: Mapping[str, object],
) -> Iterator[bytes | None]:
    """Cut between records: at line ends, or where the next record begins with the same key as the first.

    Such a place (`},{`) may also stand inside a record, or in another array after the records. With
    one more pair of brackets around the records (`{"Records":[[…]]}`) what stands before it is valid
    JSON only if it lies between two records, so `whole` of that is the proof. Documents that follow
    each other are cut where one ends, if one does.
    """
    del record
    stream = iter(blocks)
    start = next(stream, b"")
    blocks = itertools.chain([start], stream)
    cut = _between_documents(start, options)
    if cut is not None:
        yield from cut(blocks, limit)
        return
    buffer = bytearray()
    most, seen = limit, 0  # where to cut, and how far that was looked for in vain
    opening: _Opening | None = None
    documents: envelopes.Ends | None = None
    for block in blocks:
        buffer += block
        while len(buffer) > most:
            documents = documents or envelopes.between(buffer)
            if documents and (ended := envelopes.cut(documents, buffer, most, seen)):
                yield bytes(memoryview(buffer)[:ended])
                del buffer[:ended]
                opening, most, seen = None, limit, 0
                continue
            if opening is None:
                opening = _opening(bytes(buffer), limit, options)
                most = max(limit, 2 * len(opening.head)) if opening else 2 * len(buffer)
                continue
            place = next(
                (
                    place
                    for place in _places(buffer, opening, most, seen)
                    if _proven(whole, buffer, opening, place)
                ),
                None,
            )
            if place is None:
                seen = max(1, len(buffer) - 256)
                if len(buffer) > most + envelopes.LONGEST:
                    raise ValueError(
                        f"no record ends within {len(buffer):,} bytes, so it cannot be read in pieces"
                    )
                break
            yield None
            buffer[: place + 1] = opening.head
            seen = 0
    yield bytes(buffer)


def _proven(whole: Whole, buffer: bytearray, opening: _Opening, place: int) -> bool:
    with memoryview(buffer) as text, text[len(opening.head) : place] as records:
        return whole(opening.head, records, opening.end)


def _between_documents(
    start: bytes, options: Mapping[str, object]
) -> Callable[[Iterable[bytes], int], Iterator[bytes]] | None:
    """How a text that begins so is cut where documents end; None if it is one that holds the records."""
    if re.match(envelopes.EXPORTED.encode(), start):
        return _cut_lines
    match shape_of(options):
        case "lines" if not _respelling.ARRAY.match(start):
            return envelopes.slices if re.match(rb"\s*\{\s*\n", start) else _cut_lines
        case "document" if not re.match(rb"\s*\[", start):
            return envelopes.slices
        case "records" if _respelling.inside(start, options):
            return envelopes.slices
    return None


def _cut_lines(blocks: Iterable[bytes], limit: int) -> Iterator[bytes]:
    """Cut where a document ends and another begins: on a line of its own, else without one, else at any
    line end. ValueError when there is none of them.
    """

    def end(buffer: bytearray, seen: int) -> int:
        place = _end_before(buffer, limit) if not seen else 0
        if not place and (ends := envelopes.between(buffer)):
            place = envelopes.cut(ends, buffer, limit, seen)
        return place or buffer.find(b"\n", max(limit, seen)) + 1

    return envelopes.pieces(blocks, limit, end, "line")


def _end_before(buffer: bytearray, limit: int) -> int:
    """Where the last line before the limit ends, of those that end a document if there are any; else 0."""
    line = buffer.rfind(b"\n", 0, limit) + 1
    if not line:
        return 0
    for low in (max(0, limit - (64 << 10)), 0):
        place = max((m.end() for m in _LINE.finditer(buffer, low, limit)), default=0)
        if place:
            return place
    ends = envelopes.between(buffer)
    return (envelopes.cut(ends, buffer, limit) if ends else 0) or line


class _Opening(NamedTuple):
    """How a document begins up to the first record, how it ends, and what stands between two records."""

    head: bytes
    end: bytes
    between: re.Pattern[bytes]


def _opening(text: bytes, limit: int, options: Mapping[str, object]) -> _Opening | None:
    """None if the first record may be further on. ValueError if it is none or too far away."""
    keys = keys_of(options) if shape_of(options) == "records" else ()
    head = re.compile(rb"\s*\[").match(text, _behind_keys(text, keys))
    keyless = head and _KEYLESS.match(text, head.end())
    first = keyless and envelopes.FIRST_KEY.match(text, keyless.end())
    if not (head and first):
        if 2 * len(text) < envelopes.LONGEST:
            return None
        expected = f'{{"{key_of(options)}": [{{…' if keys else "[{…"
        raise ValueError(
            f"it is larger than {limit:,} bytes and does not begin with {expected}, "
            "so it cannot be read in pieces"
        )
    return _Opening(
        text[: head.end()],
        b"]" + b"}" * len(keys),
        re.compile(rb"\}\s*(,)\s*\{\s*" + re.escape(first[1]) + rb"\s*:"),
    )


def _behind_keys(text: bytes, keys: Iterable[str]) -> int:
    """Where the value begins to which the keys lead; where the way ends, if it does not.

    Other members may stand before it, as in the documents of AWS Config, nested ones too.
    """
    at = 0
    for key in keys:
        wanted = json.dumps(key, ensure_ascii=False).encode()
        opened = re.compile(rb"\s*\{").match(text, at)
        while opened and (member := _KEY.match(text, opened.end())):
            at = member.end()
            if member[1] == wanted:
                break
            opened = re.compile(rb"\s*,").match(text, _behind_value(text, at))
        else:
            return len(text)
    return at


def _behind_value(text: bytes, at: int) -> int:
    """Where the value ends that begins there."""
    if text[at : at + 1] not in (b"[", b"{"):
        scalar = _SCALAR.match(text, at)
        return scalar.end() if scalar else len(text)
    depth = 0
    for bracket in _BRACKET.finditer(text, at):
        depth += {b"[": 1, b"{": 1, b"]": -1, b"}": -1}.get(bracket[0], 0)
        if depth == 0:
            return bracket.end()
    return len(text)


def _places(buffer: bytearray, opening: _Opening, limit: int, seen: int) -> Iterator[int]:
    """Places of commas to try, a few: the nearest before the limit, then those beyond it, as yet unseen."""
    start = len(opening.head)

    def found(low: int, high: int) -> list[int]:
        return [match.start(1) for match in opening.between.finditer(buffer, max(start, low), high)]

    if not seen:
        yield from reversed(found(limit - (64 << 10), limit)[-8:])
        yield from reversed(found(limit - (4 << 20), limit - (64 << 10))[-8:])
    beyond = found(max(limit, seen), len(buffer))
    yield from beyond[:8]
    yield from reversed(beyond[8:][-8:])
