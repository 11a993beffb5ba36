"""The command, hives for it, and an S3."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.cli.commands import Run
from tests.query.hives import Hive
from tests.query.store import Store, serving

from penstock.cli import main


@pytest.fixture(scope="session")
def store() -> Iterator[Store]:
    """A running store."""
    with serving() as store:
        yield store


@pytest.fixture
def hive(tmp_path: Path) -> Hive:
    """An empty hive in a directory."""
    return Hive(tmp_path)


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command line; its exit status."""
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.chdir(home)
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "PENSTOCK_WORKSPACE", "PENSTOCK_CONFIG_PATH"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "verysecret")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("COLUMNS", "200")

    def call(*arguments: str) -> int:
        with pytest.raises(SystemExit) as ended:
            main(list(arguments))
        return int(ended.value.code or 0)

    return call
