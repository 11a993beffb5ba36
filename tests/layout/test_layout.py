"""Layouts: which keys are wanted, what their parts and times are, and that hostile keys cost little."""

from __future__ import annotations

import datetime as dt
import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from penstock.layout import LayoutError, compile_layout
from penstock.layout.grok import ALPHABETS, PATTERNS
from penstock.tables import find

CLOUDTRAIL = (
    "AWSLogs/(%{DATA:org_id}/)?%{NUMBER:account_id}/CloudTrail/%{DATA:region}/"
    "%{YEAR:year}/%{MONTHNUM:month}/%{MONTHDAY:day}/%{DATA}.json.gz"
)
NAME = "123456789012_CloudTrail_us-east-1_20240131T0005Z_AbCdEf0123456789.json.gz"
TRAIL = f"AWSLogs/123456789012/CloudTrail/us-east-1/2024/01/31/{NAME}"
S3_ACCESS = (
    "(%{NUMBER:account_id}/%{DATA:region}/%{DATA:bucket_name}/%{YEAR:partition_year}/"
    "%{MONTHNUM:partition_month}/%{MONTHDAY:partition_day}/)?"
    "%{YEAR:year}-%{MONTHNUM:month}-%{MONTHDAY:day}-%{HOUR:hour}-%{MINUTE:minute}-%{SECOND:second}-%{DATA:suffix}"
)
EXPORT = (
    "%{DATA:export_name}/(?:data/%{DATA:partition}/)?(?:%{INT:from_date}-%{INT:to_date}/)?"
    "(?:%{DATA:assembly_id}/)?(?:%{DATA:timestamp}-%{DATA:execution_id}/)?%{DATA:file_name}.csv.(?:zip|gz)"
)


@pytest.mark.parametrize(
    ("key", "parts"),
    [
        (TRAIL, {"account_id": "123456789012", "region": "us-east-1", "year": "2024"}),
        (f"audit/{TRAIL}", {"account_id": "123456789012"}),
        (
            TRAIL.replace("AWSLogs/", "AWSLogs/o-abc123/"),
            {"org_id": "o-abc123", "account_id": "123456789012"},
        ),
        (f"audit/2023/{TRAIL.replace('AWSLogs/', 'AWSLogs/o-abc123/')}", {"org_id": "o-abc123", "day": "31"}),
        (f"with space/{TRAIL}", {"region": "us-east-1"}),
        (f"größe/日本/{TRAIL}", {"region": "us-east-1"}),
        (f"a=b/c%2Fd/e+f/../{TRAIL}", {"region": "us-east-1"}),
        (f"line\nfeed/{TRAIL}", {"region": "us-east-1"}),
        (TRAIL.replace("us-east-1/2024", "us gov=west+1%/2024"), {"region": "us gov=west+1%"}),
        (TRAIL.replace(NAME, "copy of ../ü.json.gz"), {"month": "01"}),
    ],
)
def test_cloudtrail_keys_match(key: str, parts: dict[str, str]) -> None:
    """A log under the default layout is wanted wherever the tree begins, whatever its names hold."""
    captures = compile_layout(CLOUDTRAIL).match(key)
    assert captures is not None
    assert parts.items() <= captures.items()
    assert ("org_id" in captures) == ("o-abc123" in key)


@pytest.mark.parametrize(
    ("key", "time"),
    [
        ("AWSLogs/1/vpcflowlogs/eu-west-1/2026/01/02/1_vpcflowlogs_x.log.gz", "2026-01-02T00Z"),
        ("AWSLogs/o-1/1/vpcflowlogs/eu-west-1/2026/01/02/03/x.log.parquet", "2026-01-02T03Z"),
        (
            "p/AWSLogs/aws-account-id=1/aws-service=vpcflowlogs/aws-region=eu-west-1/year=2026/month=01/"
            "day=02/hour=03/x.log.parquet",
            "2026-01-02T03Z",
        ),
        ("AWSLogs/aws-account-id=1/aws-service=elb/aws-region=r/year=2026/month=01/day=02/x.log.gz", None),
    ],
)
def test_alternatives_are_layouts_of_their_own(key: str, time: str | None) -> None:
    """Each tells keys, times and the folders that lead there; none is listed for the sake of another."""
    layout = compile_layout(find("aws_vpc_flow_log").layouts["aws_s3_bucket"])
    assert layout.granularity == dt.timedelta(days=1)
    found = layout.match(key)
    told = layout.time(found) if found else None
    assert (told and f"{told:%Y-%m-%dT%HZ}") == time
    folder = key[: key.index("r=2026") if "r=2026" in key else key.index("2026")].rpartition("/")[0] + "/"
    assert bool(layout.folder(folder)) == (time is not None)


