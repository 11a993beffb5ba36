"""Source `http`: records of a JSON API, page by page, from where the last poll ended."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from penstock.sources._declaration import Argument, ArgumentError, Source
from penstock.tables import Table

__all__ = ["SOURCE", "HttpSource"]


@dataclass(frozen=True, slots=True)
class HttpSource:
    """GET of `url`; `records` is the dotted path of the list in the answer (empty: the answer itself).

    `headers` are sent as they stand, `env_headers` from variables of the environment, `secret_headers`
    from Secrets Manager (id or ARN, with `#key` for a member of a JSON secret). `pagination`: none,
    link (RFC 8288), cursor or page. `since_param` is the parameter that takes the newest value seen
    of `since_field`.
    """

    url: str
    records: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    env_headers: Mapping[str, str] = field(default_factory=dict)
    secret_headers: Mapping[str, str] = field(default_factory=dict)
    params: Mapping[str, str] = field(default_factory=dict)
    pagination: str = "none"
    cursor_field: str = ""
    cursor_param: str = ""
    page_param: str = "page"
    since_param: str = ""
    since_field: str = ""
    since_start: str = ""
    id_field: str = ""
    connection: str = "aws.default"
    format: str | None = None
    type: str = "http"

    @property
    def place(self) -> str:
        """The URL without what may be secret in it."""
        return self.url.partition("?")[0]


_KINDS = ("none", "link", "cursor", "page")


def _check_url(text: str) -> str | None:
    if re.fullmatch(r"https?://[^\s/?#@]+(?:[/?][^\s#]*)?", text):
        return None
    return "expected http://… or https://… without a user or a fragment"


def _check_kind(text: str) -> str | None:
    return None if text in _KINDS else f"expected one of {', '.join(_KINDS)}"


def _build(values: Mapping[str, Any], table: Table) -> HttpSource:  # noqa: ARG001 - the same for every table
    names = {name: value for name, value in values.items() if name in HttpSource.__dataclass_fields__}
    made = HttpSource(**names)
    if made.pagination == "cursor" and not (made.cursor_field and made.cursor_param):
        raise ArgumentError("pagination", "found cursor, expected cursor_field and cursor_param with it")
    if made.since_param and not made.since_field:
        raise ArgumentError("since_param", "found without since_field, whose newest value it takes")
    return made


SOURCE = Source(
    name="http",
    description="Records of a JSON API. Each sweep asks from where the last poll ended. All pages of a poll "
    "are one commit: a page that fails, or lacks the expected field, leaves everything as it was.",
    arguments=(
        Argument("url", "string", "What is asked for, by GET.", required=True, check=_check_url),
        Argument(
            "records", "string", "Dotted path of the list of records in the answer.", default="the answer"
        ),
        Argument("headers", "map", "Headers; they stand in the configuration, so put no secret here."),
        Argument("env_headers", "map", "Headers by the environment's variables that hold them."),
        Argument(
            "secret_headers",
            "map",
            "Headers by the secrets of Secrets Manager that hold them: id or ARN, `#key` for a member.",
        ),
        Argument("params", "map", "Parameters of the URL."),
        Argument(
            "pagination",
            "string",
            "How the next page is asked for: `link` (the header Link, rel next), `cursor` (`cursor_field` of "
            "the answer as `cursor_param`), `page` (numbers from 1 as `page_param`, until a page is empty).",
            default="none",
            check=_check_kind,
        ),
        Argument("cursor_field", "string", "Dotted path of the next page's cursor in the answer."),
        Argument("cursor_param", "string", "Parameter that takes the cursor."),
        Argument("page_param", "string", "Parameter that takes the number of the page.", default="page"),
        Argument("since_param", "string", "Parameter that takes the newest value of `since_field` seen."),
        Argument("since_field", "string", "Dotted path of what orders records, such as their time."),
        Argument(
            "since_start", "string", "Its value in the first poll.", default="the parameter is left out"
        ),
        Argument(
            "id_field",
            "string",
            "Dotted path of what makes two records the same.",
            default="the whole record",
        ),
        Argument("connection", "connection", "Credentials for secrets.", default="connection.aws.default"),
        Argument(
            "format", "format", "How a record becomes a row: each is a line of JSON.", default="the table's"
        ),
    ),
    build=_build,
    example="""\
source "http" {
  url            = "https://api.example.com/v1/events"
  records        = "data"
  secret_headers = { Authorization = "example-api#authorization" }
  pagination     = "cursor"
  cursor_field   = "meta.next"
  cursor_param   = "cursor"
  since_param    = "since"
  since_field    = "created_at"
}
""",
)
