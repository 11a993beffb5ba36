"""Field names as logs spell them, told alike: `lineItem/UsageAmount`, `line_item_usage_amount`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache

__all__ = ["assigned", "plain", "prefixed"]


@lru_cache(maxsize=4096)  # every object of a table has the same
def plain(name: str) -> str:
    """Snake case, of letters, digits and underscores: `cs(User-Agent)` is `cs_user_agent`.

    Reports of AWS spell ARN letter by letter there (`reservation_reservation_a_r_n`).
    """
    split = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name)
    return re.sub(
        r"(?<![a-z0-9])a_r_n(?![a-z0-9])", "arn", re.sub(r"[^a-z0-9]+", "_", split.lower()).strip("_")
    )


def assigned(given: Sequence[str], record: Mapping[str, object]) -> dict[str, int]:
    """Which of the `given` names fills each field of `record`, by place: spelt alike first, then told alike.

    Fields that end in `*` stand for all names that begin so, and are filled by `prefixed`.
    """
    found: dict[str, int] = {}
    taken: set[int] = set()
    for spelt in (str, plain):
        places: dict[str, int] = {}
        for place, name in enumerate(given):
            if place not in taken:
                places.setdefault(spelt(name), place)
        for field in record:
            place = places.get(spelt(field), -1)
            if field not in found and place >= 0 and place not in taken:
                found[field] = place
                taken.add(place)
    return found


def prefixed(given: Sequence[str], record: Iterable[str]) -> dict[str, dict[str, int]]:
    """For each field of `record` that ends in `*`: what follows its beginning in a name, with the place."""
    found: dict[str, dict[str, int]] = {}
    for field in record:
        if field.endswith("*"):
            start = plain(field) + "_"
            found[field] = {
                plain(name)[len(start) :]: place
                for place, name in enumerate(given)
                if plain(name).startswith(start) and len(plain(name)) > len(start)
            }
    return found