@pytest.mark.parametrize(
    "key",
    [
        "",
        "AWSLogs/",
        "AWSLogs/123456789012/",
        "AWSLogs/123456789012/CloudTrail/us-east-1/2024/01/31/",
        TRAIL.replace("/CloudTrail/", "/CloudTrail-Digest/"),
        TRAIL.replace("/CloudTrail/", "/CloudTrail-Insight/"),
        TRAIL.replace("/CloudTrail/", "/CloudTrail-Digest/").replace("AWSLogs/", "AWSLogs/o-abc/"),
        TRAIL.replace("/CloudTrail/", "/vpcflowlogs/"),
        TRAIL.replace("/01/31/", "/13/31/"),
        TRAIL.replace("/01/31/", "/01/32/"),
        TRAIL.replace(".json.gz", ".json"),
        TRAIL.replace("AWSLogs", "awslogs"),
        TRAIL.replace("/", "%2F"),
        TRAIL.replace("AWSLogs/123456789012", "AWSLogs/README"),
        "AWSLogs/123456789012/CloudTrail/README.md",
        TRAIL.replace("/2024/", "/٢٠٢٤/"),
    ],
)
def test_other_keys_do_not(key: str) -> None:
    """Digests, Insights, other services, folders, impossible dates and encoded keys are not wanted."""
    assert compile_layout(CLOUDTRAIL).match(key) is None


def test_prefix_is_followed_by_the_layout_or_part_of_it() -> None:
    """A layout may begin behind the prefix or take the whole key; a key without the prefix never matches."""
    anchored = "^%{WORD:app}/%{YEAR:year}"
    behind = compile_layout(anchored, prefix="logs/")
    assert behind.match("logs/web/2024/x") == {"app": "web", "year": "2024"}
    assert behind.match("web/2024/x") is None
    assert behind.match("logs/deep/web/2024/x") is None
    whole = compile_layout("^logs/%{WORD:app}/%{YEAR:year}", prefix="logs/")
    assert whole.match("logs/web/2024/x") == {"app": "web", "year": "2024"}
    assert compile_layout(CLOUDTRAIL, prefix="AWSLogs/").match(TRAIL) is not None
    assert (
        compile_layout(CLOUDTRAIL, prefix="AWSLogs/1").match(TRAIL.replace("AWSLogs/1", "AWSLogs/2")) is None
    )
    assert compile_layout("%{DATA:name}/x$", prefix="exports/").match("exports/a/x") == {"name": "a"}
    assert compile_layout("x", prefix="a.c").match("abc/x") is None


def test_an_optional_group_is_tried_with_first() -> None:
    """Every with/without combination of optional groups matches, and "with" wins where both do."""
    layout = compile_layout("^(a/)?(%{WORD:b}/)?c$")
    assert [layout.match(key) is not None for key in ("a/b/c", "a/c", "b/c", "c", "c/", "b/b/c")] == [
        True, True, True, True, False, False,
    ]  # fmt: skip
    assert layout.match("a/c") == {}
    assert compile_layout("^(%{WORD:b}/)?a/c$").match("a/a/c") == {"b": "a"}


def test_names_may_repeat_and_hold_dots() -> None:
    """A name that stands twice gives its first part."""
    layout = compile_layout("%{NUMBER:account.id}/x/%{NUMBER:account.id}_%{DATA:rest}$")
    assert layout.match("12/x/34_y") == {"account.id": "12", "rest": "y"}


def test_custom_patterns() -> None:
    """`patterns` add names, may use each other and win over grok's own."""
    patterns = {"APP": "app-%{LETTERS}", "LETTERS": "[a-z]+|[A-Z]+", "WORD": "w+"}
    layout = compile_layout("^%{APP:app}/%{WORD:word}$", patterns)
    assert layout.match("app-abc/www") == {"app": "app-abc", "word": "www"}
    assert layout.match("app-aBc/www") is None
    assert layout.match("app-ABC/xyz") is None


