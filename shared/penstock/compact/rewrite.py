"""Takes one job from its files to its commit: fetch, merge, intent, put, commit, forget.

dies before the commit   an intent and hidden files that no reader sees; `clean` takes them
dies after it            an intent that the ledger proves true; `settle` flips in its time
loses the race           files it wanted to remove are gone (Conflict): its own go, nothing is done
outcome unknown          nothing is touched: the ledger tells the next one
"""

from __future__ import annotations

import shutil
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import duckdb

from penstock.catalogue.shape import Columns
from penstock.collect.landing import commit_id
from penstock.compact import schemas
from penstock.compact.landing import land
from penstock.compact.merge import Merged, Work, merge
from penstock.compact.plan import Job
from penstock.compact.site import Site
from penstock.errors import PenstockError, Retry
from penstock.model import Intent

__all__ = ["Bench", "Rewritten", "rewrite"]

_AT_ONCE = 8


@dataclass(frozen=True, slots=True)
class Bench:
    """Where merging happens: the locked engine, its folder, and what it may reserve."""

    engine: duckdb.DuckDBPyConnection
    folder: Path
    memory_mb: int


@dataclass(frozen=True, slots=True)
class Rewritten:
    """One job's commit. `repeated` counts rows left out because their key was there already."""

    files_in: int
    files_out: int
    rows: int
    bytes_in: int
    bytes_out: int
    repeated: int
    retries: int


def rewrite(
    site: Site,
    bench: Bench,
    job: Job,
    *,
    base: int,
    declared: Columns | None,
    unique_key: str | None,
    index: str | None = None,
) -> Rewritten | None:
    """Merge a job's files and commit; `base` is the version it was planned at, `index` as in `Work`.

    None when the group is another's, or when another commit removed a file of it first. Retry when
    it cannot be done now; PenstockError when a file is missing or does not hold what the ledger says.
    """
    with site.lease(f"compact#{job.group.partition}#{job.group.table}#{job.group}") as held:
        if not held:
            return None
        folder = Path(tempfile.mkdtemp(dir=bench.folder))
        try:
            return _rewrite(site, bench, job, folder, base, declared, unique_key, index)
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def _rewrite(
    site: Site,
    bench: Bench,
    job: Job,
    folder: Path,
    base: int,
    declared: Columns | None,
    unique_key: str | None,
    index: str | None,
) -> Rewritten | None:
    name = commit_id(site.now())
    known = site.ledger.schemas(job.group.table)
    wanted = schemas.target(job.group.table, known, {file.schema for file in job.files}, declared)
    site.step("fetch")
    local = _fetch(site, job, folder)
    site.step("merge")
    work = Work(job, local, known, wanted, folder, bench.memory_mb, unique_key, index)
    merged = merge(bench.engine, work, commit=name)
    for path in local.values():
        path.unlink()
    if wanted.fingerprint not in known:
        site.ledger.put_schema(wanted)
    add = [one.file for one in merged.files]
    site.step("intent")
    intent = Intent(name, job.group.partition, tuple(one.path for one in add), site.now())
    site.ledger.put_intent(intent)
    site.step("put")
    _put(site, merged)
    site.step("commit")
    landed = land(
        site, intent.partition, name, "compact", add=add, remove=job.files, base=base, intended=intent.time
    )
    if landed is None:
        return None
    site.step("forget")
    site.forget(name)
    return Rewritten(
        files_in=len(job.files),
        files_out=len(add),
        rows=job.rows - merged.repeated,
        bytes_in=job.bytes,
        bytes_out=sum(file.bytes for file in add),
        repeated=merged.repeated,
        retries=landed.retries,
    )


def _fetch(site: Site, job: Job, folder: Path) -> dict[str, Path]:
    local = {file.path: folder / f"in-{number}.parquet" for number, file in enumerate(job.files)}

    def one(path: str) -> None:
        try:
            site.hive.download(path, local[path])
        except FileNotFoundError as error:
            text = f"{error}: live in the ledger but not in the hive; see `penstock fsck`"
            raise PenstockError(text) from error
        except OSError as error:
            raise Retry(f"{path}: no room in the work folder: {error}") from error

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        list(pool.map(one, local))
    return local


def _put(site: Site, merged: Merged) -> None:
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        for _ in pool.map(lambda one: site.hive.upload(one.file.path, one.local), merged.files):
            site.step("put one")
