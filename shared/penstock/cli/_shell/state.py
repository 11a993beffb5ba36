"""What the shell remembers between two lines, and how a statement is answered in it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from penstock import query
from penstock.cli._answer import Manner, answer
from penstock.cli._output import Shown
from penstock.cli._shell.vocabulary import Language, Vocabulary, language_of, vocabulary_of
from penstock.config import Config, Workspace
from penstock.errors import QueryError

__all__ = ["Keys", "Shell", "ask", "ask_again", "narrow", "renew", "vocabulary"]

Keys = Literal["emacs", "vi"]


@dataclass(slots=True)
class Shell:
    """One shell on one workspace.

    `session` is always open; what sees newer commits takes its place. `manner` is how answers are
    shown. `multi`: a statement goes on until its semicolon. `autocomplete`: suggestions come while
    typing, else at Tab. `last` is the statement asked last, `draft` what the next prompt begins with.
    """

    place: query.Place
    workspace: Workspace
    config: Config
    session: query.Session
    manner: Manner
    multi: bool = True
    autocomplete: bool = True
    keys: Keys = "emacs"
    last: str = ""
    draft: str = ""
    leaving: bool = False
    _language: Language | None = field(default=None, repr=False)
    _vocabulary: tuple[query.Session, Vocabulary] | None = field(default=None, repr=False)


def ask(shell: Shell, sql: str) -> None:
    """Answer the statements of `sql`, seeing every commit that was made by now.

    QueryError when one is refused or fails: those behind it do not run. KeyboardInterrupt when it
    is cancelled. The ledger's errors pass through; the session stays good.
    """
    shell.session = query.refresh(shell.place, shell.session)
    try:
        for one in query.prepare(shell.session, sql):
            shell.last = one
            answer(shell.session, one, shell.manner)
    except QueryError as error:
        raise QueryError(_advised(str(error))) from error


def ask_again(shell: Shell, manner: Manner) -> Shown:
    """Answer the last statement in another manner; errors as with `ask`."""
    shell.session = query.refresh(shell.place, shell.session)
    [one] = query.prepare(shell.session, shell.last)
    return answer(shell.session, one, manner)


def narrow(shell: Shell, filters: query.Filters) -> None:
    """Let every table be narrowed by `filters`; UsageError when one chooses no partition."""
    shell.session = query.refresh(shell.place, shell.session, filters)


def renew(shell: Shell) -> list[str]:
    """Open the session anew: newest commits, fresh credentials, relative times of schemas counted from now.

    What is new, a line for each partition; the errors of `query.open_at` pass through and leave all
    as it is.
    """
    fresh = query.open_at(shell.place, shell.session.filters)
    before, now = shell.session.state.versions, fresh.state.versions
    shell.session.close()
    shell.session = fresh
    return [f"{p}: version {before.get(p, 0)} to {now[p]}" for p in sorted(now) if now[p] != before.get(p, 0)]


def vocabulary(shell: Shell) -> Vocabulary:
    """The names that can be completed in the session as it is now."""
    if shell._language is None:
        shell._language = language_of(shell.session.connection)
    if shell._vocabulary is None or shell._vocabulary[0] is not shell.session:
        shell._vocabulary = (shell.session, vocabulary_of(shell.session, shell._language))
    return shell._vocabulary[1]


def _advised(message: str) -> str:
    """A person's credentials end while a shell stays open."""
    if "HTTP" in message and ("403" in message or "ExpiredToken" in message):
        return f"{message}\n\nif your credentials have ended, renew them and enter .refresh"
    return message
