"""A shell on a small hive, in this process and on a terminal."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.cli.commands import Run, configure
from tests.cli.shell.typing_at import Terminal
from tests.query.hives import Hive

from penstock import query
from penstock.cli._answer import Manner
from penstock.cli._place import open_place
from penstock.cli._shell.state import Shell
from penstock.cli._workspace import workspace_of

SCHEMA = 'schema "early" {\n  tables = ["login"]\n  to = "2026-01-02"\n}\n'


@pytest.fixture
def place(hive: Hive, run: Run, tmp_path: Path) -> Path:
    """A home with a configured hive of three days; `run` has made it the process's own."""
    hive.days(3)
    configure(tmp_path, SCHEMA, default={"hive": hive.root, "ledger": f"sqlite:///{hive.ledger.path}"})
    return tmp_path / "home"


@pytest.fixture
def shell(place: Path) -> Iterator[Shell]:
    """A shell without its terminal."""
    workspace, config = workspace_of(None, str(place))
    where, session = open_place(workspace, config, query.Filters())
    shell = Shell(where, workspace, config, session, Manner(timing=False))
    yield shell
    shell.session.close()


@pytest.fixture
def terminal(place: Path) -> Iterator[Terminal]:
    """Opens shells on a terminal."""
    terminal = Terminal(place)
    yield terminal
    terminal.close()
