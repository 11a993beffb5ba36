"""AWS CloudFront access logs: standard logs, old (v1) and new (v2), and real-time logs."""

from __future__ import annotations

from penstock.tables import Column, Example, Syntax, Table, filled

_DOCS = "https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/standard-logs-reference.html"

# The three ways to tell the time: of v2 in milliseconds, of v2 and real-time logs in seconds, of v1.
_TIME = (
    'coalesce(TRY(make_timestamp_ms(try_cast(r."timestamp(ms)" AS BIGINT))), '
    'TRY(make_timestamp((try_cast(r."timestamp" AS DOUBLE) * 1000000)::BIGINT)), '
    'try_cast(r."date" || \' \' || r."time" AS TIMESTAMP))'
)


def _given(source: str) -> str:
    """JSON has `-` where nothing is there, too; delimited text has been cleared of it."""
    return f"nullif(r.\"{source}\", '-')"


def _name(source: str) -> str:
    return source.replace("(", "-").replace(")", "").replace("-", "_").lower()


def _text(source: str, description: str) -> Column:
    return Column(_name(source), "VARCHAR", _given(source), description, source, null_if=("-",))


def _number(source: str, description: str, type_: str = "BIGINT") -> Column:
    sql = f"try_cast({_given(source)} AS {type_})"
    return Column(_name(source), type_, sql, description, source, null_if=("-",))


def _decoded(source: str, description: str) -> Column:
    """A text that is URL-encoded in the log; logs up to 2018 encoded it twice."""
    value = _given(source)
    twice = f"contains({value}, '%2520') AND NOT contains({value}, '%20')"
    once = f"TRY(url_decode({value}))"
    sql = (
        f"CASE WHEN NOT contains({value}, '%') THEN {value} "
        f"ELSE coalesce(CASE WHEN {twice} THEN TRY(url_decode(url_decode({value}))) ELSE {once} END, {value}) END"
    )
    return Column(_name(source), "VARCHAR", sql, description, source, null_if=("-",))


