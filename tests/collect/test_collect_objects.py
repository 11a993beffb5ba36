"""What becomes of objects: versions, those that are gone, too large, redriven, filtered and indexed."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from tests.collect import rig as rigs
from tests.collect.rig import PROD, Rig, logs
from tests.collect.store import Fault, Store

from infra import samples
from penstock import convert
from penstock.collect import reach
from penstock.model import ObjectRef


def _versioned(rig: Rig) -> None:
    rig.s3.put_bucket_versioning(Bucket=rig.bucket, VersioningConfiguration={"Status": "Enabled"})


def test_each_version_of_an_object_counts_once(rig: Rig) -> None:
    """In a versioned bucket the version id is the identity; an overwritten version is still read."""
    _versioned(rig)
    first, second = logs(2)
    refs = [rig.put(first.key, first.body), rig.put(first.key, second.body)]
    assert all(ref.version_id for ref in refs)
    worker = rig.worker()
    for ref in (refs[1], refs[0], refs[1]):
        worker.handle([rig.message(ref)])
    records = rig.open_ledger().objects(PROD, [ref.identity for ref in refs])
    assert [records[ref.identity].stored for ref in refs] == [first.stored, second.stored]
    assert rig.rows().num_rows == first.stored + second.stored


def test_same_content_in_another_version_is_another_object(rig: Rig) -> None:
    """An identical body put again is a version of its own (G1 counts versions)."""
    _versioned(rig)
    one = logs(1)[0]
    refs = [rig.put(one.key, one.body), rig.put(one.key, one.body)]
    assert rig.worker().handle([rig.message(*refs)]).done == 2
    assert rig.rows().num_rows == 2 * one.stored


@pytest.mark.parametrize("versioned", [False, True])
def test_notice_without_etag_is_completed(rig: Rig, versioned: bool) -> None:
    """S3 is asked for what the identity lacks, so such a notice and a full one are the same object."""
    if versioned:
        _versioned(rig)
    one = logs(1)[0]
    ref = rig.put(one.key, one.body)
    notice = samples.s3_notification(rig.bucket, [one])
    del notice["Records"][0]["s3"]["object"]["eTag"]
    worker = rig.worker()
    assert worker.handle([("bare", json.dumps(notice))]).done == 1
    assert worker.handle([rig.message(ref)]).known == 1
    assert rig.records([ref])[one.key].stored == one.stored


def test_notice_without_etag_of_an_object_that_is_gone(rig: Rig) -> None:
    """It has no identity to be recorded by, so its message comes again and names it."""
    ref = ObjectRef(rig.bucket, logs(1)[0].key)
    report = rig.worker().handle([("bare", rig.message(ref)[1])])
    assert list(report.again) == ["bare"]
    assert f"{ref.uri}: it was deleted before it was fetched" in report.again["bare"]


def _deleted(rig: Rig, ref: ObjectRef) -> ObjectRef:
    extra = {"VersionId": ref.version_id} if ref.version_id else {}
    rig.s3.delete_object(Bucket=ref.bucket, Key=ref.key, **extra)
    return ref


def _deleted_version(rig: Rig, ref: ObjectRef) -> ObjectRef:
    _versioned(rig)
    return _deleted(rig, rig.put(ref.key, logs(1)[0].body))


def _overwritten(rig: Rig, ref: ObjectRef) -> ObjectRef:
    rig.put(ref.key, logs(3)[2].body)
    return ref


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (_deleted, "it was deleted before it was fetched (NoSuchKey)"),
        (_deleted_version, "this version was deleted before it was fetched (NoSuchVersion)"),
        (_overwritten, "it was overwritten before it was fetched"),
    ],
)
def test_gone_before_it_was_fetched(
    rig: Rig, spoil: Callable[[Rig, ObjectRef], ObjectRef], reason: str
) -> None:
    """What cannot be had any more is recorded as bad with the reason; its neighbour is stored."""
    good, lost = logs(2)
    refs = [rig.put(good.key, good.body), rig.put(lost.key, lost.body)]
    refs[1] = spoil(rig, refs[1])
    report = rig.worker().handle([rig.message(ref) for ref in refs])
    assert (report.done, report.bad, report.again) == (1, 1, {})
    assert list(report.reasons) == [refs[1].identity]
    assert reason in report.reasons[refs[1].identity]
    assert rig.records(refs)[lost.key].state == "bad"
    assert reason in rig.records(refs)[lost.key].reason
    rig.check(refs)


def test_bucket_that_is_gone(rig: Rig) -> None:
    """A bucket that does not exist makes its objects bad."""
    rig.configure(rigs.ONE_PARTITION % "gone-bucket")
    ref = ObjectRef("gone-bucket", logs(1)[0].key, etag="e")
    report = rig.worker().handle([rig.message(ref)])
    assert (report.bad, report.again) == (1, {})
    assert report.reasons[ref.identity] == "its bucket does not exist (NoSuchBucket)"


@pytest.mark.parametrize(
    ("versioned", "permission"), [(False, "s3:GetObject"), (True, "s3:GetObjectVersion")]
)
def test_access_denied_comes_again(rig: Rig, versioned: bool, permission: str) -> None:
    """Somebody will grant it: the message comes again, and names bucket, key and permission."""
    if versioned:
        _versioned(rig)
    good, shut = logs(2)
    refs = [rig.put(good.key, good.body), rig.put(shut.key, shut.body)]
    rig.store.faults.append(Fault("denied", "GET", shut.key, times=1))
    report = rig.worker().handle([("good", rig.message(refs[0])[1]), ("shut", rig.message(refs[1])[1])])
    assert list(report.again) == ["shut"]
    assert report.again["shut"].startswith(f"{refs[1].uri}: access denied (AccessDenied)")
    assert f"needs {permission} on it" in report.again["shut"]
    assert sorted(rig.records(refs)) == [good.key]
    assert rig.worker().handle([rig.message(*refs)]).done == 1
    rig.check(refs)


def test_large_objects_have_the_same_rows(
    rig: Rig, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Objects that are read in pieces give the same rows, in commits of their own beside the small ones."""
    objects = [*logs(3, 4), *logs(2, 400, "large")]
    refs = [rig.put(one.key, one.body) for one in objects]
    whole = rigs.make(store, tmp_path, bucket=rig.bucket, kind="sqlite")
    assert whole.worker().handle([whole.message(*refs)]).commits == 1
    assert all(len(samples.unpack(one.body)) == 400 for one in objects[3:])

    monkeypatch.setattr(convert, "AT_ONCE", 64 << 10)
    monkeypatch.setattr(convert.large, "PIECE", 64 << 10)
    report = rig.worker().handle([rig.message(*refs)])

    assert (report.done, report.commits, report.again) == (5, 3, {})
    rig.check(refs)
    assert rigs.differences(rig.rows(), whole.rows()) == (0, 0)
    whole.close()


