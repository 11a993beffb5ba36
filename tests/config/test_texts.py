"""Strings, backticks, heredocs and comments mean to the letter what HCL says, on the right lines."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from penstock.config.nodes import BROKEN, Block, Reference
from penstock.config.syntax import read
from penstock.errors import Problem

NOW = dt.datetime(2026, 3, 1, 12, 30, 5, tzinfo=dt.UTC)
EXPRESSION = "expected a string, number, bool, list, map, reference or function call"
VALUE = "expected a value: a string, number, bool, list, map or reference"
BODY = 'expected "{" after a block\'s labels (an argument is written name = value)'
FUNCTIONS = "expected one of formatdate, timeadd, timestamp"
DURATION = "expected a duration such as -24h or 1h30m"
MARKS = [
    '"',
    "`",
    "\n",
    "{",
    "}",
    "[",
    "]",
    "a",
    "=",
    " ",
    "<<A",
    "\nA\n",
    "${",
    "%{",
    "#",
    "/*",
    "*/",
    "\\",
    ",",
    ".",
]
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)


def values(text: str) -> tuple[dict[str, Any], list[Problem]]:
    """The settings of a file's text by name, with the problems."""
    block, problems = read(text, "main.tpc", NOW)
    return ({s.name: s.value.data for s in block.settings} if isinstance(block, Block) else {}), problems


def lines(text: str) -> dict[str, int]:
    """The line of each setting and block of a file's text by name."""
    block, problems = read(text, "main.tpc", NOW)
    assert (problems, block is None) == ([], False)
    assert block is not None
    return {s.name: s.line for s in block.settings} | {b.type: b.line for b in block.blocks}


@given(TEXTS.filter(lambda text: "`" not in text))
@settings(deadline=None)
def test_backticks_take_everything_literally(text: str) -> None:
    """What stands between backticks is the value, and the line after it keeps its number."""
    written = f"a = `{text}`\nb = 1\n"
    found, problems = values(written)
    assert (found, problems) == ({"a": text.replace("\r\n", "\n"), "b": 1}, [])
    assert lines(written)["b"] == text.replace("\r\n", "\n").count("\n") + 2


@given(TEXTS)
@example("\\f \\b \f \b")
@settings(deadline=None)
def test_quoted_strings_decode_as_hcl_does(text: str) -> None:
    """A text escaped by HCL's rules comes back as it was, whatever it holds."""
    rare = {"\b": "\\u0008", "\f": "\\u000c"}  # which JSON writes with escapes that HCL has not
    escaped = "".join(rare.get(letter) or json.dumps(letter, ensure_ascii=False)[1:-1] for letter in text)
    escaped = escaped.replace("${", "$${").replace("%{", "%%{")
    # HCL has no escape of its own for a $ or % that stands before a doubled opener.
    if "$$${" in escaped or "%%%{" in escaped:
        return
    assert values(f'a = "{escaped}" # "\nb = 1\n') == ({"a": text, "b": 1}, [])


@given(
    st.lists(
        TEXTS.filter(lambda t: not set("\r\n") & set(t) and "{" not in t and t.strip() != "END"), max_size=5
    )
)
@settings(deadline=None)
def test_heredocs_are_their_lines(body: list[str]) -> None:
    """A heredoc holds its lines and the last line's end; backslashes and quotes in it are themselves."""
    written = "a = <<END\n" + "".join(f"{line}\n" for line in body) + "END\nb = 1\n"
    found, problems = values(written)
    assert (found, problems) == ({"a": "".join(f"{line}\n" for line in body), "b": 1}, [])
    assert lines(written)["b"] == len(body) + 3


@given(TEXTS)
@settings(deadline=None)
def test_whatever_stands_in_a_file_is_read_or_refused(text: str) -> None:
    """No text makes the reader fail otherwise than by naming a place inside the file."""
    block, problems = read(text, "main.tpc", NOW)
    assert (block is not None) or problems
    assert all(0 <= problem.line <= text.count("\n") + 1 for problem in problems)


@given(st.lists(st.sampled_from(MARKS)).map("".join))
@settings(max_examples=400, deadline=None)
def test_so_is_every_mixture_of_marks(text: str) -> None:
    """The same for texts made of the marks that mean something."""
    block, problems = read(text, "main.tpc", NOW)
    assert (block is not None) or problems
    assert all(0 <= problem.line <= text.count("\n") + 1 for problem in problems)


@pytest.mark.parametrize(
    ("written", "value"),
    [
        (r'"a\tb\\d \"q\" \u00fc\U0001F600"', 'a\tb\\d "q" ü😀'),
        ('"$${x} %%{y} $x %y"', "${x} %{y} $x %y"),
        ('"%{YEAR:year}/%{DATA}.gz"', "%{YEAR:year}/%{DATA}.gz"),
        ("<<E\n%{IFCONFIG:x} %{format}\nE", "%{IFCONFIG:x} %{format}\n"),
        (r'"^\\d+\\.json$"', r"^\d+\.json$"),
        ('"${timestamp()}"', "2026-03-01T12:30:05Z"),
        ('"x${1}${true}y"', "x1truey"),
        ('"${connection.aws.logs}"', Reference(("connection", "aws", "logs"))),
        ("connection.aws.logs", Reference(("connection", "aws", "logs"))),
        ("connection.aws.012345678901", Reference(("connection", "aws", "012345678901"))),
        ('(("x"))', "x"),
        ("-2.5", -2.5),
        ("1e3", 1000.0),
        ("12", 12),
        ("true", True),
        ("null", None),
        ("<<-E\n    a\n      b\n\n    c\n  E", "a\n  b\n\nc\n"),
        ("<<E\n${formatdate(\"YYYY\", timestamp())} $${x}\nE", "2026 ${x}\n"),
        ("<<E\nE", ""),
        ("/* c */ 1 // d", 1),
        ("1 # `", 1),
        ('formatdate("EEE, DD MMM YYYY hh:mm ZZZ", "2026-01-02T03:04:05Z")', "Fri, 02 Jan 2026 03:04 UTC"),
        ("formatdate(\"D/M/YY 'at' H AA ''\", \"2026-01-02T15:04:05+01:00\")", "2/1/26 at 3 PM "),
        ('timeadd("2026-01-01T00:00:00Z", "-1h30m")', "2025-12-31T22:30:00Z"),
    ],
)  # fmt: skip
def test_values(written: str, value: object) -> None:
    """Each way to write a value gives that value."""
    found, problems = values(f"a = {written}\n")
    assert (found, problems) == ({"a": value}, [])
    assert type(found["a"]) is type(value)