_COLUMNS = (
    _number("asn", "Autonomous system number of the viewer."),
    _number("c-port", "Port of the viewer.", "INTEGER"),
    _text("c-country", "Country of the viewer, by its address."),
    _text("c-ip", "Address of the viewer or of its proxy."),
    _text("c-ip-version", "IPv4 or IPv6."),
    _text("cache-behavior-path-pattern", "Path pattern of the cache behavior that matched."),
    _number("cmcd-buffer-length", "Player's data (CMCD): media in the buffer, milliseconds."),
    _text("cmcd-buffer-starvation", "Player's data (CMCD): whether the buffer ran dry."),
    _text("cmcd-content-id", "Player's data (CMCD): what is played."),
    _number("cmcd-deadline", "Player's data (CMCD): milliseconds until it is needed."),
    _number("cmcd-encoded-bitrate", "Player's data (CMCD): bit rate of the object, kbit/s."),
    _number("cmcd-measured-throughput", "Player's data (CMCD): throughput seen, kbit/s."),
    _text("cmcd-next-object-request", "Player's data (CMCD): next object it will ask for."),
    _text("cmcd-next-range-request", "Player's data (CMCD): next range it will ask for."),
    _number("cmcd-object-duration", "Player's data (CMCD): length of the object, milliseconds."),
    _text("cmcd-object-type", "Player's data (CMCD): kind of object."),
    _number("cmcd-playback-rate", "Player's data (CMCD): 1 is real time.", "DOUBLE"),
    _number("cmcd-requested-maximum-throughput", "Player's data (CMCD): throughput asked for, kbit/s."),
    _text("cmcd-session-id", "Player's data (CMCD): playback session."),
    _text("cmcd-startup", "Player's data (CMCD): whether it is needed to start."),
    _text("cmcd-stream-type", "Player's data (CMCD): on demand or live."),
    _text("cmcd-streaming-format", "Player's data (CMCD): format of the stream."),
    _number("cmcd-top-bitrate", "Player's data (CMCD): highest bit rate there is, kbit/s."),
    _text("cmcd-version", "Player's data (CMCD): version of CMCD."),
    _text("connection-id", "Identifier of the connection."),
    _decoded("cs-accept", "Accept header of the request, decoded."),
    _decoded("cs-accept-encoding", "Accept-Encoding header of the request, decoded."),
    _number("cs-bytes", "Bytes that the viewer sent, headers included."),
    _decoded("cs(Cookie)", "Cookies of the request, decoded."),
    _decoded("cs-header-names", "Names of the request's headers, one a line, decoded."),
    _decoded("cs-headers", "Headers of the request, name:value, one a line, decoded."),
    _number("cs-headers-count", "Number of headers in the request.", "INTEGER"),
    _text("cs(Host)", "Domain name of the distribution, such as d111111abcdef8.cloudfront.net."),
    _text("cs-method", "HTTP method of the request."),
    _text("cs-protocol", "Protocol of the request: http, https, ws or wss."),
    _text("cs-protocol-version", "HTTP version of the request."),
    _text("cs(Referer)", "Referer header of the request, as logged."),
    _text("cs-uri-query", "Query string of the request, as logged."),
    _text("cs-uri-stem", "Path of the request (real-time logs: the whole URL), as logged."),
    _decoded("cs(User-Agent)", "User-Agent header of the request, decoded."),
    Column(
        "distribution_id",
        "VARCHAR",
        _given("DistributionId"),
        "Distribution.",
        "DistributionId",
        null_if=("-",),
    ),
    _text("distribution-tenant-id", "Distribution tenant."),
    _number("fle-encrypted-fields", "Fields that field-level encryption encrypted.", "INTEGER"),
    _text("fle-status", "Whether field-level encryption succeeded."),
    _number("origin-fbl", "Seconds until the first byte came from the origin.", "DOUBLE"),
    _number("origin-lbl", "Seconds until the last byte came from the origin.", "DOUBLE"),
    _text("primary-distribution-dns-name", "Domain name of the primary distribution."),
    _text("primary-distribution-id", "Primary distribution of a continuous deployment."),
    _text("r-host", "Host of the origin that was asked."),
    _text("s-ip", "Address of the edge server."),
    _number("sc-bytes", "Bytes that the server sent, headers included."),
    _number("sc-content-len", "Content-Length header of the response."),
    _decoded("sc-content-type", "Content-Type header of the response, decoded."),
    _number("sc-range-end", "End of the range that was sent."),
    _number("sc-range-start", "Start of the range that was sent."),
    _number("sc-status", "HTTP status of the response; 0 when the viewer left before it.", "INTEGER"),
    _text("sr-reason", "Why that origin was selected."),
    _text("ssl-cipher", "Cipher of the TLS connection."),
    _text("ssl-protocol", "Version of TLS."),
    _number("time-taken", "Seconds from the request's first byte to the response's last.", "DOUBLE"),
    _number("time-to-first-byte", "Seconds until the first byte of the response.", "DOUBLE"),
    Column(
        "timestamp",
        "TIMESTAMP",
        _TIME,
        "When the server finished responding, UTC.",
        "timestamp",
        null_if=("-",),
        reads={"date": "VARCHAR", "time": "VARCHAR", "timestamp(ms)": "VARCHAR"},
    ),
    _decoded("viewer-request-log-data", "What a function logged at the viewer's request, decoded."),
    _decoded("viewer-response-log-data", "What a function logged at the viewer's response, decoded."),
    _text("x-edge-detailed-result-type", "Result in detail, such as OriginShieldHit or ClientCommError."),
    _text("x-edge-location", "Edge location that served the request."),
    _text("x-edge-mqcs", "Media quality confidence score."),
    _text("x-edge-request-id", "Identifier of the request."),
    _text("x-edge-response-result-type", "Result just before the response: Hit, Miss, Error and others."),
    _text("x-edge-result-type", "Result after the last byte: Hit, RefreshHit, Miss, Error and others."),
    Column(
        "x_forwarded_for",
        "VARCHAR",
        # A blank in it is written as its code, in one way or the other.
        f"replace(replace({_given('x-forwarded-for')}, '\\x20', ' '), '%20', ' ')",
        "Addresses that proxies passed on, with commas between.",
        "x-forwarded-for",
        null_if=("-",),
    ),
    _text("x-host-header", "Host header of the request."),
)

_STANDARD = (
    "date", "time", "x-edge-location", "sc-bytes", "c-ip", "cs-method", "cs(Host)", "cs-uri-stem",
    "sc-status", "cs(Referer)", "cs(User-Agent)", "cs-uri-query", "cs(Cookie)", "x-edge-result-type",
    "x-edge-request-id", "x-host-header", "cs-protocol", "cs-bytes", "time-taken", "x-forwarded-for",
    "ssl-protocol", "ssl-cipher", "x-edge-response-result-type", "cs-protocol-version", "fle-status",
    "fle-encrypted-fields", "c-port", "time-to-first-byte", "x-edge-detailed-result-type",
    "sc-content-type", "sc-content-len", "sc-range-start", "sc-range-end",
)  # fmt: skip

