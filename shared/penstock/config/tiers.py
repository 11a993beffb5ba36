"""The `tier` blocks of a partition: after how many days its files move, and where to."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from penstock.arguments import Argument
from penstock.config.block_type import BlockType
from penstock.config.check import Report, arguments, title
from penstock.config.nodes import Block
from penstock.config.values import Tier
from penstock.places import Place

__all__ = ["TIER", "decode_tiers"]

_CLASSES = ("STANDARD", "STANDARD_IA", "ONEZONE_IA", "INTELLIGENT_TIERING", "GLACIER_IR")
"""https://docs.aws.amazon.com/AmazonS3/latest/userguide/storage-class-intro.html (November 2026): those
whose objects a GET reads at once."""

_ARCHIVES = ("GLACIER", "DEEP_ARCHIVE")


def _after(text: str) -> str | None:
    return None if re.fullmatch(r"[1-9]\d{0,4}d", text) else "expected days such as 30d"


def _storage_class(text: str) -> str | None:
    if text in _CLASSES:
        return None
    if text in _ARCHIVES:
        return (
            "whose objects must be restored for hours before they can be read, so every query of these days "
            f"would fail; expected one of {', '.join(_CLASSES)}"
        )
    return f"expected one of {', '.join(_CLASSES)}"


def _root(text: str) -> str | None:
    parts = text.split("/")
    if ".." in parts or any(part.startswith("tp_table=") for part in parts):
        return "expected a root without .. and tp_table="
    if re.fullmatch(r"s3://[a-z0-9][a-z0-9.-]+[a-z0-9](/[^/\s]+)*/?|[/~](/?[^/]+)+/?", text):
        return None
    return "expected s3://bucket/prefix or a directory that begins with / or ~"


TIER = BlockType(
    name="tier",
    labels=(),
    description="Where a partition's files move when all of their day is older than `after`: to another "
    "storage class, another root, or both. Several in order of days; queries see no difference.",
    arguments=(
        Argument("after", "string", "Days of tp_timestamp.", required=True, check=_after),
        Argument(
            "storage_class", "string", "Storage class of S3, one that is read at once: "
            f"{', '.join(_CLASSES)}.", default="S3's standard", check=_storage_class,
        ),
        Argument(
            "root", "string", "s3://bucket/prefix or a directory, for this hive alone and apart from it. A "
            "directory is filled by `penstock compact` where it is.", default="where the files were",
            check=_root,
        ),
    ),
)  # fmt: skip


def decode_tiers(blocks: Sequence[Block], retention: int | None, report: Report) -> tuple[Tier, ...]:
    """The tiers of a partition in their order; a tier without a root keeps that of the one before."""
    found: list[Tier] = []
    for block in blocks:
        given = _given(block, report)
        if given is None:
            continue
        days = int(given["after"].removesuffix("d"))
        root = _root_of(given["root"]) if "root" in given else (found[-1].place.root if found else "")
        place = Place(root, given.get("storage_class", ""))
        if wrong := _wrong(days, place, found[-1] if found else None, retention):
            report.problem(block.file, block.line, wrong)
        found.append(Tier(days, place))
    return tuple(found)


def _given(block: Block, report: Report) -> dict[str, Any] | None:
    """The block's arguments; None when something is wrong with them."""
    before = len(report.problems)
    values = arguments(block, TIER.arguments, report)
    for inner in block.blocks:
        report.problem(
            inner.file, inner.line, f'unknown block "{inner.type}" in tier, which holds arguments only'
        )
    if block.labels:
        report.problem(block.file, block.line, f"found {title(block)}, expected tier without a name")
    if not {"storage_class", "root"} & {setting.name for setting in block.settings}:
        report.problem(block.file, block.line, "tier says no place, expected storage_class, root or both")
    return values if len(report.problems) == before else None


def _root_of(text: str) -> str:
    return text.rstrip("/") if text.startswith("s3://") else str(Path(text).expanduser())


def _wrong(days: int, place: Place, before: Tier | None, retention: int | None) -> str:
    if before and days <= before.after:
        return f"tier: after {days}d follows after {before.after}d, expected tiers in order of their days"
    if retention is not None and days >= retention:
        return f"tier: after {days}d is never reached, as rows are let go after {retention}d (retention)"
    if place.storage_class and place.root.startswith("/"):
        return f"tier: found storage_class with the directory {place.root}, expected it with s3:// alone"
    return ""
