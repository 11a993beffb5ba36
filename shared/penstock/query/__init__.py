"""Lets a person ask the hive in SQL: a locked DuckDB over the catalogue, one view per table.

    open_at, refresh     a Session on a Place (a workspace's hive, ledger and catalogue), at the head
    open_earlier         one on an earlier state
    prepare, run         check a text of statements; begin one of them: a Result
    estimate             the files and bytes that one of them may open, from the catalogue alone
    batches              its rows as DuckDB renders them; `record_batches` the same as Arrow
    script               the SQL by which plain DuckDB sees the same views
    spent, progress, cancel

`export` and `athena` are modules of their own: they import what the others do without.

A person's text goes through `prepare` first; what it gives can be `run`. Rows come a batch at a
time, so that memory does not grow with the answer (G4), and nothing but the hive is read (G6).

    session = query.open_at(place)
    for one in query.prepare(session, "select event_name, count(*) from aws_cloudtrail_log group by 1"):
        result = query.run(session, one)
        for batch in query.batches(result, ["#1::VARCHAR", "#2"]):
            ...
    session = query.refresh(place, session)
"""

from penstock.query.connecting import keep, script
from penstock.query.estimate import Estimate, Scan, estimate
from penstock.query.filters import Filters, NamedViews, matching
from penstock.query.gateway import Spent
from penstock.query.parameters import filled
from penstock.query.place import Place, bring_up, newest, open_at, open_earlier, refresh
from penstock.query.ranges import Ranges
from penstock.query.running import Result, batches, limited, prepare, record_batches, run, spent
from penstock.query.session import Session, begin, cancel, indexes, open_session, progress

__all__ = [
    "Estimate",
    "Filters",
    "NamedViews",
    "Place",
    "Ranges",
    "Result",
    "Scan",
    "Session",
    "Spent",
    "batches",
    "begin",
    "bring_up",
    "cancel",
    "estimate",
    "filled",
    "indexes",
    "keep",
    "limited",
    "matching",
    "newest",
    "open_at",
    "open_earlier",
    "open_session",
    "prepare",
    "progress",
    "record_batches",
    "refresh",
    "run",
    "script",
    "spent",
]
