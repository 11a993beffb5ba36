"""A folder to work in; those of processes that were killed are removed by the next one.

Beside each folder stands a file that its process holds locked for as long as it lives: a lock ends
with its process however that ends, and is seen from containers that share the folder above, where a
process id tells nothing.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

__all__ = ["give_back", "make"]

_PREFIX, _LOCK = "penstock-", ".lock"
_held: dict[Path, int] = {}


def make() -> Path:
    """A new folder in the system's temporary folder. Where nothing can be locked, a killed one stays."""
    if sys.platform == "win32":
        return Path(tempfile.mkdtemp(prefix=_PREFIX))
    _clear(Path(tempfile.gettempdir()))
    while True:
        file, name = tempfile.mkstemp(prefix=_PREFIX, suffix=_LOCK)
        try:
            locked = _lock(file)
        except OSError:  # no such thing on this file system
            os.close(file)
            Path(name).unlink()
            return Path(tempfile.mkdtemp(prefix=_PREFIX))
        if locked and os.fstat(file).st_nlink:  # else another process just took it for one left over
            folder = Path(name.removesuffix(_LOCK))
            folder.mkdir(mode=0o700)
            _held[folder] = file
            return folder
        os.close(file)


def give_back(folder: Path) -> None:
    """Remove a folder, whoever made it."""
    shutil.rmtree(folder, ignore_errors=True)
    file = _held.pop(folder, None)
    if file is not None:
        folder.with_name(folder.name + _LOCK).unlink(missing_ok=True)
        os.close(file)


def _clear(above: Path) -> None:
    """Remove the folders whose locks nobody holds; other people's cannot be opened, and are left."""
    for path in above.glob(f"{_PREFIX}*{_LOCK}"):
        with suppress(OSError):
            file = os.open(path, os.O_RDWR | os.O_NOFOLLOW)
            try:
                if os.fstat(file).st_uid == os.getuid() and _lock(file):
                    shutil.rmtree(path.with_name(path.name.removesuffix(_LOCK)), ignore_errors=True)
                    path.unlink()
            finally:
                os.close(file)


def _lock(file: int) -> bool:
    import fcntl

    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
