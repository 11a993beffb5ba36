"""nginx access logs, in the combined format or any that a `log_format` describes."""

from __future__ import annotations

from penstock.formats.nginx_access_log import ANY, FORMAT
from penstock.tables import Column, Example, Syntax, Table, filled, utc

_NOTHING = ("", "-")
_DOCS = "https://nginx.org/en/docs/http/ngx_http_log_module.html"


def _column(name: str, type_: str, expression: str, description: str, misfit: str = "") -> Column:
    return Column(
        name, type_, expression, description, f"${name}", field=name, misfit=misfit, null_if=_NOTHING
    )


def _given(name: str) -> str:
    """The field's text: what nginx puts for nothing is a dash, in JSON an empty text."""
    return f"""nullif(nullif(r."{name}", ''), '-')"""


def _text(name: str, description: str) -> Column:
    return _column(name, "VARCHAR", _given(name), description)


def _number(name: str, type_: str, description: str) -> Column:
    return _column(name, type_, f'try_cast(r."{name}" AS {type_})', description)


def _upstream(name: str, type_: str, description: str) -> Column:
    """Of a request that several servers were asked, what the last one said; all of it is kept in `unmapped`."""
    last = f"""regexp_extract(r."{name}", '([0-9.]+)[^0-9]*$', 1)"""
    several = f"""CASE WHEN regexp_matches(r."{name}", '[,:]') THEN json_object('{name}', r."{name}") END"""
    return _column(name, type_, f"try_cast({last} AS {type_})", description, several)


# In JSON the request line stands whole, as $request, beside its parts or in their place.
_REQUEST = r"^([A-Za-z][A-Za-z_-]*)(?: (.*?))?(?: (HTTP/[0-9.]+))?$"


def _requested(name: str, group: int, description: str) -> Column:
    part = f"""nullif(regexp_extract(r."request", '{_REQUEST}', {group}), '')"""
    odd = f"""nullif(nullif(r."request", ''), '-') IS NOT NULL AND NOT regexp_matches(r."request", '{_REQUEST}')"""
    return Column(
        name, "VARCHAR", f"coalesce({_given(name)}, {part})", description, f"${name}", field=name,
        misfit=f"""CASE WHEN {odd} THEN json_object('request', r."request") END""" if group == 1 else "",
        reads={"request": "VARCHAR"}, null_if=_NOTHING,
    )  # fmt: skip


_BYTES = "BIGINT"

_COLUMNS = (
    _text("remote_addr", "Address of the client."),
    _text("host", "Host that was asked for: of the request line, else the header Host, else the server's name."),
    _text("remote_user", "Name of the user, of basic authentication."),
    _text("time_local", "Time of the request as it stands in the log."),
    _requested("request_method", 1, "Method of the request, also as part of $request."),
    _requested("request_uri", 2, "URI of the request with its arguments, also as part of $request."),
    _requested("server_protocol", 3, "Protocol of the request, also as part of $request."),
    _number("status", "INTEGER", "Status of the answer."),
    _number("body_bytes_sent", _BYTES, "Bytes of the answer's body."),
    _text("http_referer", "Header Referer."),
    _text("http_user_agent", "Header User-Agent."),
    _text("http_x_forwarded_for", "Header X-Forwarded-For: whom the request was forwarded for, in order."),
    _text("scheme", "Scheme of the request: http or https."),
    _text("http_host", "Header Host."),
    _text("http_cookie", "Header Cookie."),
    _number("content_length", _BYTES, "Header Content-Length of the request."),
    _text("content_type", "Header Content-Type of the request."),
    _number("request_length", _BYTES, "Bytes of the request, with its line, headers and body."),
    _text("server_name", "Name of the server that took the request."),
    _text("server_addr", "Address of the server that took the request."),
    _number("server_port", "INTEGER", "Port of the server that took the request."),
    _text("connection", "Number of the connection."),
    _number("connection_requests", "INTEGER", "How many requests came over the connection so far."),
    _number("msec", "DOUBLE", "Time when the line was written, in seconds since 1970."),
    Column(
        "time_iso8601", "TIMESTAMP", utc('r."time_iso8601"'), "Time of the request, UTC.", "$time_iso8601",
        field="time_iso8601", null_if=_NOTHING,
    ),
    _number("bytes_sent", _BYTES, "Bytes sent to the client."),
    _number("request_time", "DOUBLE", "Seconds from the first byte of the request to the last of the answer."),
    _text("pipe", "State of pipelining: p if the request was pipelined, else a dot."),
    _text("upstream_addr", "Addresses of the servers that were asked, in order."),
    _upstream("upstream_status", "INTEGER", "Status that the last server asked gave."),
    _upstream("upstream_connect_time", "DOUBLE", "Seconds to connect to the last server asked."),
    _upstream("upstream_header_time", "DOUBLE", "Seconds to the header of the last server asked."),
    _upstream("upstream_response_time", "DOUBLE", "Seconds to the answer of the last server asked."),
    _text("ssl_protocol", "Version of TLS."),
    _text("ssl_cipher", "Cipher of the TLS connection."),
    _text("ssl_session_id", "Session of the TLS connection."),
    _text("ssl_session_reused", "State of the TLS session: r if it was used before, else a dot."),
    _text("ssl_client_cert", "Certificate of the client."),
    _number("gzip_ratio", "DOUBLE", "How many times smaller compression made the answer."),
)  # fmt: skip

