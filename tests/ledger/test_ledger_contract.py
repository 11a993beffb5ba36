"""The contract of `penstock.ledger.Ledger`, sentence by sentence, against every store."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Callable
from dataclasses import replace

import pytest
from tests.ledger.stores import NOW, PARTITION, commit_of, data_file, record

from penstock.errors import Conflict, Taken
from penstock.ledger import MAX_OBJECTS, HeadMoved, Ledger, codec
from penstock.model import (
    REJECTED_TABLE,
    Commit,
    CommitKind,
    CursorMove,
    Head,
    Intent,
    Lease,
    ObjectRecord,
    PartitionId,
    Schema,
)

OTHER = PartitionId("aws_cloudtrail_log", "test.eu")

HOSTILE = [
    "s3://b/with space/ünï ©ode 日本 🪵.json.gz?etag=1",
    "s3://b/a%2Fb+c/../d?etag=1",
    "s3://b/a%2Fb+c/../d?etag=2",
    "s3://b/A%2FB+C/../D?etag=1",
    "s3://b/quote'\"; DROP TABLE object; --?etag=1",
    "s3://b/nul\x00tab\tline\n#hash#=?etag=1",
    "s3://b/" + "k" * 3000 + "?etag=1",
    "s3://b/" + "k" * 3000 + "?etag=2",
    "s3://b/" + "é" * 1500 + "?etag=1",
    "s3://b/" + "é" * 1500 + "?etag=2",
]


def nothing_written(ledger: Ledger, commit: Commit, head: Head) -> None:
    """No trace of a refused commit may be found anywhere."""
    assert ledger.head(commit.partition) == head
    assert all(found.id != commit.id for found in ledger.commits(commit.partition, 0))
    known = ledger.objects(commit.partition, [one.identity for one in commit.done])
    assert all(one.version <= head.version for one in known.values())


def test_unknown_partition_is_empty(ledger: Ledger) -> None:
    """A partition that never had a commit has head 0, no commits, objects or cursor."""
    assert ledger.head(PARTITION) == Head(0, 0)
    assert list(ledger.commits(PARTITION, 0)) == []
    assert ledger.objects(PARTITION, ["s3://b/k?etag=1"]) == {}
    assert ledger.cursor(PARTITION, "source") is None
    assert ledger.partitions() == []
    assert ledger.schemas("aws_cloudtrail_log") == {}
    assert list(ledger.intents(NOW)) == []


def test_partitions_are_listed_sorted_once(ledger: Ledger) -> None:
    """Every partition that ever had a commit is listed, sorted, however many commits it had."""
    for partition in (PARTITION, OTHER):
        for version in (1, 2):
            ledger.attempt(commit_of(f"{partition}-{version}", version, partition=partition))
    assert ledger.partitions() == sorted([PARTITION, OTHER])


def test_commit_reads_back_whole(ledger: Ledger) -> None:
    """A commit is read as it was written, but for `done`: only the bad ones, with their version."""
    done = [record("s3://b/1?etag=1"), record("s3://b/2?etag=1"), bad("s3://b/3?etag=1")]
    wanted = commit_of(
        "c1",
        1,
        add=[data_file("c1-0"), data_file("c1-1", table=REJECTED_TABLE)],
        remove=["a/old.parquet", "an/older.parquet"],
        done=done,
        cursor=CursorMove("aws_cloudwatch_log_group.x", None, "17"),
    )
    ledger.attempt(wanted)
    (found,) = ledger.commits(PARTITION, 0)
    assert found == replace(wanted, done=(replace(done[2], version=1),), objects=3)


def bad(identity: str, reason: str = "truncated gzip") -> ObjectRecord:
    """A bad object's record."""
    return ObjectRecord(identity, state="bad", reason=reason)


def test_kinds_and_times_survive(ledger: Ledger) -> None:
    """Kind and time (in any zone, to the microsecond) are kept."""
    zone = dt.timezone(dt.timedelta(hours=5, minutes=30))
    kinds: tuple[CommitKind, ...] = ("collect", "compact", "overwrite", "delete", "expire", "tier", "flip")
    for version, kind in enumerate(kinds, 1):
        commit = replace(commit_of(f"c{version}", version), kind=kind, time=NOW.astimezone(zone))
        ledger.attempt(commit)
    found = list(ledger.commits(PARTITION, 0))
    assert [commit.kind for commit in found] == list(kinds)
    assert {commit.time for commit in found} == {NOW}
    with pytest.raises(ValueError, match="without a zone"):
        ledger.attempt(replace(commit_of("c9", 8), time=NOW.replace(tzinfo=None)))


