"""Format `apache_access_log`: access logs as Apache's `LogFormat` describes them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from penstock import envelopes
from penstock.arguments import Argument, ArgumentError
from penstock.formats import _pattern
from penstock.formats._declaration import Format, Preset
from penstock.formats._logline import Part, pattern
from penstock.readers import Syntax

__all__ = ["ANY", "FORMAT"]

# Modifiers may stand before or behind the braces: %!200,304{Referer}i, %{Referer}<i.
_TOKEN = re.compile(r"%(?:!?\d+(?:,\d+)*)?[<>]?(?:\{([^}]*)\})?[<>]?(\^t[io]|[A-Za-z%])|([^%]+)|(%)")
# Times that are written in several pieces, 10:00:00.%{msec_frac}t, are one.
_TIME = r"%[<>]?\{[^}]*\}t"
_TIMES = re.compile(rf"{_TIME}(?:[^%\"\[\]]{{0,3}}{_TIME})*")
_STAMP = "\x01"

_PLAIN = {
    "a": "remote_addr", "A": "local_addr", "b": "body_bytes_sent", "B": "body_bytes_sent",
    "D": "request_time_us", "f": "filename", "h": "remote_addr", "H": "server_protocol",
    "I": "bytes_received", "k": "keepalive_requests", "l": "remote_logname", "L": "log_id",
    "m": "request_method", "O": "bytes_sent", "p": "server_port", "P": "pid", "q": "query_string",
    "r": "request", "R": "handler", "s": "status", "S": "bytes_transferred", "t": "timestamp",
    "T": "request_time", "u": "remote_user", "U": "request_uri", "v": "server_name",
    "V": "server_name", "X": "connection_status",
}  # fmt: skip
_BRACED = {
    ("c", "a"): "remote_addr", ("c", "h"): "remote_addr", ("c", "L"): "connection_log_id",
    ("canonical", "p"): "server_port", ("local", "p"): "apache_port", ("remote", "p"): "client_port",
    ("pid", "P"): "pid", ("tid", "P"): "thread_id", ("hextid", "P"): "hex_thread_id",
    ("s", "T"): "request_time", ("ms", "T"): "request_time_ms", ("us", "T"): "request_time_us",
}  # fmt: skip
_NAMED = {
    "C": "cookie", "e": "env", "i": "http", "n": "note", "o": "sent_http", "^ti": "trailer", "^to": "sent_trailer",
}  # fmt: skip
# A user has no blank in front: what stands there would be another field, of which the line has more.
_FORMS = {"u": r"(?:-|[^\s-].*?|-\S.*?)", "U": r'[^?\s"]*', "q": r'(?:\?[^\s"]*)?'}


def _parts(layout: str) -> Iterator[Part]:
    for found in _TOKEN.finditer(_TIMES.sub("%" + _STAMP, layout).replace("%" + _STAMP, "%{}t")):
        inner, kind, text = found[1], found[2], found[3]
        if kind == "%" or text:
            yield Part("%" if kind else text)
            continue
        field = _field(inner, kind) if kind else ""
        if not field:
            known = ", ".join(f"%{one}" for one in (*_PLAIN, *(f"{{name}}{one}" for one in _NAMED)))
            raise ArgumentError("layout", f"unknown directive {found[0]!r}, expected one of {known}")
        if kind == "t" and inner is None:
            yield Part("[")
            yield Part(found[0], field, r"[^\]]*")
            yield Part("]")
        else:
            yield Part(
                found[0], field, _FORMS.get(kind, ""), field in ("remote_user", "timestamp") or kind in _NAMED
            )


def _field(inner: str | None, kind: str) -> str:
    if inner is None:
        return _PLAIN.get(kind, "")
    if kind == "t":
        return "timestamp"
    if kind in _NAMED:
        return f"{_NAMED[kind]}_{re.sub('[^0-9a-z]+', '_', inner.lower())}"
    return _BRACED.get((inner, kind), "")


def _joined(parts: Iterator[Part]) -> Iterator[Part]:
    """Texts that follow each other as one: what stands around a field is looked at."""
    text = ""
    for part in parts:
        if not part.field:
            text += part.text
            continue
        if text:
            yield Part(text)
        text = ""
        yield part
    if text:
        yield Part(text)


def _build(values: Mapping[str, Any]) -> Syntax:
    # As it stands in httpd.conf, quotes have backslashes before them.
    layout = values["layout"].strip().replace('\\"', '"')
    return _pattern.syntax(pattern(tuple(_joined(_parts(layout)))), {"null_if": ["-"]} | dict(values))


_COMMON = '%h %l %u %t "%r" %>s %b'
_COMBINED = f'{_COMMON} "%{{Referer}}i" "%{{User-agent}}i"'

FORMAT = Format(
    name="apache_access_log",
    description="Access logs of the Apache HTTP server, taken apart by the text of their `LogFormat`. Every "
    "directive is a field; `%r` is taken apart into request_method, request_uri and server_protocol, "
    "`%{Name}i` is http_name. What stands behind the last directive is the field `more`. A dash means that nothing is there.",
    arguments=(
        Argument(
            "layout",
            "string",
            "The text of Apache's LogFormat, in backticks. Two directives must have something between them; only "
            "`%U%q` need not.",
            required=True,
        ),
        *_pattern.ARGUMENTS,
    ),
    build=_build,
    reference="https://httpd.apache.org/docs/current/mod/mod_log_config.html#formats",
    presets=(
        Preset("common", "The common log format.", {"layout": _COMMON}),
        Preset("combined", "The same with referer and user agent.", {"layout": _COMBINED}),
        Preset(
            "vhost_combined",
            "The same behind the server's name and port.",
            {"layout": f"%v:%p {_COMBINED}"},
        ),
    ),
    example="""\
format "apache_access_log" "timed" {
  layout = `%h %l %u %t "%r" %>s %O "%{Referer}i" "%{User-Agent}i" %D`
}
""",
)


def _any() -> str:
    """The combined format whose beginning and end may be missing."""
    made = str(_build({"layout": _COMBINED}).options["pattern"])
    referer = made.index(' +"(?P<http_referer>')
    end = made.index("(?:\\s+(?P<more>")
    host = r"(?:(?P<server_name>[^\s:]+):(?P<server_port>[0-9]+) +)?"
    return f"^(?:{envelopes.EXPORTED})?{host}{made[1:referer]}(?:{made[referer:end]})?{made[end:]}"


ANY = _any()
"""The pattern that takes all three presets."""
