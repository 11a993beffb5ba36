"""The reference pages, made from the declarations: tables, formats, configuration, settings.

`python -m penstock.docs` writes them below `docs/reference/`; a test keeps them fresh.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from penstock import formats, sources, tables
from penstock.arguments import Argument
from penstock.config import BLOCKS, COLUMN, SETTINGS, TIER
from penstock.formats import Format
from penstock.tables import COMMON_COLUMNS, Table

__all__ = ["main", "pages"]

_MADE = "<!-- Made by `make docs` from the declarations; edit those. -->\n"


def pages() -> dict[str, str]:
    """Every page by its path below `docs/reference/`."""
    made = {"README.md": _index(), "configuration.md": _configuration(), "settings.md": _settings()}
    made |= {f"formats/{name}.md": _format(formats.find(name)) for name in formats.names()}
    return made | {f"tables/{name}.md": _table(tables.find(name)) for name in tables.names()}


def main(folder: Path = Path("docs/reference")) -> None:
    """Write the pages, and take away those that no declaration makes any more."""
    made = pages()
    for path in folder.rglob("*.md"):
        if str(path.relative_to(folder)) not in made:
            path.unlink()
    for name, text in made.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    sys.stdout.write(f"{len(made)} pages in {folder}\n")


def _index() -> str:
    rows = [(f"[{t.name}](tables/{t.name}.md)", t.description) for t in map(tables.find, tables.names())]
    kinds = [(f"[{f.name}](formats/{f.name}.md)", f.description) for f in map(formats.find, formats.names())]
    return (
        f"{_MADE}# Reference\n\n"
        "- [Configuration](configuration.md): blocks, arguments, sources\n"
        "- [Settings](settings.md) of the functions\n\n"
        f"## Tables\n\n{_grid(('table', 'what it holds'), rows)}\n"
        "Tables of your own are written as `table` blocks in the [configuration](configuration.md).\n\n"
        f"## Formats\n\n{_grid(('format', 'how objects are written'), kinds)}\n"
        "Objects may be plain, gzip, zstd, bzip2 or zip (each member), whatever their format. Records that "
        "CloudWatch Logs wrapped for a subscription are unwrapped.\n"
    )


def _format(kind: Format) -> str:
    text = (
        f"{_MADE}# {kind.name}\n\n{kind.description}\n\n[Where it is described]({kind.reference})\n\n"
        f"## Arguments\n\n{_arguments(kind.arguments)}"
    )
    if kind.presets:
        presets = [(f"`format.{kind.name}.{p.name}`", p.description, _preset(p.values)) for p in kind.presets]
        text += "\n## Without a block\n\n"
        text += _grid(("format", "what it is", "as if it said"), presets)
    if kind.example:
        text += f"\n## Example\n\n```hcl\n{kind.example.strip()}\n```\n"
    if kind.vocabulary:
        words = [(f"`{name}`", f"`{expression}`") for name, expression in sorted(kind.vocabulary.items())]
        text += f"\n## Patterns\n\n{_grid(('pattern', 'what it stands for'), words)}"
    return text


def _preset(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} = `{value}`" for name, value in values.items())


def _table(table: Table) -> str:
    own = {column.name: column for column in table.columns}
    rows = []
    for name, type_ in table.all_columns():
        if name in own:
            source = f"`{own[name].source}`" if own[name].source else ""
            rows.append((f"`{name}`", f"`{type_}`", source, own[name].description))
        elif name == "unmapped":
            rows.append(
                ("`unmapped`", "`JSON`", "", "What the log holds and no column names; null if nothing.")
            )
    common = [
        (f"`{c.name}`", f"`{c.type}`", "filled" if c.name in table.enrichment else "", c.description)
        for c in COMMON_COLUMNS
    ]
    text = f"{_MADE}# {table.name}\n\n{table.description}\n\n[Source of the format]({table.reference})\n"
    if table.layouts:
        text += "\n## Where it is found\n\n"
        text += "".join(
            f"Default `file_layout` of `{s}`:\n\n```\n{layout}\n```\n" for s, layout in table.layouts.items()
        )
    if table.replaces == "delivery":
        text += (
            "\nIn a bucket, objects are collected when a manifest names them, and take the place of older "
            "deliveries of their period ([how](../../collect.md#what-comes-again)); `replaces` in the "
            "partition changes that.\n"
        )
    if table.not_logs:
        passed = [(f"`{regex}`", what) for regex, what in table.not_logs.items()]
        text += f"\nKeys that are passed over:\n\n{_grid(('key matches', 'because it is'), passed)}"
    text += f"\n## Columns\n\n{_grid(('column', 'type', 'field in the log', 'meaning'), rows)}"
    text += f"\n## Common columns\n\n{_grid(('column', 'type', 'by this table', 'meaning'), common)}"
    examples = "".join(f"\n### {e.title}\n\n```sql\n{e.sql}\n```\n" for e in table.examples)
    return text + (f"\n## Examples\n{examples}" if examples else "")


def _configuration() -> str:
    text = (
        f"{_MADE}# Configuration\n\nHCL in `*.tpc` or `*.hcl` files: blocks with labels and arguments, "
        "comments (`#`, `//`, `/* */`), heredocs, references such as `connection.aws.logs`, and text in "
        "backticks, which is taken as it stands. `penstock config check` tells every problem at once.\n"
    )
    for block in BLOCKS.values():
        labels = "".join(f' "<{label}>"' for label in block.labels)
        text += f"\n## `{block.name}{labels}`\n\n{block.description}\n\n{_arguments(block.arguments)}"
        if block.example:
            text += f"\n```hcl\n{block.example.strip()}\n```\n"
        for inner in (COLUMN, TIER):
            if inner.name in block.blocks:
                labels = "".join(f' "<{label}>"' for label in inner.labels)
                text += (
                    f"\n### `{inner.name}{labels}`\n\n{inner.description}\n\n{_arguments(inner.arguments)}"
                )
    for name in sources.names():
        source = sources.find(name)
        text += f'\n## `source "{name}"`\n\n{source.description}\n\n{_arguments(source.arguments)}'
        if source.example:
            text += f"\n```hcl\n{source.example.strip()}\n```\n"
    return text


def _arguments(arguments: Sequence[Argument]) -> str:
    rows = [
        (
            f"`{a.name}`",
            a.type,
            "yes" if a.required else "",
            "" if a.default in (None, "", {}) else f"{a.default} {a.unit}".strip(),
            a.description + (f" Accepted without effect: {a.ignored}" if a.ignored else ""),
        )
        for a in arguments
    ]
    return _grid(("argument", "type", "required", "default", "meaning"), rows) if rows else ""


def _settings() -> str:
    rows = [
        (
            f"`{s.variable}`",
            "" if s.default is None else f"{s.default:,}" if isinstance(s.default, int) else str(s.default),
            s.unit,
            s.description,
        )
        for s in SETTINGS
    ]
    return (
        f"{_MADE}# Settings\n\n"
        "Environment variables of the functions, which the command line heeds too. The template sets those "
        "that it has [parameters](../deploy.md) for; the others keep these defaults, unless you add them to "
        "a function's `Environment` in `template.yaml`.\n\n"
        f"{_grid(('variable', 'default', 'unit', 'meaning'), rows)}"
    )


def _grid(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    return "".join(f"{line}\n" for line in _lines(head, rows))


def _lines(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield f"|{'---|' * len(head)}"
    for row in rows:
        yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |"


if __name__ == "__main__":
    main()