def test_commits_between_versions(ledger: Ledger) -> None:
    """after < version <= upto, oldest first, without gaps; nothing outside, nothing beyond the head."""
    for version in range(1, 13):
        ledger.attempt(commit_of(f"c{version}", version))
        ledger.attempt(commit_of(f"o{version}", version, partition=OTHER))

    def versions(after: int, upto: int | None = None) -> list[int]:
        return [commit.version for commit in ledger.commits(PARTITION, after, upto)]

    assert versions(0) == list(range(1, 13))
    assert versions(3, 10) == [4, 5, 6, 7, 8, 9, 10]
    assert versions(9, 99) == [10, 11, 12]
    assert versions(12) == versions(12, 12) == versions(99) == versions(7, 3) == []


def test_head_must_stand_below(ledger: Ledger) -> None:
    """A commit applies at head + 1 only; behind or ahead of it is HeadMoved and leaves nothing."""
    ledger.attempt(commit_of("c1", 1))
    for version in (1, 3):
        late = commit_of("late", version, done=[record("s3://b/late?etag=1")])
        with pytest.raises(HeadMoved):
            ledger.attempt(late)
        nothing_written(ledger, late, Head(1, 0))
    for version in (0, -1):
        with pytest.raises(ValueError, match="expected 1 or more"):
            ledger.attempt(commit_of("late", version))


def test_g1_object_is_taken_once(ledger: Ledger) -> None:
    """G1: an object in `done` that is known is Taken, by name, and the whole commit leaves nothing."""
    ledger.attempt(commit_of("c1", 1, done=[record("s3://b/1?etag=1"), record("s3://b/2?etag=1")]))
    again = commit_of(
        "c2",
        2,
        done=[record("s3://b/1?etag=1"), record("s3://b/2?etag=1"), record("s3://b/3?etag=1")],
        cursor=CursorMove("s", None, "9"),
    )
    with pytest.raises(Taken) as taken:
        ledger.attempt(again)
    assert set(taken.value.identities) == {"s3://b/1?etag=1", "s3://b/2?etag=1"}
    nothing_written(ledger, again, Head(1, 0))
    assert ledger.cursor(PARTITION, "s") is None
    assert "s3://b/3?etag=1" not in ledger.objects(PARTITION, ["s3://b/3?etag=1"])


def test_objects_belong_to_a_partition(ledger: Ledger) -> None:
    """The same object may be collected by two partitions."""
    for partition in (PARTITION, OTHER):
        ledger.attempt(commit_of(f"{partition}", 1, partition=partition, done=[record("s3://b/1?etag=1")]))
        assert ledger.objects(partition, ["s3://b/1?etag=1"])["s3://b/1?etag=1"].version == 1


def test_overwritten_object_is_another(ledger: Ledger) -> None:
    """An object overwritten in place has another ETag, so both versions are collected."""
    ledger.attempt(commit_of("c1", 1, done=[record("s3://b/k?etag=1")]))
    ledger.attempt(commit_of("c2", 2, done=[record("s3://b/k?etag=2")]))
    assert len(ledger.objects(PARTITION, ["s3://b/k?etag=1", "s3://b/k?etag=2"])) == 2


def test_g2_records_keep_their_numbers(ledger: Ledger) -> None:
    """G2: a record is read as written, with the version that recorded it; unknown ones are absent."""
    done = [record("s3://b/1?etag=1"), bad("s3://b/2?etag=1")]
    ledger.attempt(commit_of("c1", 1))
    ledger.attempt(commit_of("c2", 2, done=done))
    asked = ["s3://b/2?etag=1", "s3://b/none?etag=1", "s3://b/1?etag=1", "s3://b/1?etag=1"]
    assert ledger.objects(PARTITION, asked) == {one.identity: replace(one, version=2) for one in done}
    assert ledger.objects(PARTITION, []) == {}


def test_a_done_object_is_retaken_as_it_was_seen(ledger: Ledger) -> None:
    """A done record gives way to one that names its version, once; not to one that saw another, nor a bad
    one, nor none at all."""
    name = "s3://b/1?etag=1"
    ledger.attempt(commit_of("c1", 1, done=[record(name), bad("s3://b/bad?etag=1")]))
    fewer = ObjectRecord(name, rows_read=10, stored=3, filtered=6, rejected=1, bytes=99)
    wrong = (
        replace(fewer, retake=2),
        replace(fewer, identity="s3://b/bad?etag=1", retake=1),
        replace(fewer, identity="s3://b/unknown?etag=1", retake=1),
        fewer,
        replace(fewer, redrive=True),
    )
    for one in wrong:
        refused = commit_of("c2", 2, done=[one])
        with pytest.raises(Taken) as caught:
            ledger.attempt(refused)
        assert caught.value.identities == (one.identity,)
        assert ledger.head(PARTITION).version == 1
    ledger.attempt(commit_of("c3", 2, done=[replace(fewer, retake=1)]))
    assert ledger.objects(PARTITION, [name]) == {name: replace(fewer, version=2)}
    with pytest.raises(Taken):
        ledger.attempt(commit_of("c4", 3, done=[replace(fewer, retake=1)]))