def test_a_full_work_folder_stops_nothing(
    rig: Rig, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Objects that inflate to more than it has room for between them are read one at a time."""
    refs = [rig.put(one.key, one.body) for one in logs(6, 400)]
    whole = rigs.make(store, tmp_path, bucket=rig.bucket, kind="sqlite")
    assert whole.worker().handle([whole.message(*refs)]).commits == 1

    monkeypatch.setattr(reach, "_ROOM", 300 << 10)  # each inflates to some 250 KiB
    report = rig.worker(fetchers=1).handle([rig.message(*refs)])

    assert (report.done, report.again) == (6, {})
    assert report.commits > 2
    rig.check(refs)
    assert rigs.differences(rig.rows(), whole.rows()) == (0, 0)
    whole.close()


def test_large_object_that_is_bad(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """One cut off far behind its beginning leaves no row, is recorded, and the next one is stored."""
    monkeypatch.setattr(convert, "AT_ONCE", 64 << 10)
    monkeypatch.setattr(convert.large, "PIECE", 64 << 10)
    cut, sound = logs(2, 400, "large")
    refs = [rig.put(cut.key, cut.body[:-2000]), rig.put(sound.key, sound.body)]
    report = rig.worker().handle([rig.message(*refs)])
    assert (report.done, report.bad, report.stored, report.again) == (1, 1, 400, {})
    assert "cut short" in report.reasons[refs[0].identity]
    assert rig.standing() == {file.path for file in rig.live()}
    rig.check(refs)


def test_large_object_that_goes_between_looking_and_reading(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is fetched twice, once to see that it is large: one deleted in between is bad, not an error."""
    monkeypatch.setattr(convert, "AT_ONCE", 64 << 10)
    (one,) = logs(1, 400, "large")
    ref = rig.put(one.key, one.body)
    worker = rig.worker()
    fetched = worker.gather

    def fetch_and_delete(*given: object) -> object:
        found = fetched(*given)  # type: ignore[arg-type]
        _deleted(rig, ref)
        return found

    monkeypatch.setattr(type(worker), "gather", lambda _, *given: fetch_and_delete(*given))
    report = worker.handle([rig.message(ref)])
    assert (report.bad, report.done, report.again) == (1, 0, {})
    assert "deleted before it was fetched" in report.reasons[ref.identity]


def test_redrive_after_the_limit_was_raised(rig: Rig) -> None:
    """A bad object stays bad under plain notices; a redrive tries it again, and once it is done, no more."""
    one = logs(1, 40)[0]
    ref = rig.put(one.key, one.body)
    strict = rig.worker(max_inflated_bytes=1000)
    report = strict.handle([rig.message(ref)])
    assert report.bad == 1
    assert "beyond the limit of 1,000 bytes (PENSTOCK_MAX_INFLATED_BYTES)" in report.reasons[ref.identity]
    assert rig.worker().handle([rig.message(ref)]).known == 1
    assert rig.rows().num_rows == 0

    assert strict.handle([rig.message(ref, redrive=True)]).bad == 1
    assert rig.worker().handle([rig.message(ref, redrive=True)]).done == 1
    again = rig.worker().handle([rig.message(ref, redrive=True)])
    assert (again.known, again.done) == (1, 0)
    assert rig.records([ref])[one.key].stored == one.stored
    rig.check([ref])


def test_filter_and_index(rig: Rig) -> None:
    """Rows that the filter refuses are counted, the others stand under their index."""
    rig.configure(
        'partition "aws_cloudtrail_log" "prod" {\n filter = "read_only"\n tp_index = "recipient_account_id"\n'
        f' source "aws_s3_bucket" {{\n  bucket = "{rig.bucket}"\n }}\n}}\n'
    )
    refs = [rig.put(one.key, one.body) for one in logs(12)]
    report = rig.worker().handle([rig.message(*refs)])
    expected = [
        record["recipientAccountId"]
        for one in logs(12)
        for record in samples.unpack(one.body)
        if record.get("readOnly") is True
    ]
    assert 0 < report.stored < report.rows
    assert (report.stored, report.filtered) == (len(expected), report.rows - len(expected))
    assert sorted(rig.rows()["tp_index"].to_pylist()) == sorted(expected)
    assert {file.tp_index for file in rig.live()} == set(samples.ACCOUNTS)
    rig.check(refs)


ODD = [
    # Bytes that are no UTF-8 become U+FFFD in their value, the rows are stored.
    replace(one, expect="done", stored=6) if one.kind == "invalid utf-8" else one
    for one in samples.bad_objects("odd")
    if one.kind != "duplicate"
]


@pytest.fixture(scope="module")
def odd(store: Store, tmp_path_factory: pytest.TempPathFactory) -> tuple[Rig, dict[str, ObjectRef]]:
    """Every odd object collected in one batch."""
    rig = rigs.make(store, tmp_path_factory.mktemp("odd"), kind="sqlite")
    refs = {one.kind: rig.put(one.key, one.body) for one in ODD}
    report = rig.worker().handle([rig.message(*refs.values())])
    assert report.again == {}
    rig.check([refs[one.kind] for one in ODD if one.expect != "ignored"])
    rig.close()
    return rig, refs


@pytest.mark.parametrize("one", ODD, ids=lambda one: one.kind)
def test_odd_objects(odd: tuple[Rig, dict[str, ObjectRef]], one: samples.SampleObject) -> None:
    """Each is stored, rejected row by row, recorded as bad or passed over as promised; none harms another."""
    rig, refs = odd
    record = rig.records([refs[one.kind]]).get(one.key)
    if one.expect == "ignored":
        assert record is None
        return
    assert record is not None
    assert (record.state, record.stored, record.rejected) == (one.expect, one.stored, one.rejected)
    if one.expect == "bad":
        assert one.reason.lower() in record.reason.lower()
    if one.rejected:
        rejected = rig.rows("tp_rejected").filter(_location_is(one.key)).to_pylist()
        assert [row["raw"] is not None for row in rejected] == [True] * one.rejected


def _location_is(key: str) -> object:
    import pyarrow.compute as pc

    return pc.field("tp_source_location") == key


def test_bomb(rig: Rig) -> None:
    """A small object that inflates without end is bad before it fills memory or disk."""
    bomb, sound = samples.bomb(50 << 20), logs(1)[0]
    refs = [rig.put(bomb.key, bomb.body), rig.put(sound.key, sound.body)]
    report = rig.worker(max_inflated_bytes=8 << 20).handle([rig.message(*refs)])
    assert (report.done, report.bad, report.again) == (1, 1, {})
    assert bomb.reason in report.reasons[refs[0].identity]
