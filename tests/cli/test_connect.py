"""`penstock connect`: plain DuckDB runs the script and sees what `penstock query` sees."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import duckdb
import pytest
from tests.cli.commands import Run, configure
from tests.query.hives import FIRST_DAY, Hive, upload
from tests.query.store import REGION, Store

from penstock import extensions


def plain(folder: Path, *names: str) -> duckdb.DuckDBPyConnection:
    """A DuckDB as a person has it, with extensions installed before: nothing is downloaded here."""
    made = duckdb.connect(config={"extension_directory": str(folder)})
    for name in names:
        made.execute(f"INSTALL '{extensions.path(name)}'")
    return made


def test_script_shows_the_filtered_tables_on_s3(
    store: Store, hive: Hive, run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Credentials come from the chain of who runs it; a filter chooses files; no secret is in it."""
    store.client().create_bucket(Bucket="connect", CreateBucketConfiguration={"LocationConstraint": REGION})
    files = hive.days(3)
    upload(store.client(), hive, files, "connect", "logs/hive")
    place = {"hive": "s3://connect/logs/hive", "region": REGION, "endpoint_url": store.url}
    configure(tmp_path, default={**place, "ledger": f"sqlite:///{hive.ledger.path}"})
    assert run("connect", "--from", "2026-01-02", "--to", "2026-01-02T23:00:00Z") == 0
    script = Path(capsys.readouterr().out.strip())
    text = script.read_text()
    assert "verysecret" not in text
    with plain(tmp_path / "extensions", "httpfs", "ducklake", "inet", "aws") as connection:
        store.asked()
        connection.execute(text)
        assert connection.execute("SELECT n, what.ip FROM login ORDER BY n").fetchall() == [
            (3, "10.0.0.0"),
            (4, "10.0.0.1"),
            (5, "10.0.0.2"),
        ]
        assert set(store.asked()) <= {(m, f"logs/hive/{files[1].path}") for m in ("GET", "HEAD")}
        assert connection.execute("SELECT count(*) FROM tp_rejected").fetchall() == [(0,)]


def test_script_stays_good_while_the_catalogue_moves_on(
    hive: Hive, run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It has a catalogue of its own, at the state when it was made."""
    hive.days(2)
    configure(tmp_path, default={"hive": hive.root, "ledger": f"sqlite:///{hive.ledger.path}"})
    assert run("connect", "--output", "json", "--partition", "login.prod") == 0
    script = Path(json.loads(capsys.readouterr().out)["init_script_path"])
    hive.commit([hive.put(FIRST_DAY, "SELECT 1 AS n, TIMESTAMP '2026-01-01' AS tp_timestamp")])
    assert run("query", "--output", "csv", "--no-header", "SELECT count(*) FROM login") == 0
    assert capsys.readouterr().out == "7\n"
    with plain(tmp_path / "extensions", "ducklake", "inet") as connection:
        connection.execute(script.read_text())
        assert connection.execute("SELECT count(*) FROM login").fetchall() == [(6,)]


def test_old_scripts_are_removed(
    hive: Hive, run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """After a day, with their catalogues; newer ones stay."""
    hive.days(1)
    configure(tmp_path, default={"hive": hive.root, "ledger": f"sqlite:///{hive.ledger.path}"})
    for _ in range(2):
        assert run("connect") == 0
    first, second = map(Path, capsys.readouterr().out.split())
    for old in (first, first.with_suffix(".ducklake")):
        os.utime(old, (time.time() - 90_000,) * 2)
    assert run("connect") == 0
    assert not first.exists()
    assert not first.with_suffix(".ducklake").exists()
    assert second.exists()


def test_failing_is_said_in_the_form_asked_for(
    hive: Hive, run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Text: 71 and standard error. JSON: an object with the error, and 0, as scripts expect."""
    configure(tmp_path, default={"hive": hive.root, "ledger": f"sqlite:///{hive.ledger.path}"})
    assert run("connect", "--workspace", "nobody") == 71
    assert 'workspace "nobody" is not configured' in capsys.readouterr().err
    assert run("connect", "--workspace", "nobody", "--output", "json") == 0
    assert 'workspace "nobody" is not configured' in json.loads(capsys.readouterr().out)["error"]
    assert run("connect", "--from", "soon") == 254
