"""Filters: what is stored, filtered and rejected, and which expressions are no filter."""

from __future__ import annotations

import pytest
from tests.convert.trial import TABLE, Trial, event, log

from penstock.condition import check_expression

MFA = {"attributes": {"mfaAuthenticated": "true"}}
MIXED = log(
    event(eventName="Keep", readOnly=True, userIdentity={"type": "Root", "sessionContext": MFA}),
    event(eventName="Drop", readOnly=False, userIdentity={"type": "IAMUser"}),
    event(eventName="Keep", new=1),
    {"eventName": "Keep"},
)  # fmt: skip


@pytest.mark.parametrize(
    ("condition", "stored"),
    [
        ("event_name = 'Keep'", 2),
        ("read_only", 1),
        ("NOT read_only", 1),
        ("user_identity.type = 'Root'", 1),
        ("user_identity.session_context.attributes.mfa_authenticated = 'true'", 1),
        ("unmapped IS NULL", 2),
        ("unmapped->>'new' = '1'", 1),
        ("tp_partition = 'prod' AND tp_index = 'default' AND tp_date = DATE '2026-01-31'", 3),
        ("event_name = 'Keep' -- a remark", 2),
        ("event_name = 'Keep' OR\n event_name = 'Drop'", 3),
        ("event_name = 'it''s; SUBQUERY'", 0),
        ("true", 3),
        ("false", 0),
        ("NULL::BOOLEAN", 0),
    ],
)
def test_rows_are_stored_filtered_or_rejected(trial: Trial, condition: str, stored: int) -> None:
    """Each row counts once; what the filter does not know to be true is filtered; rejects are not asked."""
    assert check_expression(TABLE, condition) is None
    out = trial(MIXED, filter=condition)
    assert out.counts == [("done", stored, 3 - stored, 1)]
    assert len(out.rows()) == stored
    assert len(out.rows("tp_rejected")) == 1


def test_a_row_on_which_the_filter_fails_is_rejected(trial: Trial) -> None:
    """It is kept with the reason and can be asked for; the rows beside it are judged as always."""
    out = trial(
        *(log(event(eventName=name)) for name in ("7", "seven", "8")),
        filter="event_name::INT = 7",
    )
    assert out.counts == [("done", 1, 0, 0), ("done", 0, 0, 1), ("done", 0, 1, 0)]
    (kept,) = out.rows("tp_rejected")
    assert ("filter" in kept["reason"], '"seven"' in kept["raw"]) == (True, True)
    assert [row["event_name"] for row in out.rows()] == ["7"]


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("event_nam = 'x'", ("event_nam", "event_name")),
        ("user_identity.tpe = 'Root'", ("tpe", "type")),
        ("lowr(event_name) = 'x'", ("lowr", "lower")),
        ("event_name in (select 'x')", ("subquery",)),
        ("exists (select 1)", ("subquery",)),
        ("event_name = (select content from read_text('/etc/passwd'))", ("subquery",)),
        ("read_text('/etc/passwd') is null", ("read_text",)),
        ("read_blob('/etc/passwd') is null", ("read_blob",)),
        ("glob('/etc/*') is null", ("glob",)),
        ("getenv('HOME') = 'x'", ("getenv",)),
        ("query('select 1')", ("query",)),
        ("current_setting('threads') = '1'", ("current_setting",)),
        ("random() < 0.5", ("random",)),
        ("tp_timestamp > now() - interval 1 day", ("now",)),
        ("tp_timestamp > current_timestamp", ("current_timestamp",)),
        ("tp_date = current_date", ("current_date",)),
        ("sleep_ms(600000) is null", ("sleep_ms",)),
        ("ago(interval 1 day) < tp_timestamp", ("ago",)),
        ("age(tp_timestamp) < interval 1 day", ("age",)),
        ("tp_timestamp > pg_postmaster_start_time()", ("pg_postmaster_start_time",)),
        ("tp_ingest_timestamp > '2026-01-01'", ("tp_ingest_timestamp",)),
        ("tp_timestamp > '2026-13-01'", ("2026-13-01",)),
        ("true) UNION ALL SELECT * FROM read_text('x') WHERE (true", ("more than one query",)),
        ("count(*) > 1", ("aggregates",)),
        ("row_number() over () = 1", ("window",)),
        ("event_name", ("VARCHAR", "BOOLEAN")),
        ("17", ("INTEGER", "BOOLEAN")),
        ("columns('event.*') = 'x'", ("star",)),
        ("", ("syntax error",)),
        ("event_name =", ("syntax error",)),
        ("event_name = 'x", ("unterminated",)),
        ("1=1; drop table t", ("syntax error",)),
        ("1=1); select (1", ("several statements",)),
        ("1=1) group by (1", ("more than one expression",)),
        ("1=1), (false", ("syntax error",)),
        ("event_name = ?", ("parameter",)),
        ("event_name = $1", ("parameter",)),
    ],
)  # fmt: skip
def test_what_is_no_filter_is_refused_with_the_reason(expression: str, words: tuple[str, ...]) -> None:
    """No subquery, statement, file, setting or chance; unknown names come with the nearest ones."""
    found = check_expression(TABLE, expression)
    assert found is not None
    assert [word for word in words if word.lower() not in found.lower()] == []
    assert "\n" not in found
