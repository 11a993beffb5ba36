"""Settings of the functions and defaults of the command line, from the environment.

Nothing else in Penstock reads the environment; each setting is declared once, with its unit.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from penstock.config.blocks import BLOCKS
from penstock.errors import ConfigError, Problem

__all__ = [
    "SETTINGS",
    "Setting",
    "Settings",
    "cache_bytes",
    "environment",
    "pager",
    "search_path",
    "settings_from_env",
    "settings_of",
    "workspace_name",
]


@dataclass(frozen=True, slots=True)
class Setting:
    """One environment variable: `default` None means required, `least` bounds a number."""

    variable: str
    field: str
    description: str
    default: str | int | None = None
    unit: str = ""
    least: int = 1
    most: int = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Settings:
    """What a function is told by its environment; `SETTINGS` says what each field is."""

    hive: str
    ledger: str
    config: str
    memory_mb: int
    threads: int
    commit_objects: int
    commit_bytes: int
    max_inflated_bytes: int
    fetchers: int
    target_bytes: int
    job_bytes: int
    grace_seconds: int
    history_seconds: int
    queue: str
    iceberg: str
    sweep_first_days: int
    sweep_look_back_hours: int
    sweep_settle_minutes: int


_MIB = 2**20

SETTINGS: tuple[Setting, ...] = (
    Setting("PENSTOCK_HIVE", "hive", "Root of the Parquet files: s3://bucket/prefix or a directory."),
    Setting("PENSTOCK_LEDGER", "ledger", "dynamodb://<table> or sqlite:///<file>."),
    Setting("PENSTOCK_CONFIG", "config", "Where the configuration files are.", "<hive>/_config/"),
    Setting(
        "PENSTOCK_MEMORY_MB", "memory_mb", "What DuckDB may reserve; it uses about half of it.",
        1024, "MiB", 512,
    ),
    Setting("PENSTOCK_THREADS", "threads", "Threads of DuckDB.", 1, "threads", 1, 64),
    Setting("PENSTOCK_COMMIT_OBJECTS", "commit_objects", "Most objects in one commit.", 95, "objects", 1, 95),
    Setting(
        "PENSTOCK_COMMIT_BYTES", "commit_bytes", "Most bytes of objects, as stored, in one commit but for a "
        "single larger object.", 32 * _MIB, "bytes",
    ),
    Setting(
        "PENSTOCK_MAX_INFLATED_BYTES", "max_inflated_bytes", "An object that inflates beyond this is bad.",
        2048 * _MIB, "bytes",
    ),
    Setting("PENSTOCK_FETCHERS", "fetchers", "Objects fetched at once.", 16, "fetches", 1, 256),
    Setting(
        "PENSTOCK_TARGET_BYTES", "target_bytes", "How large compaction makes files.", 256 * _MIB, "bytes",
    ),
    Setting(
        "PENSTOCK_JOB_BYTES", "job_bytes", "What one merge takes at most; the work folder holds three times "
        "of it.", 1024 * _MIB, "bytes",
    ),
    Setting(
        "PENSTOCK_GRACE_SECONDS", "grace_seconds", "How long a removed file stays in the hive: longer than a "
        "query.", 3600, "seconds", 0,
    ),
    Setting(
        "PENSTOCK_HISTORY_SECONDS", "history_seconds", "How long earlier states of the hive can be queried "
        "(`--at`), where it is longer than the grace: removed files stay, and merged ones are shown to "
        "readers that glob, that much later.", 0, "seconds", 0,
    ),
    Setting(
        "PENSTOCK_QUEUE", "queue", "URL of the SQS queue that sweep sends what is missing to; no other "
        "needs it.", "",
    ),
    Setting(
        "PENSTOCK_ICEBERG", "iceberg", 'Catalogue of partitions with export = "iceberg": glue://<database> '
        "or sqlite:///<file>; a hive in a directory has one of its own.", "",
    ),
    Setting(
        "PENSTOCK_SWEEP_FIRST_DAYS", "sweep_first_days", "How far back the first sweep of a source looks.",
        7, "days", 1, 36_500,
    ),
    Setting(
        "PENSTOCK_SWEEP_LOOK_BACK_HOURS", "sweep_look_back_hours", "How far each later sweep looks back "
        "before the end of the one before, for late objects.", 24, "hours", 1, 24 * 366,
    ),
    Setting(
        "PENSTOCK_SWEEP_SETTLE_MINUTES", "sweep_settle_minutes", "Objects younger than this are left to "
        "their events, and to the next sweep.", 15, "minutes", 0, 24 * 60,
    ),
)  # fmt: skip
"""Everything that the functions can be told."""

_CACHE_BYTES = Setting(
    "PENSTOCK_CACHE_BYTES", "cache_bytes", "Most bytes of ranges that queries keep on disk; 0 for none.",
    2048 * _MIB, "bytes", 0,
)  # fmt: skip


def settings_from_env(environ: Mapping[str, str]) -> Settings:
    """The settings in an environment; ConfigError names every variable that is wrong or missing."""
    problems: list[Problem] = []
    values: dict[str, object] = {}
    for setting in SETTINGS:
        text = environ.get(setting.variable, "").strip()
        wrong, value = _read(setting, text)
        if wrong:
            problems.append(Problem(setting.variable, 0, wrong))
        values[setting.field] = value
    if problems:
        raise ConfigError(problems)
    values["hive"] = str(values["hive"]).rstrip("/")
    if not environ.get("PENSTOCK_CONFIG", "").strip():
        values["config"] = f"{values['hive']}/_config/"
    return Settings(**values)  # type: ignore[arg-type]


def _read(setting: Setting, text: str) -> tuple[str, object]:
    if not text:
        wanted = f"is not set, expected: {setting.description}"
        return (wanted if setting.default is None else ""), setting.default
    if isinstance(setting.default, int):
        if not (text.isascii() and text.isdigit() and setting.least <= int(text) <= setting.most):
            upto = f" to {setting.most}" if setting.most < 2**63 - 1 else ""
            return f'found "{text}", expected a whole number of {setting.unit} from {setting.least}{upto}', 0
        return "", int(text)
    declared = {argument.name: argument.check for argument in BLOCKS["workspace"].arguments}
    check = _iceberg if setting.field == "iceberg" else declared.get(setting.field)
    wrong = check(text) if check else None
    return (f'found "{text}", {wrong}' if wrong else ""), text


def _iceberg(text: str) -> str | None:
    fits = re.fullmatch(r"glue://[a-z0-9_]{1,255}|sqlite:///.+", text)
    return None if fits else "expected glue://<database> or sqlite:///<file>"


def settings_of(hive: str, ledger: str, environ: Mapping[str, str] = os.environ) -> Settings:
    """The settings for a hive and a ledger that were chosen otherwise; the rest is the environment's."""
    return settings_from_env({**environ, "PENSTOCK_HIVE": hive, "PENSTOCK_LEDGER": ledger})