# Every field that a real-time log can have, in AWS's order:
# https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/real-time-logs.html
_REAL_TIME = (
    "timestamp", "c-ip", "s-ip", "time-to-first-byte", "sc-status", "sc-bytes", "cs-method", "cs-protocol",
    "cs-host", "cs-uri-stem", "cs-bytes", "x-edge-location", "x-edge-request-id", "x-host-header",
    "time-taken", "cs-protocol-version", "c-ip-version", "cs-user-agent", "cs-referer", "cs-cookie",
    "cs-uri-query", "x-edge-response-result-type", "x-forwarded-for", "ssl-protocol", "ssl-cipher",
    "x-edge-result-type", "fle-encrypted-fields", "fle-status", "sc-content-type", "sc-content-len",
    "sc-range-start", "sc-range-end", "c-port", "x-edge-detailed-result-type", "c-country",
    "cs-accept-encoding", "cs-accept", "cache-behavior-path-pattern", "cs-headers", "cs-header-names",
    "cs-headers-count", "primary-distribution-id", "primary-distribution-dns-name", "origin-fbl",
    "origin-lbl", "asn", "cmcd-encoded-bitrate", "cmcd-buffer-length", "cmcd-buffer-starvation",
    "cmcd-content-id", "cmcd-object-duration", "cmcd-deadline", "cmcd-measured-throughput",
    "cmcd-next-object-request", "cmcd-next-range-request", "cmcd-object-type", "cmcd-playback-rate",
    "cmcd-requested-maximum-throughput", "cmcd-streaming-format", "cmcd-session-id", "cmcd-stream-type",
    "cmcd-startup", "cmcd-top-bitrate", "cmcd-version", "r-host", "sr-reason", "x-edge-mqcs",
    "distribution-tenant-id", "connection-id",
)  # fmt: skip

_TABS = {"delim": "\t", "quote": "", "nullstr": "-", "required": 4}
_FORWARDED = (
    "list_filter(list_transform(string_split(coalesce(x_forwarded_for, ''), ','), lambda x: trim(x)), "
    "lambda x: regexp_full_match(x, '[0-9]{1,3}([.][0-9]{1,3}){3}|[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*'))"
)

TABLE = Table(
    name="aws_cloudfront_access_log",
    description="Requests of viewers to CloudFront distributions: standard logs v1 and v2, and real-time logs. "
    "A real-time log has no header: unless it holds all fields, a delimited format names those it has.",
    reference=_DOCS,
    # W3C extended: a line names the fields. Without it, AWS's order of the real-time log's fields.
    syntax=Syntax("delimited", {**_TABS, "header": "#Fields:", "comment": "#", "columns": _REAL_TIME}),
    syntaxes=(
        # v2 in plain text has the fields of v1, and no header; CloudWatch Logs wraps such lines.
        Syntax(
            "delimited",
            {**_TABS, "columns": _STANDARD},
            when=rb"\A\s*\d{4}-\d\d-\d\d\t\d\d:\d\d:\d\d\t",
        ),
        Syntax(
            "json_text",
            {"shape": "lines"},
            when=rb'\{\s*"(?s:.*)(?:x-edge-|cs-|sc-|c-ip|cs\(|date|timestamp)[\w()-]*"\s*:',
        ),
    ),
    columns=_COLUMNS,
    enrichment={
        "tp_timestamp": "timestamp",
        "tp_source_ip": "c_ip",
        "tp_destination_ip": "s_ip",
        "tp_ips": f"nullif(list_filter(list_concat([c_ip], {_FORWARDED}, [s_ip]), lambda x: x IS NOT NULL), [])",
        "tp_domains": filled(
            "cs_host", "nullif(x_host_header, cs_host)", "nullif(primary_distribution_dns_name, cs_host)"
        ),
    },
    layouts={
        "aws_s3_bucket": "(%{DATA:prefix}/)?%{WORD:distribution_id}.%{YEAR:year}-%{MONTHNUM:month}-%{MONTHDAY:day}-"
        "%{HOUR:hour}.%{WORD:unique_id}.(gz|parquet|json|log)",
    },
    not_logs={r"/$": "folder marker"},
    statistics=("c_ip", "x_edge_request_id"),
    examples=(
        Example(
            "Share of requests answered from the cache, by path",
            "select cs_uri_stem, count(*) as requests,\n"
            "  avg((x_edge_result_type in ('Hit', 'RefreshHit'))::int) as hits\n"
            "from aws_cloudfront_access_log group by all order by requests desc limit 20",
        ),
        Example(
            "Addresses with the most errors",
            "select c_ip, sc_status, count(*) as errors from aws_cloudfront_access_log\n"
            "where sc_status >= 400 group by all order by errors desc limit 20",
        ),
        Example(
            "Bytes sent by domain and hour",
            "select date_trunc('hour', tp_timestamp) as hour, coalesce(x_host_header, cs_host) as domain,\n"
            "  sum(sc_bytes) as bytes\n"
            "from aws_cloudfront_access_log group by all order by hour desc, bytes desc limit 50",
        ),
    ),
)
