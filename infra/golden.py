"""Golden cases: `tests/tables/<table>/<case>.<ext>` and, beside it, the rows that must come of it.

`<case>.expected.jsonl` holds a line for each stored row with every column but the time of
collection, then one for each rejected row, or one line with the reason when the object is bad.
`python -m infra.golden [<table> …]` writes them anew: read the difference before you keep it.
"""

from __future__ import annotations

import datetime as dt
import json
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import duckdb

from penstock import convert, inflate, tables
from penstock.convert import Converted, Written
from penstock.standardize import Recipe

__all__ = ["CASES", "cases", "converted", "expected_path", "main", "rows"]

CASES = Path(__file__).parents[1] / "tests" / "tables"
NOW = dt.datetime(2026, 2, 1, 12, 0, tzinfo=dt.UTC)


def cases() -> Iterator[tuple[str, Path]]:
    """(table, input) of every case, in order."""
    for name in tables.names():
        for path in sorted((CASES / name).glob("*")):
            if not path.name.endswith(".expected.jsonl") and path.suffix != ".py" and path.is_file():
                yield name, path


def expected_path(case: Path) -> Path:
    """Where the rows expected of an input stand."""
    return case.with_suffix(".expected.jsonl")


def converted(table: str, case: Path, folder: Path) -> Converted:
    """The case through the real conversion, as the one object of a commit."""
    folder = folder.resolve()
    text = folder / "text"
    text.write_bytes(b"".join(inflate.blocks([case.read_bytes()], 1 << 30)))
    outputs = folder / "outputs"
    outputs.mkdir()
    source = convert.Source(
        identity=f"s3://example/{case.name}?etag=golden",
        name=f"s3://example/{case.name}",
        type="aws_s3_bucket",
        source_name="example",
        location=case.name,
        text=text,
        inflated=text.stat().st_size,
        bytes=case.stat().st_size,
        modified=NOW,
    )
    engine = convert.open_engine(folder, memory_mb=512, threads=1)
    try:
        recipe = Recipe(tables.find(table), "golden")
        return convert.convert(engine, recipe, [source], commit="golden", time=NOW, folder=outputs)
    finally:
        engine.close()


def rows(made: Converted) -> list[dict[str, Any]]:
    """What the case came to, as the expected file has it."""
    found = [row for written in made.files for row in _file_rows(written)]
    return found + [{"bad": record.reason} for record in made.records if record.state == "bad"]


def _file_rows(written: Written) -> Iterator[dict[str, Any]]:
    file = written.file
    path = {
        "tp_table": file.table,
        "tp_partition": file.partition,
        "tp_index": file.tp_index,
        "tp_date": file.tp_date.isoformat(),
    }
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        texts = connection.execute(
            "SELECT to_json(t)::VARCHAR FROM (SELECT * EXCLUDE (tp_ingest_timestamp) FROM read_parquet(?) "
            "ORDER BY tp_timestamp, tp_id) t",
            [str(written.local)],
        ).fetchall()
    names = [name for name, _ in tables.find(file.table).all_columns() if name != "tp_ingest_timestamp"]
    for (text,) in texts:
        row = json.loads(text) | path
        yield {name: row[name] for name in names}


def main(chosen: Sequence[str] = ()) -> None:
    """Write the expected files anew: of the tables chosen, or of all."""
    unknown = sorted(set(chosen) - set(tables.names()))
    if unknown:
        raise SystemExit(f"no table {', '.join(unknown)} in shared/penstock/tables/")
    for table, case in cases():
        if chosen and table not in chosen:
            continue
        with tempfile.TemporaryDirectory() as folder:
            found = rows(converted(table, case, Path(folder)))
        lines = [json.dumps(row, ensure_ascii=False) + "\n" for row in found]
        expected_path(case).write_text("".join(lines), encoding="utf-8")
        print(f"{expected_path(case).relative_to(CASES.parents[1])}: {len(lines)} lines")


if __name__ == "__main__":
    main(sys.argv[1:])