# Ports and sockets are no addresses: 10.0.0.1:80, [2001:db8::1]:80, unix:/run/app.sock.
_UPSTREAMS = (
    "list_filter(list_transform(regexp_split_to_array(upstream_addr, ',? *: +|, *'), "
    r"lambda x: regexp_extract(x, '^\[?([0-9A-Fa-f.:]*?)\]?(?::[0-9]+)?$', 1)), lambda x: x <> '')"
)
# Clients write what they like into the header; an IPv6 address may stand without brackets there.
_FORWARDED = (
    "list_filter(list_transform(regexp_split_to_array(http_x_forwarded_for, ', *'), lambda x: "
    r"regexp_extract(x, '^\[?([0-9A-Fa-f]*:[0-9A-Fa-f:.]*|[0-9.]+)\]?(?::[0-9]+)?$', 1)), lambda x: x <> '')"
)
_HOSTS = filled(*(f"regexp_replace({name}, ':[0-9]+$', '')" for name in ("host", "http_host")))

TABLE = Table(
    name="nginx_access_log",
    description="Requests that nginx answered, from its access logs.",
    reference=_DOCS,
    syntax=Syntax(
        "pattern", {"pattern": ANY, "shown": FORMAT.presets[0].values["layout"], "nullstr": ("-",)}
    ),
    # Logs in JSON (`escape=json`) whose keys are the names of the variables.
    syntaxes=(Syntax("json_text", {"shape": "lines"}, when=rb"^\s*\{"),),
    columns=_COLUMNS,
    enrichment={
        "tp_timestamp": "coalesce(time_iso8601, timezone('UTC', try_strptime(time_local, '%d/%b/%Y:%H:%M:%S %z')), "
        "make_timestamp((msec * 1000000)::BIGINT))",
        "tp_source_ip": "remote_addr",
        "tp_ips": f"nullif(list_concat({filled('remote_addr', 'server_addr')}, {_FORWARDED}, {_UPSTREAMS}), [])",
        "tp_akas": _HOSTS,
        "tp_usernames": filled("remote_user"),
        "tp_domains": _HOSTS,
    },
    statistics=("remote_addr",),
    examples=(
        Example(
            "Clients that ask for what is not there",
            "select remote_addr, count(*) as requests, count(distinct request_uri) as uris\n"
            "from nginx_access_log where status = 404 group by all order by requests desc limit 20",
        ),
        Example(
            "Which answers fail, hour by hour",
            "select date_trunc('hour', tp_timestamp) as hour, status, count(*) as requests\n"
            "from nginx_access_log where status >= 500 group by all order by hour, requests desc",
        ),
        Example(
            "Most bytes by path",
            "select split_part(request_uri, '?', 1) as path, sum(body_bytes_sent) as bytes, count(*) as requests\n"
            "from nginx_access_log group by all order by bytes desc limit 20",
        ),
    ),
)