@pytest.mark.parametrize(
    ("layout", "key", "when", "span"),
    [
        (CLOUDTRAIL, TRAIL, dt.datetime(2024, 1, 31, tzinfo=dt.UTC), dt.timedelta(days=1)),
        (
            S3_ACCESS,
            "2024-02-03-04-05-06-AB",
            dt.datetime(2024, 2, 3, 4, 5, 6, tzinfo=dt.UTC),
            dt.timedelta(seconds=1),
        ),
        (
            S3_ACCESS,
            "2024-02-03-04-05-60-AB",
            dt.datetime(2024, 2, 3, 4, 6, tzinfo=dt.UTC),
            dt.timedelta(seconds=1),
        ),
        ("%{YEAR:year}/", "24/x", dt.datetime(2024, 1, 1, tzinfo=dt.UTC), dt.timedelta(days=365)),
        (
            "%{YEAR:year}-%{MONTHNUM:month}",
            "2024-12",
            dt.datetime(2024, 12, 1, tzinfo=dt.UTC),
            dt.timedelta(days=30),
        ),
        ("%{YEAR:year}/%{MONTHNUM:month}/%{MONTHDAY:day}", "2023/02/30", None, dt.timedelta(days=1)),
        ("%{WORD:year}", "soon", None, dt.timedelta(days=365)),
        ("%{MONTHNUM:month}/%{DATA}", "12/x", None, dt.timedelta(0)),
        ("a/(%{YEAR:year}/)?b", "a/2024/b", dt.datetime(2024, 1, 1, tzinfo=dt.UTC), dt.timedelta(0)),
    ],
)
def test_time_and_granularity(layout: str, key: str, when: dt.datetime | None, span: dt.timedelta) -> None:
    """The time parts give the instant a key's span begins at (or None), and how long the span is."""
    compiled = compile_layout(layout)
    captures = compiled.match(key)
    assert captures is not None
    assert compiled.time(captures) == when
    assert compiled.granularity == span


@pytest.mark.parametrize(
    ("layout", "column", "message", "hint"),
    [
        ("", 1, "is empty", ""),
        ("a/%{NUMBR:x}", 3, "unknown pattern 'NUMBR'", "did you mean NUMBER?"),
        ("a/%{YEAR", 3, "found '%{YEAR', expected %{PATTERN} or %{PATTERN:name}", ""),
        ("a(b", 2, 'found "(" without its ")"', ""),
        ("a)b", 2, 'found ")" without its "("', ""),
        ("a[b", 2, 'found "[" without its "]"', ""),
        ("a[z-b]", 2, "found '[z-b]': bad character range z-b", ""),
        ("*a", 1, "found '*', which has nothing to repeat", ""),
        ("^*a", 2, "found '*', which has nothing to repeat", ""),
        ("a**", 3, "found '*' after '*', expected one repetition", ""),
        ("a{3,2}", 2, "found '{3,2}', expected rising numbers up to 1000", ""),
        ("(?=a)", 1, "found '(?=a', expected a group: ( … ), (?: … ) or (?P<name> … )", ""),
        (r"a\1", 2, r"found '\\1', expected an escape such as \. or \d", ""),
        ("a\\", 2, r"found '\\', expected an escape such as \. or \d", ""),
        ("x(%{DATA}/)*", 2, "a repetition of a repetition could take for ever; write it without", ""),
        ("(a+)+", 1, "a repetition of a repetition could take for ever; write it without", ""),
        ("%{LOOP}", 1, "in pattern LOOP = '%{LOOP}', column 1: pattern LOOP contains itself", ""),
        ("%{BAD}", 1, 'in pattern BAD = \'x(\', column 2: found "(" without its ")"', ""),
    ],
)
def test_wrong_layouts_are_refused(layout: str, column: int, message: str, hint: str) -> None:
    """The error names the column, what was found and expected, and the nearest pattern."""
    with pytest.raises(LayoutError) as caught:
        compile_layout(layout, {"LOOP": "%{LOOP}", "BAD": "x("})
    assert (caught.value.position, caught.value.message, caught.value.hint) == (column, message, hint)


@pytest.mark.parametrize("layout", [CLOUDTRAIL, S3_ACCESS, EXPORT, "/".join(["%{DATA:x}"] * 9) + "/end"])
@pytest.mark.parametrize(
    "piece", ["/", "a/", "AWSLogs/1/CloudTrail/a/2024/01/01/", "a/data/1-2/b-c/", "1/2024-01-01-"]
)
def test_hostile_keys_cost_little(layout: str, piece: str) -> None:
    """A key of 1024 bytes made to send a matcher astray takes milliseconds: tried in every way, years."""
    compiled = compile_layout(layout)
    key = (piece * 1024)[:1023] + "!"
    start = time.perf_counter()
    compiled.match(key)
    assert time.perf_counter() - start < 10


PIECES = [
    "AWSLogs/",
    "/",
    "o-a",
    "1",
    "12",
    "-",
    "+1.5",
    "CloudTrail/",
    "a",
    "2024",
    "/01",
    "/31/",
    ".json.gz",
    ".",
    "_",
]