def test_only_a_bad_object_is_redriven(ledger: Ledger) -> None:
    """A bad record is replaced by one with `redrive` and by no other; a done one never is."""
    ledger.attempt(commit_of("c1", 1, done=[bad("s3://b/1?etag=1"), record("s3://b/2?etag=1")]))
    with pytest.raises(Taken):
        ledger.attempt(commit_of("c2", 2, done=[record("s3://b/1?etag=1")]))
    both = [record("s3://b/1?etag=1", redrive=True), record("s3://b/2?etag=1", redrive=True)]
    with pytest.raises(Taken) as taken:
        ledger.attempt(commit_of("c3", 2, done=both))
    assert taken.value.identities == ("s3://b/2?etag=1",)
    ledger.attempt(commit_of("c4", 2, done=[both[0], record("s3://b/new?etag=1", redrive=True)]))
    found = ledger.objects(PARTITION, ["s3://b/1?etag=1"])["s3://b/1?etag=1"]
    assert (found.state, found.version, found.redrive) == ("done", 2, False)
    with pytest.raises(Taken):
        ledger.attempt(commit_of("c5", 3, done=[both[0]]))


def test_long_and_invalid_reasons_are_kept_readable(ledger: Ledger) -> None:
    """A reason of any length and any bytes is stored, cut and in valid Unicode."""
    ledger.attempt(commit_of("c1", 1, done=[bad("s3://b/1?etag=1", "x\udcff" * 5000)]))
    found = ledger.objects(PARTITION, ["s3://b/1?etag=1"])["s3://b/1?etag=1"]
    (commit,) = ledger.commits(PARTITION, 0)
    assert commit.done == (found,)
    assert found.reason == "x?" * (codec.REASON_LIMIT // 2 - 1) + "x…"


def test_cursor_moves_from_where_it_was_seen(ledger: Ledger) -> None:
    """A cursor moves only from where the caller saw it; else Conflict, and nothing is written."""
    ledger.attempt(commit_of("c1", 1, cursor=CursorMove("s", None, "1")))
    ledger.attempt(commit_of("c2", 2, cursor=CursorMove("s", "1", "2")))
    ledger.attempt(commit_of("c3", 3, cursor=CursorMove("t" * 2000, None, "x")))
    for seen in (None, "1", "3"):
        wrong = commit_of("c4", 4, cursor=CursorMove("s", seen, "4"), done=[record("s3://b/1?etag=1")])
        with pytest.raises(Conflict, match="cursor of s"):
            ledger.attempt(wrong)
        nothing_written(ledger, wrong, Head(3, 0))
    assert ledger.cursor(PARTITION, "s") == "2"
    assert ledger.cursor(PARTITION, "t" * 2000) == "x"
    assert ledger.cursor(OTHER, "s") is None
    assert next(ledger.commits(PARTITION, 1)).cursor == CursorMove("s", "1", "2")


def test_what_cannot_be_mended_is_told_first(ledger: Ledger) -> None:
    """Of several obstacles Taken is told before Conflict, and Conflict before HeadMoved."""
    ledger.attempt(commit_of("c1", 1, done=[record("s3://b/1?etag=1")], cursor=CursorMove("s", None, "1")))
    ledger.attempt(commit_of("c2", 2))
    moved = CursorMove("s", None, "7")
    with pytest.raises(Taken):
        ledger.attempt(commit_of("x", 2, done=[record("s3://b/1?etag=1")], cursor=moved))
    with pytest.raises(Conflict, match="cursor"):
        ledger.attempt(commit_of("x", 2, done=[record("s3://b/2?etag=1")], cursor=moved))
    with pytest.raises(HeadMoved):
        ledger.attempt(commit_of("x", 2, done=[record("s3://b/2?etag=1")]))


def test_most_objects_a_commit_can_mark(ledger: Ledger) -> None:
    """MAX_OBJECTS objects, a cursor and a first version fit; one object more is a ValueError."""
    done = [record(f"s3://b/{number}?etag={'e' * 32}") for number in range(MAX_OBJECTS + 1)]
    cursor = CursorMove("s", None, "1")
    with pytest.raises(ValueError, match="found 96 objects, expected at most 95"):
        ledger.attempt(commit_of("c0", 1, done=done))
    ledger.attempt(commit_of("c1", 1, done=done[:-1], cursor=cursor))
    assert ledger.objects(PARTITION, [one.identity for one in done]).keys() == {
        one.identity for one in done[:-1]
    }
    with pytest.raises(ValueError, match="named twice"):
        ledger.attempt(commit_of("c2", 2, done=[done[-1], done[-1]]))


def test_any_number_of_objects_may_be_asked(ledger: Ledger) -> None:
    """More identities than any one request takes are answered all."""
    done = [record(f"s3://b/{number}?etag=1") for number in range(285)]
    for version, start in enumerate(range(0, 285, 95), 1):
        ledger.attempt(commit_of(f"c{version}", version, done=done[start : start + 95]))
    asked = [f"s3://b/{number}?etag=1" for number in range(600)]
    found = ledger.objects(PARTITION, asked)
    assert len(found) == 285
    assert {one.version for one in found.values()} == {1, 2, 3}


def test_all_that_a_file_held_is_found(ledger: Ledger) -> None:
    """By its path: every content of that file in that partition, and no other file's."""
    place = "file:///logs/a%20b?etag=1.log"
    ours = [record(f"{place}?etag={content}") for content in ("7-1", "9-2")]
    others = [record(f"{place}.gz?etag=7-1"), record("file:///logs/a?etag=7-1"), record(f"{place}?etagere")]
    ledger.attempt(commit_of("c1", 1, done=[*ours, *others]))
    assert [one.identity for one in ledger.contents(PARTITION, place)] == [one.identity for one in ours]
    assert [one.identity for one in ledger.contents(PARTITION, "file:///logs/a")] == [others[1].identity]
    assert ledger.contents(OTHER, place) == ledger.contents(PARTITION, "file:///logs") == []
    known = ledger.objects(PARTITION, [one.identity for one in (*ours, *others)])
    assert len(known) == 5


def test_hostile_identities_stay_apart(ledger: Ledger) -> None:
    """Any Unicode, any length: each identity is its own object and is read back as it was."""
    ledger.attempt(commit_of("c1", 1, done=[record(one) for one in HOSTILE[::2]]))
    assert set(ledger.objects(PARTITION, HOSTILE)) == set(HOSTILE[::2])
    ledger.attempt(commit_of("c2", 2, done=[record(one) for one in HOSTILE[1::2]]))
    assert set(ledger.objects(PARTITION, HOSTILE)) == set(HOSTILE)
    with pytest.raises(Taken) as taken:
        ledger.attempt(commit_of("c3", 3, done=[record(one) for one in HOSTILE]))
    assert set(taken.value.identities) == set(HOSTILE)


def test_hostile_partitions_stay_apart(ledger: Ledger) -> None:
    """A separator in a name joins no two partitions' objects."""
    one, two = PartitionId("t", "a#b"), PartitionId("t", "a")
    ledger.attempt(commit_of("c1", 1, partition=one, done=[record("c")]))
    assert ledger.objects(two, ["b#c"]) == {}
    ledger.attempt(commit_of("c2", 1, partition=two, done=[record("b#c")]))
    assert ledger.partitions() == [two, one]


def test_long_lists_are_kept_whole(ledger: Ledger) -> None:
    """A compaction of thousands of files, more than an item holds, reads back as it was."""
    names = [hashlib.sha256(str(number).encode()).hexdigest() * 2 for number in range(3000)]
    files = [data_file(name) for name in names]
    removed = [f"old/{name[::-1]}" for name in names]
    ledger.attempt(commit_of("big/../c1", 1, add=files, remove=removed))
    ledger.attempt(commit_of("c2", 2))
    found, _ = ledger.commits(PARTITION, 0)
    assert found.add == tuple(files)
    assert found.remove == tuple(removed)


def test_same_commit_again_succeeds(ledger: Ledger, open_again: Callable[[], Ledger]) -> None:
    """An attempt repeated, by anyone, after it landed succeeds and changes nothing."""
    first = commit_of("c1", 1, done=[record("s3://b/1?etag=1")], cursor=CursorMove("s", None, "1"))
    ledger.attempt(first)
    open_again().attempt(first)
    ledger.attempt(commit_of("c2", 2, cursor=CursorMove("s", "1", "2")))
    open_again().attempt(first)
    assert ledger.head(PARTITION) == Head(2, 0)
    assert ledger.cursor(PARTITION, "s") == "2"


def test_an_id_is_for_one_content(ledger: Ledger) -> None:
    """Another content under the id of a commit that landed is a Conflict, never a false success."""
    ledger.attempt(commit_of("c1", 1, done=[record("s3://b/1?etag=1")]))
    with pytest.raises(Conflict, match="another content"):
        ledger.attempt(commit_of("c1", 1, done=[record("s3://b/2?etag=1")]))


def test_another_worker_sees_the_commit(ledger: Ledger, open_again: Callable[[], Ledger]) -> None:
    """What was committed is seen at once by whoever opens the same ledger."""
    other = open_again()
    ledger.attempt(commit_of("c1", 1, done=[record("s3://b/1?etag=1")]))
    assert other.head(PARTITION) == Head(1, 0)
    assert [commit.id for commit in other.commits(PARTITION, 0)] == ["c1"]


def test_checkpoint_never_moves_back(ledger: Ledger) -> None:
    """A checkpoint moves up to the head, never back, never beyond, and commits leave it alone."""
    with pytest.raises(ValueError, match="beyond the head"):
        ledger.set_checkpoint(PARTITION, 1)
    for version in (1, 2, 3):
        ledger.attempt(commit_of(f"c{version}", version))
    for version, expected in ((2, 2), (1, 2), (3, 3), (0, 3)):
        ledger.set_checkpoint(PARTITION, version)
        assert ledger.head(PARTITION) == Head(3, expected)
    with pytest.raises(ValueError, match="beyond the head"):
        ledger.set_checkpoint(PARTITION, 4)
    ledger.attempt(commit_of("c4", 4))
    assert ledger.head(PARTITION) == Head(4, 3)


def test_intents_are_remembered_until_dropped(ledger: Ledger) -> None:
    """Those older than the time asked for, oldest first; a put replaces; a drop may be repeated."""

    def intent(name: str, seconds: int, *paths: str) -> Intent:
        return Intent(name, PARTITION, paths, NOW + dt.timedelta(seconds=seconds))

    for one in (intent("b", 1, "x"), intent("a", 2, "y", "z"), intent("c", 0), intent("d", 3)):
        ledger.put_intent(one)
    ledger.put_intent(intent("b", 1, "x2"))
    before = NOW + dt.timedelta(seconds=3)
    assert list(ledger.intents(before)) == [intent("c", 0), intent("b", 1, "x2"), intent("a", 2, "y", "z")]
    ledger.drop_intent("c")
    ledger.drop_intent("c")
    ledger.drop_intent("never")
    assert [one.commit_id for one in ledger.intents(before)] == ["b", "a"]


def test_long_intents_are_kept_whole(ledger: Ledger) -> None:
    """An intent of thousands of files is kept."""
    paths = tuple(hashlib.sha512(str(number).encode()).hexdigest() for number in range(6000))
    ledger.put_intent(Intent("big", PARTITION, paths, NOW))
    (found,) = ledger.intents(NOW + dt.timedelta(seconds=1))
    assert found.paths == paths


def test_lease_has_one_owner(ledger: Ledger) -> None:
    """A lease is taken when free, expired or one's own; another's is None until it ends or is given back."""
    minute = dt.timedelta(minutes=1)
    name, later = "compact#aws_cloudtrail_log.prod", NOW + minute
    assert ledger.acquire(name, "a", NOW, later) == Lease(name, "a", later)
    assert ledger.acquire(name, "b", NOW, later) is None
    assert ledger.acquire("sweep", "b", NOW, later) == Lease("sweep", "b", later)
    assert ledger.acquire(name, "a", NOW, later + minute) == Lease(name, "a", later + minute)
    assert ledger.acquire(name, "b", later, later + minute) is None
    assert ledger.acquire(name, "b", later + minute, later + 2 * minute) is not None
    ledger.release(name, "a")
    assert ledger.acquire(name, "a", later + minute, later + 2 * minute) is None
    ledger.release(name, "b")
    ledger.release(name, "b")
    assert ledger.acquire(name, "a", NOW, later) is not None


def test_schemas_are_kept_by_fingerprint(ledger: Ledger) -> None:
    """Columns keep their order and types; putting the same again changes nothing; tables are apart."""
    one = Schema("t", "aa", (("z", "VARCHAR"), ("a", 'STRUCT("x y" INTEGER)[]')))
    two = Schema("t", "bb", (("a", "JSON"),))
    for schema in (one, two, one, replace(one, table="u")):
        ledger.put_schema(schema)
    assert dict(ledger.schemas("t")) == {"aa": one, "bb": two}
    assert set(ledger.schemas("u")) == {"aa"}
