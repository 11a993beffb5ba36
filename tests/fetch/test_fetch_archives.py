"""Archives: each member is a text of its own; what is wrong with one is told with its name."""

from __future__ import annotations

import gzip
import io
import os
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock import archive
from penstock.errors import BadObject, Retry
from penstock.fetch import Fetched, TooLarge, fetch, file_etag, from_file, stream
from penstock.model import ObjectRef

MEMBERS = {"a/one.json": b'{"Records":[1]}', "two.json.gz": gzip.compress(b'{"Records":[2]}', mtime=0)}
TEXTS = [b'{"Records":[1]}', b'{"Records":[2]}']
MOST = 1 << 30


def zipped(members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A zip with a folder, and with what a Mac adds."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as made:
        made.mkdir("a")
        made.writestr("__MACOSX/a/._one.json", b"resource fork")
        made.writestr("a/.DS_Store", b"finder")
        for name, text in members.items():
            made.writestr(name, text)
    return out.getvalue()


def tarred(members: dict[str, bytes], mode: str = "w") -> bytes:
    """A tar with a folder and a link."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode) as made:  # type: ignore[call-overload]
        for name, kind in (("a", tarfile.DIRTYPE), ("link.json", tarfile.SYMTYPE)):
            entry = tarfile.TarInfo(name)
            entry.type = kind
            made.addfile(entry)
        for name, text in members.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(text)
            made.addfile(entry, io.BytesIO(text))
    return out.getvalue()


def lie(folder: Path, body: bytes) -> ObjectRef:
    """A file of this machine."""
    path = folder / "object"
    path.write_bytes(body)
    found = path.stat()
    return ObjectRef("", str(path), None, file_etag(found.st_size, found.st_mtime_ns), scheme="file")


def read(got: Fetched) -> list[bytes]:
    """The texts of the parts."""
    found = []
    for part in got.parts:
        if isinstance(part.text, Path):
            found.append(part.text.read_bytes())
        else:
            found.append(part.text if isinstance(part.text, bytes) else b"".join(part.text))
    return found


PACKERS: dict[str, Callable[[dict[str, bytes]], bytes]] = {
    "zip": zipped,
    "stored zip": lambda members: zipped(members, zipfile.ZIP_STORED),
    "lzma zip": lambda members: zipped(members, zipfile.ZIP_LZMA),
    "tar": tarred,
    "tar.gz": lambda members: tarred(members, "w:gz"),
    "tar.bz2": lambda members: tarred(members, "w:bz2"),
}


@pytest.mark.parametrize("packer", PACKERS)
def test_each_member_is_a_text(packer: str, tmp_path: Path) -> None:
    """Fetched and streamed alike; compressed members are inflated; folders and links are no members."""
    ref = lie(tmp_path, PACKERS[packer](MEMBERS))
    open_ = from_file(Path(ref.key))
    whole = fetch(open_, ref, tmp_path / "text", at_once=MOST, most=MOST)
    assert read(whole) == TEXTS
    assert [part.name for part in whole.parts] == list(MEMBERS)
    assert [part.inflated for part in whole.parts] == [len(text) for text in TEXTS]
    assert whole.bytes == Path(ref.key).stat().st_size
    streamed = stream(open_, ref, tmp_path / "spool", at_once=10, most=MOST)
    assert read(streamed) == TEXTS
    assert [part.number for part in streamed.parts] == [part.number for part in whole.parts]
    assert not any(isinstance(part.text, Path) for part in streamed.parts)
    filed = stream(open_, ref, tmp_path / "spool", at_once=len(TEXTS[0]), most=MOST)
    assert read(filed) == TEXTS
    assert all(isinstance(part.text, Path) for part in filed.parts)


def test_members_that_are_no_logs_are_passed_over(tmp_path: Path) -> None:
    """By their name; the others keep their number."""
    ref = lie(tmp_path, zipped({"README.md": b"hello", **MEMBERS}))
    got = fetch(
        from_file(Path(ref.key)), ref, tmp_path / "text", at_once=MOST, most=MOST,
        wanted=lambda name: "README" not in name,
    )  # fmt: skip
    assert [(part.number, part.name) for part in got.parts] == [(4, "a/one.json"), (5, "two.json.gz")]


def test_members_together_are_too_large_or_too_much(tmp_path: Path) -> None:
    """Their texts count together: for what is read at once, and for the limit."""
    ref = lie(tmp_path, zipped(MEMBERS))
    open_ = from_file(Path(ref.key))
    size = sum(map(len, TEXTS))
    assert read(fetch(open_, ref, tmp_path / "text", at_once=size, most=MOST)) == TEXTS
    with pytest.raises(TooLarge):
        fetch(open_, ref, tmp_path / "text", at_once=size - 1, most=MOST)
    bomb = lie(tmp_path, zipped({"a": bytes(40_000), "b": bytes(40_000)}))
    for way in (
        lambda: fetch(open_, bomb, tmp_path / "text", at_once=MOST, most=60_000),
        lambda: read(stream(open_, bomb, tmp_path / "spool", at_once=10, most=60_000)),
    ):
        with pytest.raises(BadObject, match=r"members inflate beyond the limit of 60,000 bytes"):
            way()
    huge = lie(tmp_path, zipped({"a": bytes(40_000)}, zipfile.ZIP_STORED))
    with pytest.raises(BadObject, match=r"archive of more than 30,000 bytes"):
        fetch(open_, huge, tmp_path / "text", at_once=MOST, most=30_000)


def damaged() -> bytes:
    """A zip with a bit turned in its member's bytes."""
    body = bytearray(zipped({"one": bytes(range(256)) * 8}, zipfile.ZIP_STORED))
    body[body.find(bytes(range(256)))] ^= 1
    return bytes(body)


def encrypted() -> bytes:
    """A zip that says its member is encrypted."""
    body = bytearray(zipped(MEMBERS))
    at = body.rfind(b"PK\x01\x02")
    body[at + 8] |= 1
    return bytes(body)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (zipped(MEMBERS)[:-30], "zip archive is damaged"),
        (damaged(), "its member one is damaged: Bad CRC-32"),
        (encrypted(), "its member two.json.gz is encrypted"),
        (zipped({"cut.gz": MEMBERS["two.json.gz"][:-9]}), "member cut.gz: its gzip stream is cut short"),
        (tarred(MEMBERS)[:1700], "archive is damaged|cut short"),
    ],
    ids=["cut zip", "bit", "encrypted", "cut member", "cut tar"],
)
def test_what_is_wrong_is_told(body: bytes, words: str, tmp_path: Path) -> None:
    """With the archive and the member named; streamed it is the same."""
    ref = lie(tmp_path, body)
    open_ = from_file(Path(ref.key))
    for way in (
        lambda: fetch(open_, ref, tmp_path / "text", at_once=MOST, most=MOST),
        lambda: read(stream(open_, ref, tmp_path / "spool", at_once=10, most=MOST)),
    ):
        with pytest.raises(BadObject, match=words) as caught:
            way()
        assert caught.value.name == ref.uri


