"""Lets pyiceberg keep its metadata in the hive, through the clients that Penstock has already."""

from __future__ import annotations

import io
from types import TracebackType
from typing import Self

from pyiceberg.io import FileIO, InputFile, InputStream, OutputFile, OutputStream

from penstock.catalogue.lake import root
from penstock.hive import Hive

__all__ = ["HIVE", "HiveIO"]

HIVE = "penstock.hive"
"""The catalogue's property that holds the hive."""


class HiveIO(FileIO):
    """Files below the hive's root; metadata is small and read and written whole."""

    def new_input(self, location: str) -> InputFile:
        """A file to read."""
        return _File(self._hive(), location)

    def new_output(self, location: str) -> OutputFile:
        """A file to write."""
        return _File(self._hive(), location)

    def delete(self, location: str | InputFile | OutputFile) -> None:
        """Take it away; nothing happens when it is not there."""
        name = location if isinstance(location, str) else location.location
        hive = self._hive()
        hive.delete(name.removeprefix(root(hive.root)))

    def _hive(self) -> Hive:
        hive: Hive = self.properties[HIVE]
        return hive


class _File(InputFile, OutputFile):
    """One file of the hive. pyiceberg asks for these bases."""

    def __init__(self, hive: Hive, location: str) -> None:
        super().__init__(location)
        self._hive = hive
        self._path = location.removeprefix(root(hive.root))

    def __len__(self) -> int:
        return len(self._hive.read_bytes(self._path))

    def exists(self) -> bool:
        """Whether something stands there."""
        try:
            self._hive.tail(self._path, 1)
        except FileNotFoundError:
            return False
        return True

    def open(self, seekable: bool = True) -> InputStream:
        """All of it."""
        del seekable
        return io.BytesIO(self._hive.read_bytes(self._path))

    def to_input_file(self) -> InputFile:
        """Itself."""
        return self

    def create(self, overwrite: bool = False) -> OutputStream:
        """Written whole when it is closed. Names hold a UUID and never come twice."""
        del overwrite
        return _Writing(self._hive, self._path)


class _Writing(io.BytesIO):
    """Bytes that are put into the hive once all are there."""

    def __init__(self, hive: Hive, path: str) -> None:
        super().__init__()
        self._hive = hive
        self._path = path

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()
        else:
            super().close()

    def close(self) -> None:
        """Put them."""
        if not self.closed:
            data = self.getvalue()
            super().close()
            self._hive.write_bytes(self._path, data)
