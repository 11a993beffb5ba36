"""What S3, DynamoDB and the network between do: nothing is lost, and the reason is readable."""

from __future__ import annotations

from functools import partial

import pytest
from tests.collect.rig import PROD, Rig, logs
from tests.collect.store import Fault, Kind

from penstock.collect import landing
from penstock.ledger.commit import commit
from penstock.model import ObjectRef


def _put(rig: Rig, count: int) -> list[ObjectRef]:
    return [rig.put(one.key, one.body) for one in logs(count)]


@pytest.mark.parametrize("kind", ["slow down", "reset", "cut"])
def test_s3_fails_for_one_object(rig: Rig, kind: Kind) -> None:
    """503 SlowDown, a reset and a body cut in the middle bring that object's message again, no other's."""
    refs = _put(rig, 3)
    rig.store.faults.append(Fault(kind, "GET", refs[1].key))
    messages = [(str(number), rig.message(ref)[1]) for number, ref in enumerate(refs)]
    worker = rig.worker(tries=1)
    report = worker.handle(messages)
    assert list(report.again) == ["1"]
    assert refs[1].uri in report.again["1"]
    assert (report.done, report.bad) == (2, 0)
    assert worker.handle(messages).done == 1
    rig.check(refs)
    assert rig.rows().num_rows == 9


@pytest.mark.parametrize("kind", ["slow down", "reset"])
def test_s3_recovers_at_once(rig: Rig, kind: Kind) -> None:
    """A single refusal is tried again by the client; the message never comes back."""
    refs = _put(rig, 1)
    rig.store.faults.append(Fault(kind, "GET", refs[0].key))
    report = rig.worker(tries=2).handle([rig.message(*refs)])
    assert (report.done, report.again) == (1, {})


@pytest.mark.parametrize("operation", ["LIST", "GET"])
def test_configuration_cannot_be_read_now(rig: Rig, operation: str) -> None:
    """Every message comes again with the reason, and is collected then."""
    refs = _put(rig, 2)
    messages = [rig.message(ref) for ref in refs]
    part = rig.hive.removeprefix("s3://").partition("/")[0]
    rig.store.faults.append(Fault("slow down", operation, part))
    worker = rig.worker(tries=1)
    report = worker.handle(messages)
    assert sorted(report.again) == sorted(message_id for message_id, _ in messages)
    assert all("_config" in reason and "SlowDown" in reason for reason in report.again.values())
    assert worker.handle(messages).done == 2


@pytest.mark.parametrize("kind", ["throttled", "reset"])
@pytest.mark.parametrize(
    "operation", ["BatchGetItem", "PutItem", "GetItem", "TransactWriteItems", "DeleteItem"]
)
def test_ledger_fails(rig: Rig, kind: Kind, operation: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A throttled or unreachable ledger brings messages again at most; nothing is lost, nothing doubled."""
    monkeypatch.setattr(landing, "commit", partial(commit, attempts=2, sleep=lambda _: None))
    refs = _put(rig, 4)
    messages = [rig.message(ref) for ref in refs]
    fault = Fault(kind, operation, times=2)
    rig.store.faults.append(fault)
    worker = rig.worker(tries=1)
    reports = [worker.handle(messages) for _ in range(4)]
    assert fault.times == 0 or operation == "DeleteItem"
    assert reports[-1].again == {}
    told = [reason for report in reports for reason in report.again.values()]
    assert (told == []) == (operation == "DeleteItem")
    assert all("dynamodb://ledger-" in reason for reason in told)
    rig.check(refs)
    assert rig.rows().num_rows == 12
    live = {file.path for file in rig.live()}
    assert rig.standing() - live <= {path for intent in rig.intents() for path in intent.paths}


def test_throttled_commit_leaves_nothing(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """When it is certain that the commit was not written, files and intent are taken back."""
    monkeypatch.setattr(landing, "commit", partial(commit, attempts=3, sleep=lambda _: None))
    refs = _put(rig, 2)
    rig.store.faults.append(Fault("throttled", "TransactWriteItems", times=3))
    report = rig.worker(tries=1).handle([rig.message(*refs)])
    assert len(report.again) == 1
    assert (rig.standing(), rig.intents(), rig.live()) == (set(), [], [])


def test_answer_of_a_commit_is_lost_for_good(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """The commit was written, nobody said so: its files stay, the message finds its objects known (G1)."""
    monkeypatch.setattr(landing, "commit", partial(commit, attempts=1, sleep=lambda _: None))
    refs = _put(rig, 2)
    message = rig.message(*refs)
    rig.store.faults.append(Fault("lost", "TransactWriteItems"))
    worker = rig.worker(tries=1)
    assert list(worker.handle([message]).again) == [message[0]]
    live = {file.path for file in rig.live()}
    assert rig.standing() == live != set()
    assert {path for intent in rig.intents() for path in intent.paths} == live
    again = worker.handle([message])
    assert (again.known, again.done, again.again) == (2, 0, {})
    rig.check(refs)


def test_answer_of_a_commit_is_lost_once(rig: Rig) -> None:
    """Sent again, the commit is found in the log: one commit, its intent forgotten."""
    refs = _put(rig, 2)
    rig.store.faults.append(Fault("lost", "TransactWriteItems"))
    report = rig.worker(tries=1).handle([rig.message(*refs)])
    assert (report.done, report.commits, report.again) == (2, 1, {})
    assert rig.open_ledger().head(PROD).version == 1
    assert rig.intents() == []
    rig.check(refs)


@pytest.mark.parametrize("kind", ["slow down", "lost"])
def test_put_of_the_second_file_fails(rig: Rig, kind: Kind) -> None:
    """What was put already is taken back at once; the intent stays for a put that may yet arrive."""
    refs = _put(rig, 8)
    rig.store.faults.append(Fault(kind, "PUT", "tp_date=2026-02-01"))
    message = rig.message(*refs)
    worker = rig.worker(tries=1)
    report = worker.handle([message])
    assert list(report.again) == [message[0]]
    assert "tp_date=2026-02-01" in report.again[message[0]]
    assert (rig.standing(), rig.live()) == (set(), [])
    assert [len(intent.paths) for intent in rig.intents()] == [2]
    assert worker.handle([message]).done == 8
    rig.check(refs)
    assert rig.standing() == {file.path for file in rig.live()}


def test_files_that_cannot_be_taken_back_are_named(rig: Rig) -> None:
    """A delete that fails leaves the file to the intent's clean-up; no reader of the ledger sees it."""
    refs = _put(rig, 8)
    rig.store.faults.append(Fault("slow down", "PUT", "tp_date=2026-02-01"))
    rig.store.faults.append(Fault("slow down", "DELETE", "tp_table="))
    worker = rig.worker(tries=1)
    message = rig.message(*refs)
    assert list(worker.handle([message]).again) == [message[0]]
    (intent,) = rig.intents()
    left = rig.standing()
    assert left
    assert left <= set(intent.paths)
    assert worker.handle([message]).done == 8
    assert not left & {file.path for file in rig.live()}
    rig.check(refs)
