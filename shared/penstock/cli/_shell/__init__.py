"""Where people ask the hive all day: a prompt that completes, remembers, and takes commands of its own.

    words, standing, scope, suggest   completion of SQL, pure functions over texts
    vocabulary                        the names that a session knows
    state                             what the shell remembers, and how a statement is answered
    meta, looks, switches, files      the meta-commands
    complete, screen, history         the terminal

`penstock query` with nothing opens it. Its own file `~/.penstock/shellrc` holds meta-commands that
it begins with.
"""

from __future__ import annotations

import traceback
from pathlib import Path

import click
import duckdb
from rich.console import Console

from penstock import __version__, query
from penstock.cli._answer import Manner
from penstock.cli._render import visible
from penstock.cli._shell import meta
from penstock.cli._shell.history import open_history
from penstock.cli._shell.screen import prompting, read_line
from penstock.cli._shell.state import Shell, ask
from penstock.config import Config, Workspace
from penstock.errors import PenstockError

__all__ = ["start", "take"]


def start(
    place: query.Place,
    workspace: Workspace,
    config: Config,
    session: query.Session,
    manner: Manner,
    *,
    home: Path,
    debug: bool = False,
) -> None:
    """Read and answer until the person leaves; then `session`, or what took its place, is closed.

    `home` is the folder of the history and of `shellrc`. With `debug` an error shows where it came from.
    """
    shell = Shell(place, workspace, config, session, manner)
    try:
        history, lost = open_history(home / "history")
        _begin(shell, home / "shellrc", lost, debug=debug)
        prompt = prompting(shell, history, color=not Console().no_color)
        while not shell.leaving:
            try:
                text = read_line(prompt, shell)
                if text.strip():
                    take(shell, text, debug=debug)
            except KeyboardInterrupt:
                continue
            except EOFError:
                return
    finally:
        shell.session.close()


def take(shell: Shell, text: str, *, debug: bool = False) -> bool:
    """Do what one line says. What goes wrong is told on standard error; whether nothing did."""
    try:
        if meta.is_meta(text):
            meta.run(shell, text)
        else:
            ask(shell, text)
    except PenstockError as error:
        if debug:
            traceback.print_exc()
        # What it tells may hold a log's own text: shown, never obeyed by the terminal.
        click.echo("\n".join(visible(line) for line in str(error).split("\n")), err=True)
        return False
    except (KeyboardInterrupt, duckdb.InterruptException):
        click.echo("cancelled", err=True)
        return False
    except RuntimeError as error:
        if "interrupted" not in str(error):  # what DuckDB makes of Ctrl-C
            raise
        click.echo("cancelled", err=True)
        return False
    return True


def _begin(shell: Shell, path: Path, lost: str, *, debug: bool) -> None:
    click.echo(
        f"penstock {__version__}, workspace {shell.workspace.name}, {len(shell.session.tables)} tables."
        " .help shows what there is."
    )
    if lost:
        click.echo(lost, err=True)
    for number, line in enumerate(_own_lines(path), start=1):
        if not line.strip() or line.lstrip().startswith(("--", "#")):
            continue
        if not meta.is_meta(line):
            click.echo(f"{path}:{number}: found {line.strip()}, expected a meta-command", err=True)
        elif not take(shell, line, debug=debug):
            click.echo(f"  at {path}:{number}", err=True)


def _own_lines(path: Path) -> list[str]:
    """The lines of the person's own file; one that cannot be read is told and left."""
    try:
        return path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    except (OSError, UnicodeDecodeError) as error:
        click.echo(f"{path}: {error}", err=True)
        return []
