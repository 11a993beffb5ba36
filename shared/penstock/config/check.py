"""Holds a block against its declaration: names, types, presence, single values."""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from penstock.config.nodes import BROKEN, Block, Reference, Value
from penstock.errors import Problem
from penstock.sources import Argument

__all__ = ["Report", "arguments", "kind", "nearest", "title"]


class Report:
    """Where problems and notices of all files gather until everything has been looked at."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []
        self.notices: list[Problem] = []

    def problem(self, file: str, line: int, message: str, hint: str = "") -> None:
        """One more thing wrong."""
        self.problems.append(Problem(file, line, message, hint))


def nearest(name: str, valid: Iterable[str]) -> str:
    """`did you mean …?` for the valid name that is most like it, or nothing."""
    near = difflib.get_close_matches(name, list(valid), 1)
    return f"did you mean {near[0]}?" if near else ""


def arguments(block: Block, declared: Sequence[Argument], report: Report) -> dict[str, Any]:
    """The block's arguments as plain values by name; absent, ignored and wrong ones are left out.

    References become texts: `connection.aws.logs` is `aws.logs`.
    """
    by_name = {argument.name: argument for argument in declared}
    values: dict[str, Any] = {}
    for setting in block.settings:
        argument = by_name.get(setting.name)
        if argument is None:
            message = f'unknown argument "{setting.name}" in {title(block)}'
            valid = f"expected one of {', '.join(sorted(by_name))}"
            report.problem(block.file, setting.line, f"{message}, {valid}", nearest(setting.name, by_name))
            continue
        wrong, value = _read(argument, setting.value)
        if wrong:
            report.problem(block.file, setting.value.line or setting.line, f"{setting.name}: {wrong}")
        elif argument.ignored:
            notice = f"{setting.name} has no effect here: {argument.ignored}"
            report.notices.append(Problem(block.file, setting.line, notice))
        elif value is not None:
            values[argument.name] = value
    present = {setting.name for setting in block.settings}
    for argument in declared:
        if argument.required and argument.name not in present:
            report.problem(
                block.file, block.line, f'{title(block)} lacks its required argument "{argument.name}"'
            )
    return values


def title(block: Block) -> str:
    """A block as it is written: `partition "t" "n"`."""
    return " ".join([block.type, *(f'"{label}"' for label in block.labels)])


def _read(argument: Argument, value: Value) -> tuple[str, Any]:
    """(what is wrong or "", the plain value or None)."""
    data = value.data
    if data is BROKEN:
        return "", None
    if data is None:
        return ("found null, expected a value", None) if argument.required else ("", None)
    expected, plain = _typed(argument.type, data)
    if plain is None:
        return (f"found {kind(data)}, expected {expected}" if expected else ""), None
    wrong = argument.check(plain) if argument.check else None
    return (f"found {_shown(data)}, {wrong}" if wrong else ""), plain


def _typed(type_: str, data: Any) -> tuple[str, Any]:
    """(the expected type in words, the value of that type or None); no words for a broken part."""
    if type_ == "string":
        return "a string", data if isinstance(data, str) else None
    if type_ == "bool":
        return "true or false", data if isinstance(data, bool) else None
    if type_ == "number":
        number = isinstance(data, int | float) and not isinstance(data, bool) and math.isfinite(data)
        return "a number", data if number else None
    if type_ == "string(s)" and isinstance(data, str):
        return "", [data]
    if type_ in ("strings", "string(s)"):
        items = [item.data for item in data] if isinstance(data, tuple) else None
        expected = "a list of strings" if type_ == "strings" else "a string or a list of strings"
        return _all_strings(expected, items, items)
    if type_ == "map":
        plain = {key: item.data for key, item in data.items()} if isinstance(data, Mapping) else None
        return _all_strings("a map of strings", plain, list(plain.values()) if plain is not None else None)
    example = {"connection": "connection.aws.<name>", "format": "format.<type>.<name>"}[type_]
    if isinstance(data, Reference) and len(data.path) == 3 and data.path[0] == type_:
        return "", ".".join(data.path[1:])
    return f"a reference {example}", None


def _all_strings(expected: str, plain: Any, items: list[Any] | None) -> tuple[str, Any]:
    if items is None:
        return expected, None
    if any(item is BROKEN for item in items):
        return "", None
    return expected, plain if all(isinstance(item, str) for item in items) else None


def kind(data: Any) -> str:
    """A value's type in words, with the value where it is short."""
    if isinstance(data, bool):
        return f"the bool {str(data).lower()}"
    if isinstance(data, str):
        return f"the string {_shown(data)}"
    if isinstance(data, int | float):
        return f"the number {data}"
    if isinstance(data, Reference):
        return f"the reference {data}"
    what, items = ("a list", data) if isinstance(data, tuple) else ("a map", data.values())
    odd = next((item.data for item in items if not isinstance(item.data, str)), None)
    return what if odd is None else f"{what} with {kind(odd)}"


def _shown(data: Any) -> str:
    if isinstance(data, tuple):
        return f"[{', '.join(_shown(item.data) for item in data)}]"
    text = f'"{data}"' if isinstance(data, str) else str(data)
    return text if len(text) <= 80 else f"{text[:76]}…"
