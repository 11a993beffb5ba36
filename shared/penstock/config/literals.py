"""Takes the texts out of a file before the HCL parser sees it, and decodes them to the letter.

Backtick strings are not HCL, comments and heredocs shift lines, and what quotes hold has rules of
its own. So this pass goes over a file once and leaves only structure: every string stands as
`"<number>"`, comments are blanks, and `marks` tells where what is left came from.
"""

from __future__ import annotations

import bisect
import re
from dataclasses import dataclass, field

from penstock.errors import Problem

__all__ = ["Interpolation", "Skeleton", "Text", "strip"]


@dataclass(frozen=True, slots=True)
class Interpolation:
    """`${ … }` inside a text: the expression and its line."""

    expression: str
    line: int


@dataclass(frozen=True, slots=True)
class Text:
    """A string as written: literal parts and interpolations, and the line on which it begins."""

    parts: tuple[str | Interpolation, ...]
    line: int


@dataclass(slots=True)
class Skeleton:
    """What is left of a file: HCL without texts.

    `marks` are (offset in `source`, the file's line from there on), rising.
    """

    source: str = ""
    texts: list[Text] = field(default_factory=list)
    marks: list[tuple[int, int]] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    def line(self, offset: int) -> int:
        """The file's line behind an offset in `source`."""
        return self.marks[bisect.bisect_right(self.marks, offset, key=lambda mark: mark[0]) - 1][1]


_PLAIN = re.compile(r"[^\n\"`#/<{}()\[\]]+")
_HEREDOC = re.compile(r"<<(-?)([A-Za-z_][\w.-]*)[ \t]*\n")
_ESCAPE = re.compile(r"\\(?:u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})|(.))", re.DOTALL)
_LETTERS = {"n": "\n", "r": "\r", "t": "\t", '"': '"', "\\": "\\"}
_NESTED = re.compile(r'"(?:[^"\\\n]|\\.)*"|[{}\n]')
_DIRECTIVE = re.compile(r"%\{~?[ \t]*(if|else|endif|for|endfor)\b")
_CLOSE = {"{": "}", "(": ")", "[": "]"}


def strip(text: str, file: str, first_line: int = 1) -> Skeleton:
    """Read a file's text (line ends already `\\n`); what is wrong is in `problems`."""
    return _Scanner(text, file, first_line).run()


