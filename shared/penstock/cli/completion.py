"""Print what makes a shell complete penstock's commands and options."""

from __future__ import annotations

from typing import Literal

import click
from click.shell_completion import get_completion_class

__all__ = ["completion"]

_VARIABLE = "_PENSTOCK_COMPLETE"


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: Literal["bash", "zsh", "fish"]) -> None:
    """Print what makes SHELL complete penstock's commands and options.

    \b
      bash:  eval "$(penstock completion bash)"     in ~/.bashrc
      zsh:   eval "$(penstock completion zsh)"      in ~/.zshrc
      fish:  penstock completion fish > ~/.config/fish/completions/penstock.fish

    bash needs version 4.4 or newer.
    """
    found = get_completion_class(shell)
    assert found is not None  # noqa: S101 - click has all three
    # click's own `source` for bash runs bash to see its version; the script is the same for all.
    made = found(click.get_current_context().find_root().command, {}, "penstock", _VARIABLE)
    click.echo(made.source_template % made.source_vars())
