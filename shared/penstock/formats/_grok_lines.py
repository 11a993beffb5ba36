"""Grok patterns for whole lines and their larger parts, in grok's own words.

The smaller ones stand in `layout.grok`, for keys as well. The names are those Logstash made common.
"""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["LINES"]

_CLIENT = r"%{IPORHOST:clientip} %{HTTPDUSER:ident} %{HTTPDUSER:auth} \[%{HTTPDATE:timestamp}\]"
_REQUEST = (
    r'"(?:%{WORD:verb} %{NOTSPACE:request}(?: HTTP/%{NUMBER:httpversion})?|%{DATA:rawrequest})"'
    r" (?:-|%{NUMBER:response}) (?:-|%{NUMBER:bytes})"
)

LINES: Mapping[str, str] = {
    "BASE16FLOAT": r"[+-]?(?:0x)?(?:[0-9A-Fa-f]+(?:\.[0-9A-Fa-f]*)?|\.[0-9A-Fa-f]+)",
    "BOOLEAN": r"(?i:true|false)",
    "CISCOMAC": r"(?:[0-9A-Fa-f]{4}\.){2}[0-9A-Fa-f]{4}",
    "COMBINEDAPACHELOG": r"%{COMMONAPACHELOG} %{QS:referrer} %{QS:agent}",
    "COMMONAPACHELOG": f"{_CLIENT} {_REQUEST}",
    "COMMONMAC": r"(?:[0-9A-Fa-f]{2}:){5}[0-9A-Fa-f]{2}",
    "DATE": r"(?:%{DATE_US}|%{DATE_EU})",
    "DATESTAMP_EVENTLOG": r"%{YEAR}%{MONTHNUM2}[0-3][0-9]%{HOUR}%{MINUTE}%{SECOND}",
    "DATESTAMP_OTHER": r"%{DAY} %{MONTH} +%{MONTHDAY} %{TIME} %{TZ} %{YEAR}",
    "DATESTAMP_RFC2822": r"%{DAY}, %{MONTHDAY} %{MONTH} %{YEAR} %{TIME} %{ISO8601_TIMEZONE}",
    "DATESTAMP_RFC822": r"%{DAY} %{MONTH} %{MONTHDAY} %{YEAR} %{TIME} %{TZ}",
    "EMAILLOCALPART": r"[0-9A-Za-z!#$%&'*+/=?^_`{|}~.-]{1,64}",
    "GREEDYMULTILINE": r"(?s:.*)",
    # A line needs no limit to the length of a name, and without one the expression is small.
    "HOSTNAME": r"[0-9A-Za-z](?:[0-9A-Za-z_.-]*[0-9A-Za-z])?\.?",
    "HOSTPORT": r"%{IPORHOST}:%{POSINT}",
    "HTTPD20_ERRORLOG": r"\[%{HTTPDERROR_DATE:timestamp}\] \[%{LOGLEVEL:loglevel}\]"
    r"(?: \[client %{IPORHOST:clientip}\])? %{GREEDYDATA:message}",
    "HTTPD24_ERRORLOG": r"\[%{HTTPDERROR_DATE:timestamp}\] \[(?:%{WORD:module})?:%{LOGLEVEL:loglevel}\]"
    r" \[pid %{POSINT:pid}(?::tid %{NUMBER:tid})?\](?: \(%{POSINT:proxy_errorcode}\)%{DATA:proxy_message}:)?"
    r"(?: \[client %{IPORHOST:clientip}:%{POSINT:clientport}\])?(?: %{DATA:errorcode}:)? %{GREEDYDATA:message}",
    "HTTPDERROR_DATE": r"%{DAY} %{MONTH} +%{MONTHDAY} %{TIME} %{YEAR}",
    "HTTPDUSER": r"(?:%{EMAILADDRESS}|%{USER})",
    "HTTPD_COMBINEDLOG": r"%{COMBINEDAPACHELOG}",
    "HTTPD_COMMONLOG": r"%{COMMONAPACHELOG}",
    "IPORHOST": r"(?:%{IP}|%{HOSTNAME})",
    "ISO8601_HOUR": r"(?:2[0-4]|[01][0-9])",
    "ISO8601_SECOND": r"%{SECOND}",
    "SYSLOGBASE": r"%{SYSLOGTIMESTAMP:timestamp} (?:%{SYSLOGFACILITY} )?%{SYSLOGHOST:logsource} %{SYSLOGPROG}:",
    "SYSLOGFACILITY": r"<%{NONNEGINT:facility}\.%{NONNEGINT:priority}>",
    "SYSLOGHOST": r"%{IPORHOST}",
    "SYSLOGLINE": r"%{SYSLOGBASE} +%{GREEDYDATA:message}",
    "SYSLOGPROG": r"%{PROG:program}(?:\[%{POSINT:pid}\])?",
    "SYSLOG5424PRI": r"<%{NONNEGINT:syslog5424_pri}>",
    "SYSLOG5424SD": r"(?:\[[^\]]*\])+",
    "SYSLOG5424BASE": r"%{SYSLOG5424PRI}%{NONNEGINT:syslog5424_ver} +"
    r"(?:-|%{TIMESTAMP_ISO8601:syslog5424_ts}) +(?:-|%{IPORHOST:syslog5424_host}) +"
    r"(?:-|%{NOTSPACE:syslog5424_app}) +(?:-|%{NOTSPACE:syslog5424_proc}) +"
    r"(?:-|%{NOTSPACE:syslog5424_msgid}) +(?:-|%{SYSLOG5424SD:syslog5424_sd})",
    "SYSLOG5424LINE": r"%{SYSLOG5424BASE}(?: +%{GREEDYDATA:syslog5424_msg})?",
    "TIMESTAMP_RFC3339": r"%{YEAR}-%{MONTHNUM2}-%{MONTHDAY}[Tt]%{HOUR}:%{MINUTE}:%{SECOND}%{ISO8601_TIMEZONE}",
    "TTY": r"/dev/(?:pts|tty(?:[pq])?)(?:\w+)?/?[0-9]*",
    "URIHOST": r"%{IPORHOST}(?::%{POSINT})?",
    "URIQUERY": r"\S*",
    "URN": r"urn:[0-9A-Za-z][0-9A-Za-z-]{0,31}:(?:%[0-9A-Fa-f]{2}|[0-9A-Za-z()+,.:=@;$_!*'/?#-])+",
    "WINDOWSMAC": r"(?:[0-9A-Fa-f]{2}-){5}[0-9A-Fa-f]{2}",
    "WINPATH": r"(?:[A-Za-z]:|\\)(?:\\[^\\?*\s]*)+",
}