def test_too_many_members(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The list of names stands in memory, so it has an end."""
    monkeypatch.setattr(archive, "MOST_MEMBERS", 3)
    for body in (zipped(MEMBERS), tarred(MEMBERS)):
        ref = lie(tmp_path, body)
        with pytest.raises(BadObject, match="more than 3 members"):
            fetch(from_file(Path(ref.key)), ref, tmp_path / "text", at_once=MOST, most=MOST)


def test_a_file_that_changed_or_went_comes_again(tmp_path: Path) -> None:
    """It is another object by then, or may come back: nothing is recorded of it."""
    ref = lie(tmp_path, TEXTS[0])
    open_ = from_file(Path(ref.key))
    assert read(fetch(open_, ref, tmp_path / "text", at_once=MOST, most=MOST)) == [TEXTS[0]]
    Path(ref.key).write_bytes(TEXTS[0] + b" ")
    with pytest.raises(Retry, match="changed before it was read"):
        open_(ref)
    Path(ref.key).unlink()
    with pytest.raises(Retry, match="No such file"):
        open_(ref)


def test_a_file_that_changes_while_it_is_read(tmp_path: Path) -> None:
    """What is appended meanwhile is another object's; a file that is written anew or cut comes again."""
    text = b"x" * 300_000
    path = tmp_path / "log"
    for change, fine in ((text + b"more", True), (b"y" * len(text), False), (b"short", False)):
        path.write_bytes(text)
        found = path.stat()
        etag = file_etag(found.st_size, found.st_mtime_ns)
        answer = from_file(path)(ObjectRef("", str(path), None, etag, found.st_size, scheme="file"))
        first = next(answer.blocks)
        path.write_bytes(change)
        os.utime(path, ns=(0, found.st_mtime_ns + 1_000_000))
        if fine:
            assert first + b"".join(answer.blocks) == text
            continue
        with pytest.raises(Retry, match="changed while it was read"):
            b"".join(answer.blocks)


PLACES = st.text("a!/%215", min_size=1, max_size=12) | st.lists(
    st.sampled_from(["a", "!/", "!", "/", "%21/", "%2521/", "%25", "%"]), min_size=1, max_size=6
).map("".join)


@given(PLACES, PLACES | st.just(""), PLACES, PLACES | st.just(""))
def test_no_two_texts_have_one_location(place: str, member: str, other: str, others: str) -> None:
    """Whatever stands in the names of objects and of members, the first `!/` divides them."""
    found = archive.location(place, member)
    assert archive.parted(found) == (archive.location(place), member)
    assert (found == archive.location(other, others)) == ((place, member) == (other, others))
    assert archive.location(f"{place}/{other}").startswith(archive.location(f"{place}/"))
