"""Opens what a workspace's commands ask: its catalogue, at the ledger's head, behind a locked session."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from penstock import catalogue, query, times
from penstock.cli import _workspace
from penstock.config import Config, Workspace
from penstock.errors import ConfigError, Problem, UsageError
from penstock.query.pulled import folder_of

__all__ = [
    "filter_options",
    "filters_of",
    "moment_of",
    "open_place",
    "place_of",
    "placed",
    "time_of",
    "views_of",
]


def filter_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """`--from --to --partition --index`, which narrow what a command sees."""
    for option in (
        click.option(
            "--index", "indexes", multiple=True, metavar="VALUE",
            help="Only these values of tp_index; * and ?, commas.",
        ),
        click.option(
            "--partition", "partitions", multiple=True, metavar="NAME",
            help="Only these; table.partition or either, * and ?, commas.",
        ),
        click.option(
            "--to", metavar="TIME", help="Rows up to this time, itself included; a date is its midnight."
        ),
        click.option(
            "--from", "from_", metavar="TIME",
            help="Rows from this time on (2026-01-31, T-7d, ...), itself included.",
        ),
    ):  # fmt: skip
        command = option(command)
    return command


def place_of(workspace: Workspace, config: Config) -> query.Place:
    """Where sessions on a workspace are opened; ConfigError when its ledger's URL or profile is wrong."""
    cache = _workspace.cache_of(workspace)
    configured = [*config.tables.values(), *(partition.table for partition in config.partitions.values())]
    return query.Place(
        catalogue=cache / "catalogue.ducklake",
        ledger=_workspace.ledger_of(workspace),
        hive=workspace.hive,
        source=workspace.ledger,
        declared=catalogue.built_in() | {table.name: table.all_columns() for table in configured},
        client=lambda: _workspace.reader_of(workspace, config),
        ranges=lambda: _workspace.ranges_of(workspace),
        scratch=cache / "spill",
        views=lambda: views_of(config),
        published=lambda path: _fetch_published(workspace, path),
        # A hive in a directory is here already.
        pulled=tuple(
            folder_of(cache / name, workspace.hive)
            for name in ("pulled", "materialized")
            if _workspace.bucket_of(workspace)
        ),
    )


def _fetch_published(workspace: Workspace, path: Path) -> None:
    from penstock.compact.publish import PUBLISHED  # with all of compaction; only a new reader needs it

    _workspace.hive_of(workspace).download(PUBLISHED, path)


def views_of(config: Config) -> tuple[query.NamedViews, ...]:
    """The configured schemas, with relative times counted from now; UsageError names a wrong pair."""
    now = dt.datetime.now().astimezone()
    found = []
    for view in config.views.values():
        begin, end = (times.parse(text, now) if text else None for text in (view.from_, view.to))
        if begin and end and begin > end:
            raise UsageError(f'schema "{view.name}": from {view.from_} is after to {view.to}')
        filters = query.Filters(begin, end, view.partitions, view.indexes)
        found.append(query.NamedViews(view.name, view.tables, filters, view.materialized))
    return tuple(found)


def placed(workspace: str | None, config_path: str | None) -> tuple[query.Place, Config]:
    """The place of the workspace that the options name, and the configuration it stands in."""
    chosen, config = _workspace.workspace_of(workspace, config_path)
    return place_of(chosen, config), config


def open_place(
    workspace: Workspace, config: Config, filters: query.Filters, *, at: dt.datetime | int | None = None
) -> tuple[query.Place, query.Session]:
    """The workspace's place and a session on it; `at` asks for an earlier state (`query.open_earlier`).

    Local copies of materialized schemas are brought up to date first. ConfigError, Retry and UsageError
    say why not.
    """
    engine = query.begin(workspace.hive)  # is busy while credentials are looked for and the ledger is asked
    place = place_of(workspace, config)
    if any(view.materialized for view in config.views.values()) or any(map(Path.is_dir, place.pulled[1:])):
        from penstock.cli import _pulling  # only those who keep copies pay for it

        _pulling.keep(place, lambda: _workspace.hive_of(workspace))
    if at is None:
        session = query.open_at(place, filters, engine)
    else:
        session = query.open_earlier(place, at, filters, engine)
    if not session.state.versions:
        if _workspace.bucket_of(workspace):
            _require_bucket(workspace)
        if not config.files:
            click.echo(f"found no *.tpc or *.hcl file: asking {workspace.hive}, which is empty", err=True)
    return place, session


def _require_bucket(workspace: Workspace) -> None:
    """An empty hive and a mistyped bucket look alike; ask S3 which it is."""
    if not _workspace.bucket_exists(workspace):
        bucket = _workspace.bucket_of(workspace)
        place = f'workspace "{workspace.name}"'
        raise ConfigError(Problem(place, 0, f"hive: found bucket {bucket}, which does not exist"))


def filters_of(
    from_: str | None, to: str | None, partitions: tuple[str, ...], indexes: tuple[str, ...]
) -> query.Filters:
    """What `filter_options` were given; UsageError names the option that cannot be read."""
    now = dt.datetime.now().astimezone()
    begin, end = time_of("--from", from_, now), time_of("--to", to, now)
    if begin and end and begin > end:
        raise UsageError(f"--from {from_} is after --to {to}")
    return query.Filters(begin, end, _split(partitions), _split(indexes))


def time_of(option: str, text: str | None, now: dt.datetime) -> dt.datetime | None:
    """The time that an option names, in UTC; None when it was not given."""
    try:
        return times.parse(text, now) if text is not None else None
    except UsageError as error:
        raise UsageError(f"{option}: {error}") from error


def moment_of(option: str, text: str | None) -> dt.datetime | int | None:
    """The version (a whole number) or time that an option names; UsageError when it is neither."""
    if text is not None and text.isascii() and text.isdigit() and len(text) < 13:
        return int(text)
    return time_of(option, text, dt.datetime.now().astimezone())


def _split(values: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(part.strip() for value in values for part in value.split(",") if part.strip())
