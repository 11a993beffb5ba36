"""Flags that may be written with a value too, as other tools write them: `--progress=false`."""

from __future__ import annotations

import click

__all__ = ["Valued"]


class Valued(click.Command):
    """A command whose `--x/--no-x` flags also take `--x=true` and `--x=false` (click's own way does not)."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Write the values as click has them, then go on."""
        flags = {
            name: option
            for option in self.params
            if isinstance(option, click.Option) and option.is_flag and option.secondary_opts
            for name in option.opts
        }
        for place, text in enumerate(args):
            if text == "--":
                break
            name, _, value = text.partition("=")
            if name in flags and value in ("true", "false"):
                args[place] = name if value == "true" else flags[name].secondary_opts[0]
        return super().parse_args(ctx, args)
