"""Grok's vocabulary: the pattern names that `%{NAME}` may use, as regular expressions.

The names are those Logstash made common (https://www.elastic.co/docs/reference/logstash/plugins/plugins-filters-grok);
the expressions are written for keys and lines of AWS logs, in the syntax that RE2 and Python share.
None of them repeats a repetition, so none can take exponential time.
"""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["ALPHABETS", "PATTERNS"]

_IPV4 = r"(?:(?:25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])\.){3}(?:25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])"
# Shape only: hexadecimal groups, colons, a dotted tail. Whether it is an address is for the columns to say.
_IPV6 = r"(?:[0-9A-Fa-f]{0,4}:){2,7}(?:[0-9A-Fa-f]{1,4}|" + _IPV4 + r"|)"
_HOST = r"[0-9A-Za-z](?:[0-9A-Za-z_.-]{0,253}[0-9A-Za-z])?\.?"
_MONTH = (
    r"(?:Jan(?:uary)?|Feb(?:ruary)?|Mar(?:ch)?|Apr(?:il)?|May|June?|July?|Aug(?:ust)?"
    r"|Sep(?:tember)?|Oct(?:ober)?|Nov(?:ember)?|Dec(?:ember)?)"
)
_MONTHNUM = r"(?:0[1-9]|1[0-2]|[1-9])"
_MONTHDAY = r"(?:0[1-9]|[12][0-9]|3[01]|[1-9])"
_YEAR = r"(?:[0-9]{4}|[0-9]{2})"
_HOUR = r"(?:2[0-3]|[01][0-9]|[0-9])"
_MINUTE = r"[0-5][0-9]"
_SECOND = r"(?:[0-5][0-9]|60|[0-9])(?:[:.,][0-9]+)?"
_TIME = rf"{_HOUR}:{_MINUTE}(?::{_SECOND})?"
_ZONE = r"(?:Z|[+-][0-9]{2}:?[0-9]{2})"
_NUMBER = r"[+-]?(?:[0-9]+(?:\.[0-9]+)?|\.[0-9]+)"
_USER = r"[0-9A-Za-z._-]+"

PATTERNS: Mapping[str, str] = {
    "BASE10NUM": _NUMBER,
    "BASE16NUM": r"[+-]?(?:0x)?[0-9A-Fa-f]+",
    "BOOL": r"(?:true|false)",
    "DATA": r".*?",
    "DATESTAMP": rf"{_MONTHDAY}[./-]{_MONTHNUM}[./-]{_YEAR}[- ]{_TIME}",
    "DATE_EU": rf"{_MONTHDAY}[./-]{_MONTHNUM}[./-]{_YEAR}",
    "DATE_US": rf"{_MONTHNUM}[/-]{_MONTHDAY}[/-]{_YEAR}",
    "DAY": r"(?:Mon(?:day)?|Tue(?:sday)?|Wed(?:nesday)?|Thu(?:rsday)?|Fri(?:day)?|Sat(?:urday)?|Sun(?:day)?)",
    "EMAILADDRESS": rf"[0-9A-Za-z!#$%&'*+/=?^_`{{|}}~.-]+@{_HOST}",
    "GREEDYDATA": r".*",
    "HOSTNAME": _HOST,
    "HOSTPORT": rf"(?:{_IPV4}|{_HOST}):[0-9]+",
    "HOUR": _HOUR,
    "HTTPDATE": rf"{_MONTHDAY}/{_MONTH}/{_YEAR}:{_TIME} [+-]?[0-9]+",
    "INT": r"[+-]?[0-9]+",
    "IP": rf"(?:{_IPV4}|{_IPV6})",
    "IPORHOST": rf"(?:{_IPV4}|{_IPV6}|{_HOST})",
    "IPV4": _IPV4,
    "IPV6": _IPV6,
    "ISO8601_TIMEZONE": _ZONE,
    "LOGLEVEL": r"(?i:trace|debug|info(?:rmation)?|notice|warn(?:ing)?|err(?:or)?|crit(?:ical)?|alert|fatal"
    r"|severe|emerg(?:ency)?)",
    "MAC": r"(?:[0-9A-Fa-f]{2}[:-]){5}[0-9A-Fa-f]{2}",
    "MINUTE": _MINUTE,
    "MONTH": _MONTH,
    "MONTHDAY": _MONTHDAY,
    "MONTHNUM": _MONTHNUM,
    "MONTHNUM2": r"(?:0[1-9]|1[0-2])",
    "NONNEGINT": r"[0-9]+",
    "NOTSPACE": r"\S+",
    "NUMBER": _NUMBER,
    "PATH": r"(?:/[^\s?*]*|[A-Za-z]:\\[^\s?*]*)",
    "POSINT": r"[1-9][0-9]*",
    "PROG": r"[!-Z\\^-~]+",
    "QS": r"(?:\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*')",
    "QUOTEDSTRING": r"(?:\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*')",
    "SECOND": _SECOND,
    "SPACE": r"\s*",
    "SYSLOGTIMESTAMP": rf"{_MONTH} +{_MONTHDAY} {_TIME}",
    "TIME": _TIME,
    "TIMESTAMP_ISO8601": rf"{_YEAR}-{_MONTHNUM}-{_MONTHDAY}[T ]{_HOUR}:?{_MINUTE}(?::?{_SECOND})?{_ZONE}?",
    "TZ": r"[A-Z]{3,4}",
    "UNIXPATH": r"/[^\s?*]*",
    "URI": rf"[A-Za-z][A-Za-z0-9+.-]*://(?:[^\s/@]*@)?{_HOST}(?::[0-9]+)?(?:/[^\s?]*)?(?:\?\S*)?",
    "URIPARAM": r"\?\S*",
    "URIPATH": r"/[^\s?]*",
    "URIPATHPARAM": r"/[^\s?]*(?:\?\S*)?",
    "URIPROTO": r"[A-Za-z][A-Za-z0-9+.-]*",
    "USER": _USER,
    "USERNAME": _USER,
    "UUID": r"[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}",
    "WORD": r"\b\w+\b",
    "YEAR": _YEAR,
}

_DIGITS = frozenset("0123456789")

ALPHABETS: Mapping[str, frozenset[str]] = {
    "HOUR": _DIGITS,
    "INT": _DIGITS | frozenset("+-"),
    "MINUTE": _DIGITS,
    "MONTHDAY": _DIGITS,
    "MONTHNUM": _DIGITS,
    "MONTHNUM2": _DIGITS,
    "NONNEGINT": _DIGITS,
    "NUMBER": _DIGITS | frozenset("+-."),
    "POSINT": _DIGITS,
    "SECOND": _DIGITS | frozenset(":.,"),
    "UUID": frozenset("0123456789abcdefABCDEF-"),
    "YEAR": _DIGITS,
}
"""Every character that a match of these patterns can hold; see `layout.expression` for the use."""
