"""Gets the HCL parser ready fast: python-hcl2's grammar with its parse tables made beforehand.

Making the tables takes about two seconds, reading them back some 30 ms. python-hcl2 keeps them
beside itself when it may write there, but a Lambda layer is read-only and built on another Python,
so `make build` writes them beside this file (`python -m penstock.config.grammar`). They are used
only with the grammar and the version of lark that they were made from.
"""

from __future__ import annotations

import hashlib
import importlib.util
import sys
from functools import cache
from io import BytesIO
from pathlib import Path

import lark

__all__ = ["TABLES", "parser", "write_tables"]

TABLES = Path(__file__).with_name("grammar.bin")
"""Where ready tables are looked for; written by the build, never kept in the repository."""


@cache
def parser(tables: Path = TABLES) -> lark.Lark:
    """The LALR parser of HCL's syntax; `parse` gives a tree whose tokens know their lines."""
    if tables.is_file():
        stored = tables.read_bytes()
        if stored[:32] == _fingerprint():
            return lark.Lark.load(BytesIO(stored[32:]))
    import hcl2.parser

    return hcl2.parser.parser()


def write_tables(path: Path) -> None:
    """Write the tables for `parser` to read.

    They leave out python-hcl2's own pass over the tokens: it serves operators, which our files do
    not have, and would import the whole package.
    """
    made = lark.Lark(_grammar(), parser="lalr", propagate_positions=True)
    out = BytesIO()
    made.save(out)
    path.write_bytes(_fingerprint() + out.getvalue())


def _grammar() -> str:
    spec = importlib.util.find_spec("hcl2")
    assert spec is not None  # noqa: S101 - a dependency
    assert spec.origin is not None  # noqa: S101
    return Path(spec.origin).with_name("hcl2.lark").read_text(encoding="utf-8")


def _fingerprint() -> bytes:
    return hashlib.sha256(f"lark {lark.__version__}\n{_grammar()}".encode()).digest()


if __name__ == "__main__":
    write_tables(Path(sys.argv[1]) if len(sys.argv) > 1 else TABLES)
