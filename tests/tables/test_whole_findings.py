"""Findings with every field of the service's own model: none is lost, whatever AWS has added to it."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from typing import Any

import botocore.session
import pytest
from botocore.model import Shape
from tests.convert.trial import Trial

from penstock import tables

_CREATED = "2026-01-31T10:00:00.000Z"


@pytest.fixture(scope="module")
def trial(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trial]:
    """An engine."""
    made = Trial(tmp_path_factory.mktemp("whole"))
    yield made
    made.close()


def _filled(shape: Shape, marks: Iterator[int], depth: int = 0) -> Any:
    """A value of this shape with all its members, the texts and numbers in it each found nowhere else."""
    match shape.type_name:
        case "structure":
            members = shape.members.items() if depth < 12 else ()  # type: ignore[attr-defined]
            return {
                inner.serialization.get("name", name): _filled(inner, marks, depth + 1)
                for name, inner in members
            }
        case "list":
            return [_filled(shape.member, marks, depth + 1)]  # type: ignore[attr-defined]
        case "map":
            return {"SomeKey": _filled(shape.value, marks, depth + 1)}  # type: ignore[attr-defined]
        case "boolean":
            return True
        case "integer" | "long":
            return next(marks)
        case "double" | "float":
            return next(marks) + 0.5
        case "timestamp":
            return _CREATED
        case _:
            return f"text {next(marks)}"


def _marks(value: Any) -> Iterator[str]:
    """The texts and numbers in a value."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for inner in value:
            yield from _marks(inner)
    elif not isinstance(value, bool) and value != _CREATED:
        yield str(value)


@pytest.mark.parametrize(
    ("table", "service", "name", "created"),
    [
        ("aws_guardduty_finding", "guardduty", "Finding", "createdAt"),
        ("aws_securityhub_finding", "securityhub", "AwsSecurityFinding", "CreatedAt"),
    ],
)
def test_nothing_of_a_finding_is_lost(
    trial: Trial, table: str, service: str, name: str, created: str
) -> None:
    """Each value of a finding that has them all stands in a column, or in `unmapped`."""
    shape = botocore.session.get_session().get_service_model(service).shape_for(name)
    finding = _filled(shape, itertools.count(100_001)) | {created: _CREATED}
    updated = created.replace("Created", "Updated").replace("created", "updated")
    finding[updated] = _CREATED
    wanted = list(_marks(finding))
    assert len(wanted) > 500
    out = trial(json.dumps(finding).encode(), names=["finding.json"], table=tables.find(table))
    assert out.counts == [("done", 1, 0, 0)]
    (row,) = out.rows(table)
    own = {column.name for column in tables.find(table).columns} | {"unmapped"}
    kept = json.dumps({key: value for key, value in row.items() if key in own}, default=str)
    assert [mark for mark in wanted if mark not in kept] == []
