"""Format `nginx_access_log`: access logs as nginx's `log_format` describes them."""

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

_TOKEN = re.compile(r"\$(?:\{(\w+)\}|(\w+))|([^$]+)|(\$)")
# A user has no blank in front, nor does one begin like a time: what stands there would be another field.
_FORMS = {"remote_user": r"(?:-|[^\s\[-].*?|\[[^\s\d].*?|-\S.*?)", "time_local": r'[^\]\s"]+(?: [^\]\s"]+)?'}
_BLANKS = re.compile(r"upstream_\w+|\w*x_forwarded_for|remote_user|request_uri|uri|args|http_\w+|time_local")


def _parts(layout: str) -> Iterator[Part]:
    for found in _TOKEN.finditer(layout):
        name = found[1] or found[2]
        if found[4]:
            raise ArgumentError("layout", "found '$' without a name, expected a variable such as $status")
        if name:
            yield Part(found[0], name, _FORMS.get(name, ""), bool(_BLANKS.fullmatch(name)))
        else:
            yield Part(found[3])


def _build(values: Mapping[str, Any]) -> Syntax:
    # In nginx's own file a format may be written in several quoted pieces; here it is one text.
    made = pattern(tuple(_parts(values["layout"].strip())))
    return _pattern.syntax(made, {"null_if": ["-"]} | dict(values))


_COMBINED = (
    '$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent '
    '"$http_referer" "$http_user_agent"'
)

FORMAT = Format(
    name="nginx_access_log",
    description="Access logs of nginx, taken apart by the text of their `log_format`. Every variable is a "
    "field; `$request` is taken apart into request_method, request_uri and server_protocol. What stands "
    "behind the last variable is the field `more`. A dash means that nothing is there.",
    arguments=(
        Argument(
            "layout",
            "string",
            "The text of nginx's log_format, in backticks. Variables may be written `$name` or `${name}`; two "
            "of them must have something between them.",
            required=True,
        ),
        *_pattern.ARGUMENTS,
    ),
    build=_build,
    reference="https://nginx.org/en/docs/http/ngx_http_log_module.html#log_format",
    presets=(
        Preset(
            "combined",
            "What nginx writes when nobody chose.",
            {"layout": _COMBINED},
        ),
        Preset(
            "main",
            "The same with the header X-Forwarded-For, as the configuration in nginx's packages has it.",
            {"layout": f'{_COMBINED} "$http_x_forwarded_for"'},
        ),
    ),
    example="""\
format "nginx_access_log" "timed" {
  layout = `$remote_addr - $remote_user [$time_iso8601] "$request" $status $body_bytes_sent $request_time`
}
""",
)


def _any() -> str:
    """The combined format behind which the header may stand: a dash, or addresses and nothing else."""
    made = str(_build({"layout": _COMBINED}).options["pattern"])
    end = made.index("(?:\\s+(?P<more>")
    one = r"(?:unknown|\[?[0-9A-Fa-f]*[.:][0-9A-Fa-f:.]*\]?(?::[0-9]+)?)"
    return f'^(?:{envelopes.EXPORTED})?{made[1:end]}(?: +"(?P<http_x_forwarded_for>-|{one}(?:, *{one})*)")?{made[end:]}'


ANY = _any()
"""The pattern that takes both presets."""