class _Scanner:
    """A position in the text; each method takes one thing and moves on."""

    def __init__(self, text: str, file: str, line: int) -> None:
        self.text, self.file, self.line, self.at = text, file, line, 0
        self.open: list[tuple[str, int]] = []
        self.out: list[str] = []
        self.size = 0
        self.result = Skeleton(marks=[(0, line)])

    def problem(self, line: int, message: str, hint: str = "") -> None:
        self.result.problems.append(Problem(self.file, line, message, hint))

    def run(self) -> Skeleton:
        while self.at < len(self.text):
            self.step()
        if self.open and not self.result.problems:
            char, line = self.open[-1]
            self.problem(
                self.line,
                f'found the end of the file, expected "{_CLOSE[char]}" for the "{char}" of line {line}',
            )
        self.result.source = "".join(self.out)
        return self.result

    def emit(self, text: str) -> None:
        """Leave this in the skeleton; what follows it stands on the line reached by now."""
        self.out.append(text)
        self.size += len(text)
        if self.result.marks[-1][1] != self.line:
            self.result.marks.append((self.size, self.line))

    def step(self) -> None:
        text, at = self.text, self.at
        char = text[at]
        if plain := _PLAIN.match(text, at):
            self.emit(plain[0])
            self.at = plain.end()
        elif char == "\n":
            self.newline()
        elif char == '"':
            self.quoted()
        elif char == "`":
            self.backtick()
        elif char == "#" or text.startswith("//", at):
            end = text.find("\n", at)
            self.at = len(text) if end < 0 else end
        elif text.startswith("/*", at):
            self.comment()
        elif heredoc := _HEREDOC.match(text, at):
            self.heredoc(heredoc)
        else:
            self.bracket(char)
            self.emit(char)
            self.at += 1

    def newline(self) -> None:
        self.line += 1
        self.at += 1
        self.emit("\n")

    def bracket(self, char: str) -> None:
        if char in _CLOSE:
            self.open.append((char, self.line))
        elif char in _CLOSE.values():
            if not self.open:
                self.problem(self.line, f'found "{char}", which closes nothing')
            elif _CLOSE[self.open[-1][0]] != char:
                opener, line = self.open.pop()
                self.problem(
                    self.line,
                    f'found "{char}", expected "{_CLOSE[opener]}" for the "{opener}" of line {line}',
                )
            else:
                self.open.pop()

    def comment(self) -> None:
        end = self.text.find("*/", self.at + 2)
        if end < 0:
            self.problem(self.line, 'found "/*" without its "*/"')
            end = len(self.text)
        self.line += self.text.count("\n", self.at, end)
        self.emit(" ")
        self.at = end + 2

    def put(self, parts: list[str | Interpolation], line: int) -> None:
        self.emit(f'"{len(self.result.texts)}"')
        self.result.texts.append(Text(tuple(parts), line))

    def backtick(self) -> None:
        start, line = self.at, self.line
        end = self.text.find("`", start + 1)
        if end < 0:
            self.problem(line, "found a backtick without the one that closes it")
            end = len(self.text)
        content = self.text[start + 1 : end]
        self.line += content.count("\n")
        self.at = end + 1
        self.put([content], line)

    def quoted(self) -> None:
        line, self.at = self.line, self.at + 1
        parts: list[str | Interpolation] = []
        while True:
            char = self.text[self.at : self.at + 1]
            if char in ("", "\n"):
                self.problem(
                    line,
                    "found a string that its line does not close, expected a double quote",
                    "text over several lines goes into backticks or a heredoc",
                )
                break
            if char == '"':
                self.at += 1
                break
            parts.append(self.escape() if char == "\\" else self.template())
        self.put(_joined(parts), line)

    def escape(self) -> str:
        match = _ESCAPE.match(self.text, self.at)
        if match is None or match[3] == "\n":
            self.at += 1
            return ""  # a backslash at the end of the line: the open string is the problem
        self.at = match.end()
        if match[3] is None:
            code = int(match[1] or match[2], 16)
            if code <= 0x10FFFF and not 0xD800 <= code <= 0xDFFF:
                return chr(code)
            self.problem(self.line, f"found {match[0]}, which is no Unicode character")
        elif match[3] in _LETTERS:
            return _LETTERS[match[3]]
        else:
            self.problem(
                self.line,
                f'found the escape {match[0]}, expected \\n, \\r, \\t, \\", \\\\ or \\uXXXX',
                f"write \\{match[0]}, or use backticks",
            )
        return ""

    def template(self) -> str | Interpolation:
        """One literal character, a doubled (so escaped) opener, or an interpolation."""
        text, at = self.text, self.at
        for doubled in ("$${", "%%{"):
            if text.startswith(doubled, at):
                self.at = at + 3
                return doubled[1:]
        if text.startswith("${", at):
            return self.interpolation()
        if directive := _DIRECTIVE.match(text, at):  # any other %{ is grok, as people write it
            hint = "write %%{, or use backticks, where nothing is special"
            message = f"found the directive {directive[0]} outside of backticks, expected text or ${{ … }}"
            self.problem(self.line, message, hint)
        self.line += text[at] == "\n"
        self.at = at + 1
        return text[at]

    def interpolation(self) -> str | Interpolation:
        start, line, depth = self.at + 2, self.line, 1
        for match in _NESTED.finditer(self.text, start):
            depth += (match[0] == "{") - (match[0] == "}")
            if match[0] == "\n" or not depth:
                break
        else:
            match = None
        if match is None or depth:
            self.problem(line, 'found "${" without its "}"', "write $${ for the characters themselves")
            self.at = start
            return ""
        self.at = match.end()
        return Interpolation(self.text[start : match.start()], line)

    def heredoc(self, opening: re.Match[str]) -> None:
        line, lines = self.line, []
        end, closed = opening.end(), False
        while end < len(self.text) and not closed:
            stop = self.text.find("\n", end)
            stop = len(self.text) if stop < 0 else stop
            lines.append(self.text[end:stop])
            end, closed = stop + 1, lines[-1].strip(" \t") == opening[2]
        self.line += len(lines)
        self.at = min(end - 1, len(self.text)) if lines else end
        if closed:
            lines.pop()
        else:
            self.problem(line, f"found <<{opening[2]} without a line {opening[2]} that ends it")
        if opening[1]:
            lines = _outdented(lines)
        self.put(self.heredoc_parts("".join(f"{text}\n" for text in lines), line + 1), line)

    def heredoc_parts(self, body: str, line: int) -> list[str | Interpolation]:
        inner = _Scanner(body, self.file, line)
        parts = []
        while inner.at < len(body):
            parts.append(inner.template())
        self.result.problems += inner.result.problems
        return _joined(parts)


def _outdented(lines: list[str]) -> list[str]:
    """Without the white space that all lines begin with, as `<<-` asks."""
    widths = [len(text) - len(text.lstrip(" \t")) for text in lines if text.strip(" \t")]
    width = min(widths, default=0)
    return [text[width:] if text.strip(" \t") else text[width:].lstrip(" \t") for text in lines]


def _joined(parts: list[str | Interpolation]) -> list[str | Interpolation]:
    """Neighbouring literal parts as one."""
    joined: list[str | Interpolation] = []
    for part in parts:
        if isinstance(part, str) and joined and isinstance(joined[-1], str):
            joined[-1] += part
        else:
            joined.append(part)
    return joined
