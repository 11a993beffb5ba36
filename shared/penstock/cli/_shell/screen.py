"""The prompt of the shell: keys, colours, lines of a statement, and what stands below it."""

from __future__ import annotations

from collections.abc import Callable

from prompt_toolkit import PromptSession
from prompt_toolkit.document import Document
from prompt_toolkit.enums import DEFAULT_BUFFER, EditingMode
from prompt_toolkit.filters import Condition, has_focus
from prompt_toolkit.formatted_text import StyleAndTextTuples
from prompt_toolkit.history import History
from prompt_toolkit.input import Input
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.lexers import Lexer, PygmentsLexer
from prompt_toolkit.output import ColorDepth, Output
from prompt_toolkit.styles import Style
from pygments.lexers.sql import PostgresLexer

from penstock.cli._shell.complete import ShellCompleter
from penstock.cli._shell.meta import is_meta
from penstock.cli._shell.state import Shell
from penstock.cli._shell.switches import narrowed
from penstock.cli._shell.words import finished

__all__ = ["ended", "prompting", "read_line"]

PROMPT = "penstock> "

_STYLE = Style.from_dict(
    {
        "prompt": "bold",
        "meta": "ansicyan",
        "bottom-toolbar": "noreverse ansibrightblack",
        "bottom-toolbar.text": "",
    }
)


def prompting(
    shell: Shell,
    history: History,
    *,
    color: bool,
    input: Input | None = None,
    output: Output | None = None,
) -> PromptSession[str]:
    """The prompt of one shell; `input` and `output` are the terminal unless given."""
    return PromptSession(
        message=[("class:prompt", PROMPT)],
        multiline=True,
        prompt_continuation=lambda width, _, __: "-> ".rjust(width),
        completer=ShellCompleter(shell),
        complete_while_typing=Condition(lambda: shell.autocomplete),
        lexer=_Lexer() if color else None,
        style=_STYLE,
        include_default_pygments_style=color,
        color_depth=None if color else ColorDepth.DEPTH_1_BIT,
        history=history,
        key_bindings=_bindings(shell),
        bottom_toolbar=lambda: f" {_below(shell)}",
        enable_open_in_editor=True,
        enable_suspend=True,
        tempfile_suffix=".sql",
        reserve_space_for_menu=6,
        input=input,
        output=output,
    )


def read_line(session: PromptSession[str], shell: Shell) -> str:
    """What is entered next. KeyboardInterrupt at Ctrl-C, EOFError at Ctrl-D on an empty line."""
    draft, shell.draft = shell.draft, ""
    session.editing_mode = EditingMode.VI if shell.keys == "vi" else EditingMode.EMACS
    return session.prompt(default=draft)


def ended(text: str, *, multi: bool) -> bool:
    """Whether Enter ends the text: nothing, a meta-command, or SQL with its semicolon (`multi` off: any)."""
    return not multi or not text.strip() or is_meta(text) or finished(text)


class _Lexer(Lexer):
    """SQL in its colours, a meta-command in one (prompt_toolkit's interface, hence a class)."""

    def __init__(self) -> None:
        self._sql = PygmentsLexer(PostgresLexer)

    def lex_document(self, document: Document) -> Callable[[int], StyleAndTextTuples]:
        if is_meta(document.text):
            return lambda line: [("class:meta", document.lines[line])]
        return self._sql.lex_document(document)


def _bindings(shell: Shell) -> KeyBindings:
    bindings = KeyBindings()

    @bindings.add("enter", filter=has_focus(DEFAULT_BUFFER))
    def _(event: KeyPressEvent) -> None:
        """Take the suggestion that is chosen; else end the text, or begin a new line of it."""
        buffer = event.current_buffer
        if buffer.complete_state is not None and buffer.complete_state.current_completion is not None:
            buffer.complete_state = None
        elif ended(buffer.text, multi=shell.multi):
            buffer.validate_and_handle()
        else:
            buffer.newline(copy_margin=True)

    return bindings


def _below(shell: Shell) -> str:
    """Where one is, and what is not as it is at first."""
    parts = [shell.workspace.name, narrowed(shell.session.filters)]
    if shell.manner.form != "table":
        parts.append(f"output {shell.manner.form}")
    if shell.keys == "vi":
        parts.append("vi")
    return "  ".join(part for part in parts if part)