@settings(max_examples=400, deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=24).map("".join))
def test_atomic_groups_change_nothing(key: str) -> None:
    """The fast form of a layout matches the keys, and takes the parts, that the plain expression does."""
    for text in (
        CLOUDTRAIL,
        "%{DATA:a}/%{NUMBER:b}_%{DATA:c}-%{INT:d}.%{DATA:e}/1",
        "a%{DATA:x}1/%{YEAR:y}/%{DATA:z}/%{DATA:w}.",
        "%{DATA:a}-%{NUMBER:b}-%{DATA:c}1%{DATA:d}/12",
    ):
        layout = compile_layout(text)
        plain = [re.compile(v.expression.pattern.replace("(?>", "(?:"), re.S | re.A) for v in layout.variants]
        slow = next((m.groups() for p in plain if (m := p.match(key))), None)
        fast = next((m.groups() for v in layout.variants if (m := v.expression.match(key))), None)
        assert fast == slow


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=60).filter(bool))
def test_any_text_compiles_or_says_why(text: str) -> None:
    """Whatever is written as a layout is compiled or refused with a column inside it."""
    position = 1
    try:
        compile_layout(text).match("AWSLogs/1/x")
    except LayoutError as error:
        position = error.position
    assert 1 <= position <= len(text) + 1


@given(st.text(st.characters(exclude_characters="\\^$.|?*+()[]{}%"), min_size=1, max_size=30))
def test_plain_text_matches_itself(text: str) -> None:
    """A layout without special characters matches exactly the keys that contain it."""
    layout = compile_layout(text)
    assert layout.match(f"x/{text}y") is not None
    assert layout.match(text[:-1]) is None


SAMPLES = {
    "NUMBER": (["1", "-1.5", ".5", "+3"], ["", "a", "1."]),
    "INT": (["1", "-1"], ["1.5", ""]),
    "YEAR": (["2024", "24"], ["202", "20245"]),
    "MONTHNUM": (["1", "01", "12"], ["0", "13", "00"]),
    "MONTHDAY": (["1", "01", "31"], ["0", "32", "00"]),
    "HOUR": (["0", "00", "23"], ["24"]),
    "MINUTE": (["00", "59"], ["60", "5"]),
    "SECOND": (["00", "59", "60", "05.123"], ["61"]),
    "UUID": (["0b9c8a1e-1111-2222-3333-444455556666"], ["0b9c8a1e-1111-2222-3333-44445555666"]),
    "IP": (["10.0.0.1", "::1", "2001:db8::8a2e:370:7334", "::ffff:10.0.0.1"], ["10.0.0", "300.1.1.1"]),
    "HOSTNAME": (["a", "a.example.com", "ip-10-0-0-1"], ["-a", "a/b"]),
    "USERNAME": (["joe", "joe.smith-2_x"], ["joe@x", ""]),
    "WORD": (["abc_1"], ["a-b", ""]),
    "NOTSPACE": (["a/b"], ["a b", ""]),
    "TIMESTAMP_ISO8601": (["2024-01-31T00:00:00Z", "2024-01-31 00:00:00.123+01:00"], ["2024-01-31"]),
    "HTTPDATE": (["31/Jan/2024:00:00:00 +0000"], ["31/01/2024:00:00:00 +0000"]),
    "EMAILADDRESS": (["a.b@example.com"], ["example.com"]),
    "QUOTEDSTRING": (['"a \\" b"', "'x'"], ['"a']),
    "LOGLEVEL": (["INFO", "warning"], ["loud"]),
    "MAC": (["00:11:22:aa:BB:cc"], ["00:11:22"]),
}


@pytest.mark.parametrize("pattern", sorted(SAMPLES))
def test_grok_patterns(pattern: str) -> None:
    """Each pattern takes what its name says, whole, and nothing else."""
    takes, refuses = SAMPLES[pattern]
    expression = re.compile(f"(?:{PATTERNS[pattern]})", re.A)
    assert [text for text in takes if not expression.fullmatch(text)] == []
    assert [text for text in refuses if expression.fullmatch(text)] == []


@pytest.mark.parametrize("pattern", sorted(ALPHABETS))
@settings(max_examples=50, deadline=None)
@given(data=st.data())
def test_alphabets_hold(pattern: str, data: st.DataObject) -> None:
    """No match holds a character outside the pattern's alphabet: the atomic groups rest on it."""
    text = data.draw(st.from_regex(re.compile(PATTERNS[pattern], re.A), fullmatch=True))
    assert set(text) <= ALPHABETS[pattern]
