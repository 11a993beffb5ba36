"""What the logs of requests have in common: addresses with ports, request lines, stray quotes."""

from __future__ import annotations

from collections.abc import Sequence

from penstock.sql import literal
from penstock.tables._declaration import Column
from penstock.tables._kinds import typed

__all__ = ["CONTROL_LINES", "address", "method", "port", "seconds", "strays", "url", "version"]

CONTROL_LINES = ("Enable AccessLog for", "Enable ConnectionLog for")
"""How the lines begin that say only that a log was switched on."""

_BEFORE = "[^ ]+"
_BEHIND = '[^ "]+'


def strays(fields: Sequence[str], wild: Sequence[str], quoted: Sequence[str], least: int) -> str:
    """A pattern for blank-separated lines of these fields that have quotes inside quoted ones.

    Clients write the `wild` ones, and not every log escapes what they write. The other `quoted` and
    the plain ones are well formed, so a line is taken apart where all of them fit. The first
    `least` fields must be there; whatever stands behind the last one is called `more`.
    """
    first = min(fields.index(name) for name in wild)
    tokens = []
    for place, name in enumerate(fields):
        if name in wild:
            tokens.append(f'(?:"(?P<{name}>.*?)"|-)')
        elif name in quoted:
            tokens.append(f'(?:"(?P<{name}>[^"]*)"|-)')
        else:
            tokens.append(f"(?P<{name}>{_BEFORE if place < first else _BEHIND})")
    tail = '(?: (?P<more>(?:"[^"]*"|[^ "]+)(?: (?:"[^"]*"|[^ "]+))*))?'
    for token in reversed(tokens[least:]):
        tail = f"(?: {token}{tail})?"
    return f"^{' '.join(tokens[:least])}{tail} *$"


# An IPv6 address may stand with or without brackets before its port. A number alone is none.
_ADDRESS = r"^(?:\d*|\[?(.*?)\]?(?::(\d*))?)$"


def _half(source: str, part: int) -> str:
    """SQL for a part of `address:port`. IPv4 and names have one colon, and need no regular expression."""
    field = f'r."{source}"'
    split = f"string_split({field}, ':')"
    other = f"nullif(regexp_extract({field}, '{_ADDRESS}', {part}), '')"
    return f"CASE WHEN len({split}) = 2 THEN {split}[{part}] ELSE {other} END"


def address(name: str, source: str, description: str) -> Column:
    """The address of `address:port`, IPv4 or IPv6."""
    return typed(name, "VARCHAR", _half(source, 1), source, description)


def port(name: str, source: str, description: str) -> Column:
    """The port of `address:port`."""
    return typed(name, "BIGINT", f"try_cast({_half(source, 2)} AS BIGINT)", source, description)


def seconds(name: str, source: str, description: str) -> Column:
    """A time in seconds; null where -1 says that none was measured."""
    sql = f'try_cast(nullif(r."{source}", {literal(_UNMEASURED)}) AS DOUBLE)'
    return Column(name, "DOUBLE", sql, description, source, null_if=(_UNMEASURED,))


_UNMEASURED = "-1"

# A request line is `method url version`; what is not known of it is a dash, and a URL may hold blanks.
_REQUEST = 'r."request"'
_SPLIT = f"string_split({_REQUEST}, ' ')"
_USUAL = f"len({_SPLIT}) = 3 AND starts_with({_SPLIT}[3], 'HTTP/') AND NOT contains({_REQUEST}, '- ')"
_PARTS = "^(?:-|([^ ]*))(?: +(?:-|(.*?)))??(?: +(?:-|(HTTP/[^ ]*)))? *$"


def _part(name: str, group: int, description: str) -> Column:
    """A part of the request line; it is split once for all parts.

    A dash is sorted out by the regular expression: what a nullif holds is planned twice, and planning
    these three took a quarter of the statement's.
    """
    sql = (
        f"nullif(CASE WHEN {_USUAL} THEN {_SPLIT}[{group}] "
        f"ELSE regexp_extract({_REQUEST}, '{_PARTS}', {group}) END, '')"
    )
    return typed(name, "VARCHAR", sql, "request", description)


def method() -> Column:
    """The method of the field `request`."""
    return _part("request_http_method", 1, "HTTP method of the request.")


def url() -> Column:
    """The URL of the field `request`, blanks in it included."""
    return _part("request_url", 2, "URL of the request, with scheme, host and port.")


def version() -> Column:
    """The version of HTTP of the field `request`."""
    return _part("request_http_version", 3, "Version of HTTP, such as HTTP/1.1.")
