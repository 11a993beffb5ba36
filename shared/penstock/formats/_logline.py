"""Patterns of access logs from the texts by which servers are told what to write."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from penstock.arguments import ArgumentError

__all__ = ["Part", "pattern"]

_METHOD = r"[A-Za-z][0-9A-Za-z_-]*"
_PROTOCOL = r"[A-Za-z]+/[0-9][0-9.]*"


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of such a text: itself, or a field.

    A field's `value` is an expression where its kind has a form of its own; `blanks` says that
    there may be blanks in it.
    """

    text: str = ""
    field: str = ""
    value: str = ""
    blanks: bool = False


def pattern(parts: Sequence[Part]) -> str:
    """The expression of a whole line; what stands behind its last field is the field `more`.

    A field that comes again has a number behind its name. ArgumentError where two fields touch, so
    that nobody could tell them apart.
    """
    made = ["^"]
    times: dict[str, int] = {}
    around = (Part(), *parts, Part())
    for before, part, after in zip(around, around[1:], around[2:], strict=False):
        if not part.field:
            made.append(re.sub(r"(?:\\ )+", " +", re.escape(part.text)))
            continue
        if after.field and (part.blanks or not (part.value and after.value)):
            found = f"found {part.text} and {after.text} with nothing between them"
            raise ArgumentError("layout", f"{found}, expected a text that tells them apart")
        times[part.field] = number = times.get(part.field, 0) + 1
        name = part.field if number == 1 else f"{part.field}_{number}"
        left = "" if before.field else before.text
        made.append(_field(name, part, left, "" if after.field else after.text))
    if not times:
        raise ArgumentError("layout", "found no field, expected at least one")
    open_end = bool(parts[-1].field) and parts[-1].blanks
    made.append(r"\s*$" if open_end else r"(?:\s+(?P<more>\S.*?))?\s*$")
    return "".join(made)


def _field(name: str, part: Part, before: str, after: str) -> str:
    quoted = before.endswith('"') and after.startswith('"')
    if name == "request":
        return _request(r'(?:[^"\\]|\\.)*?|.*?' if quoted else ".*?")
    if quoted and (part.blanks or not part.value):
        # Servers escape quotes inside; where one did not, the rest of the line tells the end.
        return rf'(?P<{name}>(?:[^"\\]|\\.)*|.*)'
    value = r"\S*"
    if part.blanks or (after and not after.startswith(" ")):
        value = ".*?" if after else ".*"
    return f"(?P<{name}>{part.value or value})"


def _request(value: str) -> str:
    """A request line as method, URI and protocol; whatever else stands there is `request_text`."""
    rest = rf"(?: (?P<request_uri>{value})(?: (?P<server_protocol>{_PROTOCOL}))?)?"
    # A request that never came is a dash. One branch for all that is none: bytes of TLS, a bad line.
    return rf"(?:-|(?P<request_method>{_METHOD}){rest}|(?P<request_text>{value}))"
