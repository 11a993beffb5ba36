"""Decides whether a person's SQL may run: only what reads the hive's tables (G6).

    check    the statements of a text, each fit to run
    tree     the syntax tree of one

DuckDB's own lock (no external access, configuration locked) refuses local files, other buckets,
ATTACH, INSTALL and SET. It lets COPY into the hive, secrets and the environment through, and where
it refuses, it speaks of settings. So each statement is looked at first, by the syntax tree that
DuckDB's parser gives: its kind, every function it calls, every name it reads from. Table functions
are allowed by name, so a new one is refused until somebody has thought about it; scalar functions
are refused by name, and a test walks those with side effects whenever DuckDB's pin moves.
"""

from penstock.statement._allowed import ALLOWED_TABLE_FUNCTIONS, REFUSED_FUNCTIONS
from penstock.statement._check import check, tree

__all__ = ["ALLOWED_TABLE_FUNCTIONS", "REFUSED_FUNCTIONS", "check", "tree"]
