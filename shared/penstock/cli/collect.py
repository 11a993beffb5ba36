"""Collect logs now: what is new, a range of the past, or a range again."""

from __future__ import annotations

import datetime as dt
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

import click

from penstock import aws, poll, times
from penstock import collect as collecting
from penstock.cli import CANCELLED, FAILED, _collecting, _workspace
from penstock.cli._flags import Valued
from penstock.collect.prepare import ConfigReader
from penstock.collect.run import Away, Outcome, Range, Watch, run
from penstock.condition import check_expression
from penstock.config import (
    Config,
    Partition,
    Workspace,
    environment,
    load,
    search_path,
    settings_of,
    workspace_name,
)
from penstock.errors import ConfigError, Problem, UsageError
from penstock.listing import Window
from penstock.sweep.queue import Queue

__all__ = ["collect"]


@click.command(cls=Valued)
@click.argument("names", nargs=-1, metavar="[TABLE or TABLE.PARTITION] ...")
@click.option(
    "--from", "from_", metavar="TIME", help="Logs from this time on (2026-01-31, 2026-01, T-7d, ...)."
)
@click.option("--to", metavar="TIME", help="Logs before this time; a date, a month, a year is its beginning.")
@click.option("--overwrite/--no-overwrite", help="Collect again what is there, and replace its rows.")
@click.option("--redrive/--no-redrive", help="Try again the objects that could not be read.")
@click.option("--here/--no-here", help="Do the work on this machine, in a workspace on AWS too.")
@click.option("--detach/--no-detach", help="Send the work to the queue and leave.")
@click.option("--progress/--no-progress", default=True, help="Show progress on a terminal.")
@click.option("--output", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
@_workspace.options
def collect(
    names: tuple[str, ...],
    from_: str | None,
    to: str | None,
    overwrite: bool,
    redrive: bool,
    here: bool,
    detach: bool,
    progress: bool,
    form: str,
    workspace: str | None,
    config_path: str | None,
) -> None:
    """Collect the logs of partitions: all of them, or those that are named (* and ? are wild).

    Without --from it collects what is new: objects of the last seven days, or since the newest day
    that is there, which are not collected yet; of files on this machine, all that are not. With
    --from it looks through that range. What is collected already is never collected twice;
    --overwrite reads it again and replaces its rows in one step.

    In a workspace on AWS the deployed functions do the work: the objects go to the workspace's
    queue, and this command waits and shows how far they are. --here does it on this machine, and
    so does a workspace in a directory. --overwrite always works here.

    \b
      penstock collect
      penstock collect aws_cloudtrail_log.prod --from 2026-01 --to 2026-02
      penstock collect 'aws_*' --from T-90d --detach
      penstock collect aws_cloudtrail_log --from T-7d --overwrite
      penstock collect aws_cloudtrail_log --redrive

    Objects that cannot be read are recorded as bad and not tried again by themselves: `penstock
    partition show` lists them with the reasons, --redrive tries them once more.

    Ctrl-C ends it after the commit under way; the next run goes on. The exit status is 0 when all is
    well (bad objects are recorded and told), 1 when a partition failed, 91 when cancelled, 254 for a
    wrong command.
    """
    config = load(search_path(config_path), check_expression=check_expression)
    chosen = config.workspace(workspace_name(workspace))
    partitions = [config.partitions[one] for one in _collecting.choose(list(config.partitions), names)]
    if not partitions:
        raise ConfigError("found no partition, expected at least one block partition")
    asked = _range(from_, to, overwrite=overwrite, redrive=redrive)
    if detach and (here or overwrite):
        raise UsageError("--detach leaves the work to the queue, which --here and --overwrite do not use")
    with _faults(chosen), _stopping() as is_stopped, _worker(chosen, config) as worker:
        away = None if here or overwrite else _away(chosen, detach=detach)
        with _collecting.Display(sys.stderr, wanted=progress) as display:
            account = _workspace.account_of(chosen)
            outcomes = _run(worker, partitions, asked, away, display, is_stopped, account)
    if form == "json":
        click.echo(_collecting.as_json(outcomes))
    else:
        for outcome in outcomes:
            _collecting.show(outcome, sys.stdout, sys.stderr)
    states = {outcome.state for outcome in outcomes}
    if is_stopped():
        raise SystemExit(CANCELLED)
    raise SystemExit(FAILED if "failed" in states else 0)


def _run(
    worker: collecting.Worker,
    partitions: list[Partition],
    asked: Range,
    away: Away | None,
    display: _collecting.Display,
    is_stopped: Callable[[], bool],
    account: aws.Account,
) -> list[Outcome]:
    """One partition after the other; one that fails does not stop the rest."""
    outcomes = []
    watch = Watch(display.listed, display.tell, is_stopped, display.found)
    services = poll.AwsServices(account, worker.read_config)

    def ask(partition: Partition, left_ms: Callable[[], int], asked: Range) -> collecting.Report:
        if asked.overwrite:
            window = Window(asked.start, asked.end)
            return poll.poll_again(worker, partition, services, left_ms, window=window)
        return poll.poll_partition(worker, partition, services, environment(), left_ms, since=asked.start)

    for partition in partitions:
        if is_stopped():
            break
        display.begin(str(partition.id))
        outcomes.append(run(worker, partition, asked, watch, away, ask))
    return outcomes


def _range(from_: str | None, to: str | None, *, overwrite: bool, redrive: bool) -> Range:
    if redrive and (from_ or to or overwrite):
        raise UsageError(
            "--redrive tries all bad objects again; --from, --to and --overwrite do not go with it"
        )
    now = dt.datetime.now().astimezone()
    start, end = _time("--from", from_, now), _time("--to", to, now)
    for option, text, time in (("--from", from_, start), ("--to", to, end)):
        if time is not None and time > now:
            raise UsageError(f"{option} {text} lies in the future, expected a time up to now")
    if start is not None and end is not None and start >= end:
        raise UsageError(f"--from {from_} is not before --to {to}, which is not included itself")
    return Range(now.astimezone(dt.UTC), start, end, overwrite, redrive)


def _time(option: str, text: str | None, now: dt.datetime) -> dt.datetime | None:
    try:
        return times.parse(text, now) if text is not None else None
    except UsageError as error:
        raise UsageError(f"{option}: {error}") from error


@contextmanager
def _worker(workspace: Workspace, config: Config) -> Iterator[collecting.Worker]:
    made = collecting.prepare(
        settings_of(workspace.hive, workspace.ledger),
        _workspace.account_of(workspace),
        read_config=lambda: config,
    )
    try:
        yield made
    finally:
        made.close()


def _away(workspace: Workspace, *, detach: bool) -> Away | None:
    """The functions of a workspace on AWS; None where there are none."""
    if not workspace.ledger.startswith("dynamodb://"):
        if detach:
            raise UsageError(f"--detach: workspace {workspace.name} has no functions to leave the work to")
        return None
    if not workspace.queue:
        found = "lacks the argument queue, expected the URL of the queue that its collect function reads"
        hint = "the stack's output QueueUrl; --here needs none"
        raise ConfigError(Problem(f'workspace "{workspace.name}"', 0, found, hint))
    account = _workspace.account_of(workspace)
    reader = ConfigReader(f"{workspace.hive}/_config/", aws.client("s3", account))
    return Away(Queue(aws.client("sqs", account), workspace.queue), reader, detach)


@contextmanager
def _faults(workspace: Workspace) -> Iterator[None]:
    """A profile or a region that is not there is the configuration's fault."""
    try:
        yield
    except aws.AwsError as error:
        raise ConfigError(Problem(f'workspace "{workspace.name}"', 0, str(error))) from error


@contextmanager
def _stopping() -> Iterator[Callable[[], bool]]:
    """Whether somebody pressed Ctrl-C: once to end after the commit under way, twice to end at once."""
    pressed: list[int] = []

    def note(number: int, frame: FrameType | None) -> None:
        if pressed:
            signal.default_int_handler(number, frame)
        pressed.append(number)
        click.echo("ending after the commit under way; Ctrl-C again to end at once", err=True)

    before = signal.signal(signal.SIGINT, note)
    try:
        yield lambda: bool(pressed)
    finally:
        signal.signal(signal.SIGINT, before)
