"""Hold the hive against the ledger: missing, orphaned, wrong or unreadable files."""

from __future__ import annotations

import click

from penstock.cli import FAILED, _workspace
from penstock.cli.compact import opened
from penstock.compact import fsck as checking
from penstock.places import root_of

__all__ = ["fsck"]


@click.command()
@click.option("--repair", is_flag=True, help="Mend what can be mended without losing anything.")
@_workspace.options
def fsck(repair: bool, workspace: str | None, config_path: str | None) -> None:
    """Compare every live file with what stands in the hive and its tiers: its size, its footer, its rows.

    Costs a listing of the hive and one small read for each live file. With --repair, a file that is
    gone or spoilt comes back from its other name where a merge left one, and orphans that are a day
    old are deleted. What is left then is told; nothing live is ever removed.

    The exit status is 0 when all is well, 1 when something is wrong (still, with --repair).
    """
    with opened(workspace, config_path) as made:
        config = made.read_config()
        configured = {tier.place.root for one in config.partitions.values() for tier in one.tiers}
        used = {root_of(path) for path, *_ in made.live(made.look(config)).paths()}
        standing = checking.listed(made.site, configured | used)
        live = made.live(made.look(config))
        found = checking.check(made.site, standing, live)
        left = list(found.findings)
        if repair:
            done, left = checking.repair(made.site, found, standing)
            for line in done:
                click.echo(line)
    for one in left:
        click.echo(f"{one.path}: {one.fault}: {one.message}")
    click.echo(f"{found.live} live files, {found.standing} in the hive, {len(left)} faults")
    raise SystemExit(FAILED if left else 0)