def test_lists_and_maps() -> None:
    """Lists and maps take trailing commas, line ends, quoted and bare keys, `=` and `:`."""
    found, problems = values('a = [\n "x", # one\n `y`,\n]\nb = {\n k = "v"\n "in" : `w`,\n for = "z" }\n')
    assert problems == []
    assert [(item.data, item.line) for item in found["a"]] == [("x", 2), ("y", 3)]
    assert {key: (item.data, item.line) for key, item in found["b"].items()} == {
        "k": ("v", 6), "in": ("w", 7), "for": ("z", 8),
    }  # fmt: skip


def test_lines_after_comments_and_texts() -> None:
    """Settings and blocks know their line behind comments, backticks and heredocs over several."""
    text = "/* 1\n2 */ a = `3\n4` /* 5\n6 */\n# 7\nb = <<E\n\n\nE\nc = 1\r\nd {\r\n}\r\n"
    assert lines(text) == {"a": 2, "b": 6, "c": 10, "d": 11}
    assert lines("\ufeffa = 1") == {"a": 1}


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        ('a = "x', ["1: found a string that its line does not close, expected a double quote"]),
        ('a = "\\d"', [r'1: found the escape \d, expected \n, \r, \t, \", \\ or \uXXXX']),
        ('a = "\\ud800"', [r"1: found \ud800, which is no Unicode character"]),
        ('a = "%{if x}"', ["1: found the directive %{if outside of backticks, expected text or ${ … }"]),
        (
            "a = <<E\n%{~ endfor}\nE\n",
            ["2: found the directive %{~ endfor outside of backticks, expected text or ${ … }"],
        ),
        ('\na = "${b"', ['2: found "${" without its "}"']),
        ('a = "x${b.c}"', ["1: found a reference, list, map or null among text"]),
        ("a = <<E\n\n${nope()}\nE\n", [f"3: unknown function nope, {FUNCTIONS}"]),
        ("a = `x", ["1: found a backtick without the one that closes it"]),
        ("\n/* x", ['2: found "/*" without its "*/"']),
        ("a = <<E\nx\n", ["1: found <<E without a line E that ends it"]),
        ("p {\n\n", ['3: found the end of the file, expected "}" for the "{" of line 1']),
        ("p {\n]", ['2: found "]", expected "}" for the "{" of line 1']),
        ("p {\n}\n}", ['3: found "}", which closes nothing']),
        ("a = 1\nb = 2\na = 3", ['3: found "a" again, expected it once']),
        ("a = {\nx = 1\nx = 2 }", ['3: found "x" again in one map, expected it once']),
        ('bucket "x"\n', ['1: found the end of the file, ' + BODY]),
        ('p "x"\ny = 1', ['1: found "y", ' + BODY]),
        ("a =\nb = 1", [f"1: found the end of the line, {VALUE}"]),
        ("a = [1 2]", ['1: found "2", expected "," or "]"']),
        ("a: 3", ['1: found ":", expected "=" and a value, or labels and "{"']),
        ("p { a = 1, b = 2 }", ['1: found ",", expected an argument, a block or "}"']),
        ("a = b.", ["1: found the end of the line, expected a name after the dot"]),
        ("a = 1 + 2", [f"1: found an expression, {EXPRESSION}"]),
        ("a = [for x in y : x]", [f"1: found an expression, {EXPRESSION}"]),
        ('a = timeadd("2026-01-01T00:00:00Z", "1 day")', [f"1: timeadd: found '1 day', {DURATION}"]),
        ("a = timestamp(1)", ["1: timestamp: found 1 arguments, expected 0 strings"]),
        ('p "${c.d}" {}', ["1: found a label that is no text, expected a string"]),
    ],
)  # fmt: skip
def test_wrong_syntax_is_said_in_words(text: str, problems: list[str]) -> None:
    """Each slip is one problem with its line, what was found and what was expected."""
    _, found = read(text, "main.tpc", NOW)
    assert [f"{problem.line}: {problem.message}" for problem in found] == problems


def test_a_deep_nest_is_refused() -> None:
    """Values nested beyond reason are a problem, not a crash."""
    _, problems = read("a = " + "[" * 3000 + "]" * 3000, "main.tpc", NOW)
    assert [problem.message for problem in problems] == [
        "found values nested hundreds deep, expected a configuration"
    ]


def test_a_broken_value_is_told_from_null() -> None:
    """What could not be read is marked, so that nothing more is said about it."""
    found, problems = values("a = nope()\nb = null\n")
    assert found == {"a": BROKEN, "b": None}
    assert len(problems) == 1