def search_path(option: str | None = None, environ: Mapping[str, str] = os.environ) -> tuple[Path, ...]:
    """Where the command line looks for configuration: the option, else PENSTOCK_CONFIG_PATH, else
    the working directory and `~/.penstock/config`. Colons separate; of the last two, what does not
    exist is left out.
    """
    text = option or environ.get("PENSTOCK_CONFIG_PATH")
    if text:
        return tuple(Path(part).expanduser() for part in text.split(":") if part)
    defaults = (Path(), Path("~/.penstock/config").expanduser())
    return tuple(path for path in defaults if path.is_dir())


def workspace_name(option: str | None = None, environ: Mapping[str, str] = os.environ) -> str:
    """The workspace to use: the option, else PENSTOCK_WORKSPACE, else `default`."""
    return option or environ.get("PENSTOCK_WORKSPACE") or "default"


def cache_bytes(environ: Mapping[str, str] = os.environ) -> int:
    """Most bytes of ranges that queries keep on disk: PENSTOCK_CACHE_BYTES, else 2 GiB; 0 for none.

    ConfigError when it is no such number.
    """
    wrong, value = _read(_CACHE_BYTES, environ.get(_CACHE_BYTES.variable, "").strip())
    if wrong:
        raise ConfigError(Problem(_CACHE_BYTES.variable, 0, wrong))
    return int(str(value))


def environment(environ: Mapping[str, str] = os.environ) -> Mapping[str, str]:
    """The whole environment, for headers of `http` sources: they name the variables themselves."""
    return environ


def pager(environ: Mapping[str, str] = os.environ) -> str:
    """The program that shows long answers: PENSTOCK_PAGER, else PAGER, else less; empty for none."""
    return environ.get("PENSTOCK_PAGER", environ.get("PAGER", "less")).strip()
