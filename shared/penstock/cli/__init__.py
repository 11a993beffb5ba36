"""The `penstock` command: one module per command, found by name and imported when it is called.

A module `<name>.py` here holds a click command (or group) called `<name>`; the first line of its
docstring stands in `penstock --help`. Names that begin with an underscore are not commands.
"""

from __future__ import annotations

import ast
import difflib
import importlib
import io
import pkgutil
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from penstock import __version__
from penstock.errors import ConfigError, PenstockError, UsageError

__all__ = ["CANCELLED", "FAILED", "WRONG_INPUT", "Commands", "main"]

FAILED = 1
CANCELLED = 91
WRONG_INPUT = 254
"""Exit statuses of every command; Tailpipe's, so that scripts carry over."""


class Commands(click.Group):
    """A group whose commands are this package's modules (click's own way to load them late)."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return sorted(m.name for m in pkgutil.iter_modules(__path__) if not m.name.startswith("_"))

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.list_commands(ctx):
            return None
        command = getattr(importlib.import_module(f"{__name__}.{cmd_name}"), cmd_name)
        assert isinstance(command, click.Command)  # noqa: S101 - a module without its command is our bug
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find it; a name that is misspelt gets the nearest one."""
        near = difflib.get_close_matches(args[0], self.list_commands(ctx), 1)
        if near and args[0] not in self.list_commands(ctx) and not args[0].startswith("-"):
            ctx.fail(f"No such command {args[0]!r}; did you mean {near[0]}?")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands by their modules' docstrings, without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, _summary(name)) for name in self.list_commands(ctx)])

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; with --debug, where an error came from is shown before its message."""
        try:
            return super().invoke(ctx)
        except PenstockError:
            if ctx.params.get("debug"):
                traceback.print_exc()
            raise

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = "penstock",
        complete_var: str | None = None,
        standalone_mode: bool = True,
        **extra: Any,
    ) -> Any:
        """Run a command line; errors are printed whole and end in the documented statuses."""
        if not standalone_mode:
            return super().main(args, prog_name, complete_var, standalone_mode=False, **extra)
        if isinstance(sys.stdout, io.TextIOWrapper):
            sys.stdout.reconfigure(errors="backslashreplace")  # a log has letters that a terminal may lack
        try:
            status = super().main(args, prog_name, complete_var, standalone_mode=False, **extra)
        except click.Abort:
            status = _failed("cancelled", CANCELLED)
        except click.ClickException as error:
            error.show()
            status = WRONG_INPUT if isinstance(error, click.UsageError) else FAILED
        except ConfigError as error:
            status = _failed("\n".join(str(problem) for problem in error.problems), FAILED)
        except UsageError as error:
            status = _failed(str(error), WRONG_INPUT)
        except PenstockError as error:
            status = _failed(str(error), FAILED)
        return sys.exit(status if isinstance(status, int) else 0)


def _failed(message: str, status: int) -> int:
    click.echo(message, err=True)
    return status


def _summary(name: str) -> str:
    source = Path(__file__).with_name(f"{name}.py")
    if not source.is_file():
        source = Path(__file__).parent / name / "__init__.py"
    docstring = ast.get_docstring(ast.parse(source.read_text(encoding="utf-8"))) or ""
    return docstring.partition("\n")[0]


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, "-v", "--version", prog_name="penstock")
@click.option("--debug", is_flag=True, help="Show where an error came from; stands before the command.")
def main(debug: bool) -> None:
    """Collects AWS logs into a Parquet hive on S3 as they land, and queries it with SQL."""
