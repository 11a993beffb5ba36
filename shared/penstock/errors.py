"""Errors, named for what the caller does about them.

    PenstockError
    ├── ConfigError        someone corrects the configuration; trying again cannot help
    ├── UsageError         the person at the command line corrects the command
    ├── BadObject          recorded in the ledger with its reason; the others go on
    ├── Retry              passing fault: back to the queue, then the dead-letter queue
    │   └── OutcomeUnknown a write may or may not have happened; resolved by looking
    ├── Conflict           a commit lost the race in a way that trying on top cannot mend
    │   └── Taken          objects in `done` were collected by another commit
    └── QueryError         the statement is refused or failed; says where

Anything else that escapes is our own bug.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

__all__ = [
    "BadObject",
    "ConfigError",
    "Conflict",
    "OutcomeUnknown",
    "PenstockError",
    "Problem",
    "QueryError",
    "Retry",
    "Taken",
    "UsageError",
]


class PenstockError(Exception):
    """Base of every error that Penstock raises on purpose."""


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One thing wrong in the configuration: where it stands and what to do about it.

    `file` and `line` (from 1; 0 when no line applies) name the place. `message` says what was
    found and what was expected; `hint` holds the nearest valid name, if there is one.
    """

    file: str
    line: int
    message: str
    hint: str = ""

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        return f"{place}: {self.message}" + (f" ({self.hint})" if self.hint else "")


class ConfigError(PenstockError):
    """The configuration is refused whole; `problems` holds every reason, in file order."""

    def __init__(self, problems: Problem | Iterable[Problem] | str) -> None:
        if isinstance(problems, str):
            problems = Problem("configuration", 0, problems)
        if isinstance(problems, Problem):
            problems = (problems,)
        self.problems: tuple[Problem, ...] = tuple(sorted(problems))
        super().__init__("\n".join(str(problem) for problem in self.problems))


class UsageError(PenstockError):
    """A command was called with something that it cannot take."""


class BadObject(PenstockError):
    """One source object cannot be read; the reason goes into the ledger with it."""

    def __init__(self, name: str, reason: str) -> None:
        self.name = name
        self.reason = reason
        super().__init__(f"{name}: {reason}")


class Retry(PenstockError):
    """A passing fault: the same work may succeed later."""


class OutcomeUnknown(Retry):
    """A write was sent and its answer was lost: it may have happened."""


class Conflict(PenstockError):
    """A commit can no longer apply: what it wanted to change has changed.

    Files it wanted to remove are gone, or a cursor stands elsewhere.
    """


class Taken(Conflict):
    """Other commits collected these objects first; `identities` names them."""

    def __init__(self, identities: Sequence[str]) -> None:
        self.identities = tuple(identities)
        shown = ", ".join(self.identities[:3]) + (" …" if len(self.identities) > 3 else "")
        super().__init__(f"{len(self.identities)} objects already collected: {shown}")


class QueryError(PenstockError):
    """A statement was refused or failed."""
