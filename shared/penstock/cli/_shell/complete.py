"""Completes a line of the shell: meta-commands and their arguments, and SQL."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from prompt_toolkit.completion import CompleteEvent, Completer, Completion, PathCompleter
from prompt_toolkit.document import Document

from penstock.cli._render import visible
from penstock.cli._shell import meta
from penstock.cli._shell.meta import COMMANDS, MetaCommand
from penstock.cli._shell.state import Shell, vocabulary
from penstock.cli._shell.suggest import MOST, Suggestion, matching, suggest
from penstock.cli._shell.vocabulary import Vocabulary

__all__ = ["ShellCompleter", "suggest_meta"]

_LONG = 20_000
"""Characters beyond which nobody types: what was pasted is not read anew at each key."""


class ShellCompleter(Completer):
    """What prompt_toolkit asks for completions (its own interface, hence a class)."""

    def __init__(self, shell: Shell) -> None:
        self._shell = shell
        self._paths = PathCompleter(expanduser=True)

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterable[Completion]:
        """The completions at the cursor."""
        before, after = document.text_before_cursor, document.text_after_cursor
        if len(document.text) > _LONG and not complete_event.completion_requested:
            return []
        known = vocabulary(self._shell)
        if not before.lstrip().startswith("."):
            found = suggest(known, before, after, asked=complete_event.completion_requested)
        else:
            command, argument = _begun(before)
            if command is not None and command.takes == "path":
                path = Document(argument, len(argument))
                return self._paths.get_completions(path, complete_event)
            if command is not None and command.takes == "sql":
                found = suggest(known, argument, after, asked=complete_event.completion_requested)
            else:
                found = suggest_meta(known, before)
        return [
            Completion(s.text, -s.replaced, display=visible(s.shown), display_meta=visible(s.note)[:60])
            for s in found
        ]


def suggest_meta(known: Vocabulary, line: str) -> list[Suggestion]:
    """Names of meta-commands, or behind one what its argument can be."""
    command, argument = _begun(line)
    if command is None:
        typed = line.lstrip()
        return [
            Suggestion(one.name, len(typed), one.name, one.summary)
            for one in COMMANDS
            if one.name.startswith(typed.lower())
        ]
    if command.takes == "words":
        argument = argument.rpartition(",")[2].lstrip()
    return list(_choices(command, argument, known))[:MOST]


def _begun(line: str) -> tuple[MetaCommand | None, str]:
    """The command whose argument is being typed, and what is typed of it; none while its name is."""
    name, space, argument = line.lstrip().partition(" ")
    if not space:
        return None, ""
    found = next((one for one in COMMANDS if one.name == name.lower()), None)
    return found or MetaCommand(name, "", "", meta.run), argument.lstrip()


def _choices(command: MetaCommand, typed: str, known: Vocabulary) -> Iterator[Suggestion]:
    for _, choice in sorted(matching(typed, command.choices(known)), key=lambda pair: pair[0]):
        yield Suggestion(choice, len(typed), choice)
