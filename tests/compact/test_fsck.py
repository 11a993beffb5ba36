"""`penstock fsck` finds what is wrong, mends what it can, and removes nothing that is live."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import duckdb
import pytest
from tests.compact.test_faults import DeathError, dying
from tests.compact.yard import Yard

from penstock.compact.clean import ABANDONED
from penstock.compact.fsck import Found, check, listed, repair


def look(yard: Yard) -> Found:
    """What it finds now."""
    worker = yard.compactor()
    standing = listed(worker.site)
    return check(worker.site, standing, worker.live(worker.look(yard.config())))


def faults(yard: Yard) -> list[tuple[str, str]]:
    """(fault, path) of each finding."""
    return [(one.fault, one.path) for one in look(yard).findings]


def mend(yard: Yard) -> list[tuple[str, str]]:
    """What is left after a repair."""
    worker = yard.compactor()
    standing = listed(worker.site)
    found = check(worker.site, standing, worker.live(worker.look(yard.config())))
    return [(one.fault, one.path) for one in repair(worker.site, found, standing)[1]]


def test_a_sound_hive(either: Yard) -> None:
    """Nothing is wrong at any time of a file's life: collected, merged, flipped, owed, or being written."""
    either.collect(4)
    for _ in range(3):
        found = look(either)
        assert (found.findings, found.live) == ((), len(either.live()))
        assert found.standing == len(either.standing())
        either.compactor().run()
        assert look(either).findings == ()
        either.turn(hours=2)
    either.collect(4)
    with pytest.raises(DeathError):
        either.compactor(dying("commit")).run()
    assert look(either).findings == (), "an intent names it"


@pytest.mark.parametrize("fault", ["missing", "size", "unreadable", "count"])
def test_each_fault(yard: Yard, fault: str) -> None:
    """A live file that is gone, longer, cut short, or holds other rows is told by name."""
    file = yard.collect(3, 10)[1]
    target = Path(yard.hive.root, file.path)
    data = target.read_bytes()
    if fault == "missing":
        target.unlink()
    elif fault == "size":
        target.write_bytes(data[:4] + b"x" + data[4:])
    elif fault == "unreadable":
        target.write_bytes(data[:-8] + b"x" * 8)
    else:
        footer = data[-8 - file.footer_bytes : -8]
        with duckdb.connect() as db:
            db.execute(f"COPY (FROM '{target}' LIMIT 9) TO '{target}.9' (FORMAT parquet)")
        shorter = Path(f"{target}.9").read_bytes()
        Path(f"{target}.9").unlink()
        assert shorter[-8 - file.footer_bytes : -8] != footer
        target.write_bytes(shorter)
    found = faults(yard)
    assert {path for _, path in found} == {file.path}
    # Other rows make another footer: that alone is told where its length differs too.
    assert fault in {name for name, _ in found} or (fault == "count" and ("size", file.path) in found)
    assert mend(yard) == found, "there is nothing to mend it from"


def test_mended_from_the_other_name(yard: Yard) -> None:
    """Within the grace after a flip the hidden file still stands: a lost public one comes back from it."""
    yard.collect(4)
    before = yard.rows()
    yard.compactor().run()
    yard.turn(hours=2)
    yard.compactor().run()
    (path,) = yard.live()
    Path(yard.hive.root, path).unlink()
    assert faults(yard) == [("missing", path)]
    assert mend(yard) == []
    assert yard.rows() == before


def test_orphans(yard: Yard) -> None:
    """What nobody names is told; it goes on repair if its name is Penstock's own and a day old."""
    file = yard.collect(1)[0]
    folder = file.path.rpartition("/")[0]
    young, old = (
        f"{folder}/_{yard.now() - age:%Y%m%dT%H%M%SZ}-0123456789abcdef-0.parquet"
        for age in (dt.timedelta(hours=1), ABANDONED)
    )
    strange = f"{folder}/notes.parquet"
    for path in (young, old, strange):
        yard.hive.write_bytes(path, b"x")
    assert sorted(faults(yard)) == sorted(("orphan", path) for path in (young, old, strange))
    assert sorted(mend(yard)) == sorted(("orphan", path) for path in (young, strange))
    assert yard.standing() == {file.path, young, strange}
