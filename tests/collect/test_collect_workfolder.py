"""Work folders: a killed process's is removed by the next one, a living one's never."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from penstock import workfolder

_OTHER = """
import pathlib, sys
from penstock import workfolder
folder = workfolder.make()
(folder / "rows.parquet").write_bytes(b"x")
print(folder, flush=True)
sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def _own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A temporary folder for these tests alone."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))


@contextmanager
def other() -> Iterator[tuple[Path, subprocess.Popen[str]]]:
    """Another process that works in a folder of its own."""
    command = [sys.executable, "-c", _OTHER]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield Path(process.stdout.readline().strip()), process
        finally:
            process.kill()


def test_what_a_killed_process_left_is_removed(tmp_path: Path) -> None:
    """With its lock, and nothing else that lies there: not what is alive, and not what is no lock's."""
    strange = [tmp_path / name for name in ("penstock-strange", "other.lock", "penstock-x")]
    strange[0].mkdir()
    strange[1].touch()
    strange[2].mkdir()
    (tmp_path / "penstock-x.lock").symlink_to(strange[1])
    with other() as (dead, process), other() as (alive, _):
        assert dead.parent == tmp_path
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert (dead / "rows.parquet").exists()
        mine = workfolder.make()
        assert not dead.exists()
        assert (alive / "rows.parquet").exists()
        again = workfolder.make()
        assert mine.is_dir()
        assert all(path.exists() for path in strange)
        for folder in (mine, again):
            workfolder.give_back(folder)
        left = {path.name for path in tmp_path.iterdir()}
        assert left == {alive.name, f"{alive.name}.lock", "penstock-x.lock", *(p.name for p in strange)}


def test_where_nothing_can_be_locked(monkeypatch: pytest.MonkeyPatch) -> None:
    """There is a folder all the same, and it is given back."""

    def refuse(file: int) -> bool:
        raise OSError(os.strerror(95))

    monkeypatch.setattr(workfolder, "_lock", refuse)
    folder = workfolder.make()
    assert list(folder.iterdir()) == []
    workfolder.give_back(folder)
    assert not folder.exists()


def test_another_process_takes_a_lock_for_one_left_over(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Between making its file and locking it; then another one is made."""
    lock, seen = workfolder._lock, []

    def late(file: int) -> bool:
        seen.append(file)
        if len(seen) == 1:
            (path,) = tmp_path.glob("*.lock")
            path.unlink()
        return lock(file)

    monkeypatch.setattr(workfolder, "_lock", late)
    folder = workfolder.make()
    assert len(seen) == 2
    assert folder.with_name(f"{folder.name}.lock").exists()
    workfolder.give_back(folder)
    assert list(tmp_path.iterdir()) == []
