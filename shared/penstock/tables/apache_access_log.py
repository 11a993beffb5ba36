"""Apache access logs, in the common and combined formats or any that a `LogFormat` describes."""

from __future__ import annotations

from penstock.formats.apache_access_log import ANY
from penstock.tables import Column, Example, Syntax, Table, any_time, filled

_NOTHING = ("", "-")
_DOCS = "https://httpd.apache.org/docs/current/mod/mod_log_config.html"


def _text(name: str, source: str, description: str) -> Column:
    nothing = f"""nullif(nullif(r."{name}", ''), '-')"""
    return Column(name, "VARCHAR", nothing, description, source, field=name, null_if=_NOTHING)


def _number(name: str, source: str, type_: str, description: str) -> Column:
    value = f'try_cast(r."{name}" AS {type_})'
    return Column(name, type_, value, description, source, field=name, null_if=_NOTHING)


_COLUMNS = (
    _text("remote_addr", "%a, %{c}a, %h, %{c}h", "Address of the client, or its name where names are looked up."),
    _text("remote_logname", "%l", "Name that the client's ident service gave."),
    Column(
        "remote_user", "VARCHAR", """nullif(nullif(nullif(r."remote_user", ''), '-'), '""')""",
        "Name of the user, of authentication.", "%u, %<u, %>u", field="remote_user", null_if=(*_NOTHING, '""'),
    ),
    Column(
        "timestamp", "TIMESTAMP", any_time('r."timestamp"'), "Time of the request, UTC.", "%t, %{<strftime>}t",
        field="timestamp", null_if=_NOTHING,
    ),
    _text("request_method", "%m, %r", "Method of the request."),
    _text("request_uri", "%r, %U", "URI of the request; with its query where the request line says it."),
    _text("server_protocol", "%H, %r", "Protocol of the request."),
    _number("status", "%s, %<s, %>s", "INTEGER", "Status of the answer."),
    _number("body_bytes_sent", "%b, %B", "BIGINT", "Bytes of the answer's body."),
    _text("http_referer", "%{Referer}i", "Header Referer."),
    _text("http_user_agent", "%{User-agent}i, %{User-Agent}i", "Header User-Agent."),
    _text("local_addr", "%A", "Address of the server that took the request."),
    _text("filename", "%f", "File that was asked for."),
    _number("keepalive_requests", "%k", "INTEGER", "How many requests came over the connection before."),
    _text("server_name", "%v, %V", "Name of the server that took the request."),
    _number("server_port", "%p, %{canonical}p", "INTEGER", "Port of the server that took the request."),
    _number("client_port", "%{remote}p", "INTEGER", "Port of the client."),
    _number("apache_port", "%{local}p", "INTEGER", "Port that the server itself listens on."),
    _number("pid", "%P, %{pid}P", "INTEGER", "Process that answered."),
    _number("thread_id", "%{tid}P", "BIGINT", "Thread that answered."),
    _text("hex_thread_id", "%{hextid}P", "Thread that answered, in hexadecimal."),
    _text("query_string", "%q", "Query of the request, with its question mark."),
    _text("handler", "%R", "Handler that made the answer."),
    _number("request_time", "%T, %{s}T", "FLOAT", "Seconds that the request took."),
    _number("request_time_ms", "%{ms}T", "FLOAT", "Milliseconds that the request took."),
    _number("request_time_us", "%D, %{us}T", "DOUBLE", "Microseconds that the request took."),
    _text("connection_status", "%X", "How the connection ended: X broken off, + kept, - closed."),
    _number("bytes_received", "%I", "BIGINT", "Bytes of the request with its headers."),
    _number("bytes_sent", "%O", "BIGINT", "Bytes of the answer with its headers."),
    _number("bytes_transferred", "%S", "BIGINT", "Bytes of both."),
)  # fmt: skip

TABLE = Table(
    name="apache_access_log",
    description="Requests that the Apache HTTP server answered, from its access logs.",
    reference=_DOCS,
    syntax=Syntax(
        "pattern", {"pattern": ANY, "shown": "the common or combined log format", "nullstr": ("-",)}
    ),
    # Logs in JSON whose keys are the names of the columns.
    syntaxes=(Syntax("json_text", {"shape": "lines"}, when=rb"^\s*\{"),),
    columns=_COLUMNS,
    enrichment={
        "tp_timestamp": "timestamp",
        "tp_source_ip": "remote_addr",
        "tp_ips": filled("remote_addr", "local_addr"),
        "tp_usernames": filled("remote_user"),
    },
    statistics=("remote_addr",),
    examples=(
        Example(
            "Clients that ask for what is not there",
            "select remote_addr, count(*) as requests, count(distinct request_uri) as uris\n"
            "from apache_access_log where status = 404 group by all order by requests desc limit 20",
        ),
        Example(
            "Users, and from where they come",
            "select remote_user, list(distinct remote_addr) as addresses, count(*) as requests\n"
            "from apache_access_log where remote_user is not null group by all order by requests desc limit 20",
        ),
        Example(
            "Which programs ask",
            "select split_part(http_user_agent, '/', 1) as program, count(*) as requests\n"
            "from apache_access_log where http_user_agent is not null group by all order by requests desc limit 20",
        ),
    ),
)
