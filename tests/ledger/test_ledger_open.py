"""Opening the ledger a URL names."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.ledger import stores

from penstock.errors import ConfigError
from penstock.ledger.dynamodb import DynamoLedger
from penstock.ledger.open import open_ledger
from penstock.ledger.sqlite import SqliteLedger


def test_sqlite_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three slashes and a path: relative as it stands, absolute with its own slash."""
    monkeypatch.chdir(tmp_path)
    absolute = open_ledger(f"sqlite:///{tmp_path}/a/ledger.db")
    relative = open_ledger("sqlite:///b/ledger.db")
    assert isinstance(absolute, SqliteLedger)
    assert isinstance(relative, SqliteLedger)
    assert absolute.path.resolve() == (tmp_path / "a" / "ledger.db").resolve()
    assert (tmp_path / "b" / "ledger.db").is_file()


def test_dynamodb_table(tmp_path: Path) -> None:
    """The table's name stands after the slashes; client and blobs are the caller's."""
    client, blobs = stores.dynamodb_client("http://127.0.0.1:9"), stores.DirectoryBlobs(tmp_path)
    ledger = open_ledger("dynamodb://penstock-ledger", dynamodb=client, blobs=blobs)
    assert isinstance(ledger, DynamoLedger)
    assert ledger.table == "penstock-ledger"
    with pytest.raises(TypeError, match="needed to open it"):
        open_ledger("dynamodb://penstock-ledger")


@pytest.mark.parametrize(
    "url",
    [
        "",
        "ledger.db",
        "sqlite://ledger.db",
        "sqlite:///",
        "sqlite:///:memory:",
        "dynamodb://",
        "dynamodb://a/b",
        "postgres://x",
        "dynamodb:table",
    ],
)
def test_other_urls_are_refused(url: str) -> None:
    """Anything else is a ConfigError that shows what was found and every valid form."""
    with pytest.raises(ConfigError) as refused:
        open_ledger(url)
    said = str(refused.value)
    assert repr(url) in said
    assert "sqlite:///relative/path.db, sqlite:////absolute/path.db, dynamodb://table-name" in said
