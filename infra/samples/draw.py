"""Values for the samples: ids, names and addresses as AWS shapes them, drawn from a seeded generator.

A template is JSON with slots in angle brackets: `"<bucket>"` takes a text, `"<#size>"` a bare
number. The same slot means the same value all through one event; `<subnet1>` and `<subnet2>` are
two draws of one kind.
"""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any

__all__ = ["Account", "Draw", "Template", "compile_template", "fill", "fill_text", "make_account", "utc_text"]

Template = tuple[str, ...]
"""Literal, slot, literal, slot … literal."""

_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
_BASE32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
_PEOPLE = (
    "amara",
    "bjorn",
    "chidi",
    "dolores",
    "emeka",
    "farah",
    "goran",
    "hana",
    "ines",
    "jun",
    "kofi",
    "lena",
)
_TEAMS = ("payments", "search", "ledger", "identity", "media", "pricing", "mobile", "data")
_SERVICES = (
    "ec2",
    "lambda",
    "autoscaling",
    "cloudtrail",
    "config",
    "rds",
    "ssm",
    "eks",
    "secretsmanager",
    "delivery.logs",
)
_STAGES = ("prod", "staging", "dev")


@dataclass(frozen=True, slots=True)
class Account:
    """One AWS account with the things that live in it.

    `pools` holds their names by slot; `ids` the unchanging id of a user or role, by slot and name.
    """

    id: str
    pools: Mapping[str, tuple[str, ...]]
    ids: Mapping[tuple[str, str], str]


@dataclass(frozen=True, slots=True)
class Draw:
    """The draws of one event: where and when it happens, and what its slots were filled with."""

    rng: Random
    account: Account
    region: str
    at: dt.datetime
    seen: dict[str, str] = field(default_factory=dict)

    def __call__(self, slot: str) -> str:
        """The value of a slot; drawn once, then the same for the rest of the event."""
        value = self.seen.get(slot)
        if value is None:
            value = self.seen[slot] = self._draw(slot)
        return value

    def _draw(self, slot: str) -> str:
        kind = slot.rstrip("0123456789")
        if kind in _IDS:
            return self.account.ids[kind, self(kind[:4] + slot[len(kind) :])]
        pool = self.account.pools.get(kind)
        return self.rng.choice(pool) if pool else _MAKERS[kind](self)


def utc_text(at: dt.datetime) -> str:
    """`2026-01-31T23:59:59Z`, as CloudTrail writes times."""
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def compile_template(shape: object) -> Template:
    """Prepare a JSON shape with slots for filling."""
    text = json.dumps(shape, separators=(",", ":"), ensure_ascii=False)
    return tuple(re.split(r"<([a-z_]+[0-9]*)>", re.sub(r'"<#([a-z_]+[0-9]*)>"', r"<\1>", text)))


def fill_text(template: Template, draw: Draw) -> str:
    """The template as JSON text, every slot filled."""
    parts = list(template)
    for at in range(1, len(parts), 2):
        parts[at] = draw(parts[at])
    return "".join(parts)


def fill(template: Template, draw: Draw) -> Any:
    """The template as Python values, every slot filled."""
    return json.loads(fill_text(template, draw))


def _hex(rng: Random, digits: int) -> str:
    return f"{rng.getrandbits(4 * digits):0{digits}x}"


def _uuid(rng: Random) -> str:
    text = _hex(rng, 32)
    return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-{'89ab'[rng.getrandbits(2)]}{text[17:20]}-{text[20:]}"


def _text(rng: Random, length: int, letters: str = _LETTERS) -> str:
    return "".join(rng.choices(letters, k=length))


def _public_ip(rng: Random) -> str:
    """An address of the blocks kept for documentation and benchmarks (RFC 5737, RFC 2544)."""
    last = rng.randrange(1, 250)  # the intruder has one above
    prefix = rng.choice(("192.0.2", "198.51.100", "203.0.113", f"198.18.{rng.randrange(256)}"))
    return f"{prefix}.{last}"


def _ip6(rng: Random) -> str:
    """An address of 2001:db8::/32 (RFC 3849)."""
    return ":".join(("2001:db8", *(f"{rng.getrandbits(16):x}" for _ in range(6))))


def _private_ip(rng: Random) -> str:
    return f"10.{rng.randrange(32)}.{rng.randrange(256)}.{rng.randrange(4, 250)}"


def _object_key(draw: Draw) -> str:
    rng = draw.rng
    day = draw.at.strftime("%Y/%m/%d")
    stem = f"{rng.choice(_TEAMS)}/{day}/{_hex(rng, 16)}"
    return f"{stem}{rng.choice(('.parquet', '.json.gz', '.csv', '/part-00000', '.png', ' (copy).pdf', ''))}"


def _words(rng: Random, many: int) -> str:
    words = (
        "rollout",
        "retry",
        "nightly",
        "Zürich",
        "batch",
        "canary",
        "quota",
        "schema",
        "東京",
        "fix",
        "v2",
    )
    return " ".join(rng.choices(words, k=many))


_Maker = Callable[[Draw], str]
_MAKERS: dict[str, _Maker] = {
    "account": lambda d: d.account.id,
    "region": lambda d: d.region,
    "zone": lambda d: d.region + d.rng.choice("abc"),
    "now": lambda d: utc_text(d.at),
    "since": lambda d: utc_text(d.at - dt.timedelta(seconds=d.rng.randrange(30, 3600))),
    "epoch": lambda d: str(int(d.at.timestamp()) * 1000 + d.rng.randrange(1000)),
    "date": lambda d: d.at.strftime("%b %d, %Y %I:%M:%S %p"),
    "uuid": lambda d: _uuid(d.rng),
    "hex": lambda d: _hex(d.rng, 17),
    "sha": lambda d: _hex(d.rng, 64),
    "token": lambda d: _text(d.rng, 180, _LETTERS + "+/"),
    "blob": lambda d: _text(d.rng, d.rng.randrange(200, 900), _LETTERS + "+/"),
    "id": lambda d: _text(d.rng, 10, _BASE32),
    "aroa": lambda d: "AROA" + _text(d.rng, 17, _BASE32),
    "akia": lambda d: "AKIA" + _text(d.rng, 16, _BASE32),
    "asia": lambda d: "ASIA" + _text(d.rng, 16, _BASE32),
    "session": lambda d: d.rng.choice(
        (f"i-{_hex(d.rng, 17)}", f"build-{_hex(d.rng, 8)}", f"{d('user')}@example.com")
    ),
    "ip": lambda d: _public_ip(d.rng),
    "ipv": lambda d: _ip6(d.rng),
    "private": lambda d: _private_ip(d.rng),
    "cidr": lambda d: f"10.{d.rng.randrange(32)}.{d.rng.randrange(256)}.0/24",
    "port": lambda d: str(d.rng.choice((22, 80, 443, 3306, 5432, 6379, 8443))),
    "size": lambda d: str(int(d.rng.lognormvariate(9, 3))),
    "small": lambda d: str(d.rng.randrange(1, 60)),
    "limit": lambda d: str(d.rng.choice((10, 50, 100, 1000))),
    "object": _object_key,
    "note": lambda d: _words(d.rng, d.rng.randrange(3, 12)),
    "new_instance": lambda d: "i-" + _hex(d.rng, 17),
    "eni": lambda d: "eni-" + _hex(d.rng, 17),
    "snapshot": lambda d: "snap-" + _hex(d.rng, 17),
    "ami": lambda d: "ami-" + _hex(d.rng, 17),
    "reservation": lambda d: "r-" + _hex(d.rng, 17),
    "type": lambda d: d.rng.choice(("t3.micro", "m7g.large", "c6i.2xlarge", "r6g.xlarge", "g5.4xlarge")),
    "stream": lambda d: f"{d.at:%Y/%m/%d}/[$LATEST]{_hex(d.rng, 32)}",
    "task": lambda d: _hex(d.rng, 32),
    "version": lambda d: _text(d.rng, 32),
    "stranger": lambda d: d.rng.choice(("999988887777", "777766665555", "135791357913")),
    "service": lambda d: d.rng.choice(_SERVICES) + ".amazonaws.com",
    "email": lambda d: f"{d('user')}@example.com",
    "domain": lambda d: f"{d.rng.choice(_TEAMS)}.example.org",
}


_IDS = ("role_id", "user_id", "user_key")
"""Slots that follow from another: `<role_id3>` is the id of `<role3>`."""


def _names(rng: Random, many: int, form: str) -> tuple[str, ...]:
    """`many` different names; in `form` {t} is a team, {s} a stage, {h} eight hex digits."""
    made = (
        form.format(
            t=rng.choice(_TEAMS), s=rng.choice(_STAGES), h=_hex(rng, 8), x=_hex(rng, 17), u=_uuid(rng)
        )
        for _ in range(many)
    )
    return tuple(dict.fromkeys(made))


_POOLS: dict[str, tuple[int, str]] = {
    "role": (18, "{t}-{s}-role"),
    "policy": (12, "{t}-{s}-policy"),
    "group": (4, "{t}-engineers"),
    "instance": (40, "i-{x}"),
    "volume": (40, "vol-{x}"),
    "subnet": (9, "subnet-{x}"),
    "vpc": (3, "vpc-{x}"),
    "sg": (12, "sg-{x}"),
    "vpce": (4, "vpce-{x}"),
    "bucket": (24, "{t}-{s}-{h}"),
    "kms": (8, "{u}"),
    "function": (20, "{t}-{s}-handler-{h}"),
    "table": (10, "{t}-{s}-items"),
    "queue": (10, "{t}-{s}-jobs"),
    "topic": (6, "{t}-{s}-alerts"),
    "secret": (10, "{s}/{t}/db-{h}"),
    "parameter": (10, "/{s}/{t}/setting-{h}"),
    "log_group": (15, "/aws/lambda/{t}-{s}-handler-{h}"),
    "cluster": (4, "{t}-{s}"),
    "stack": (10, "{t}-{s}-stack"),
    "database": (6, "{t}-{s}-db"),
    "trail": (2, "org-trail-{h}"),
    "repository": (8, "{t}/api"),
    "rule": (8, "{t}-{s}-schedule"),
    "machine": (5, "{t}-{s}-workflow"),
    "project": (6, "{t}-{s}-build"),
    "balancer": (4, "app/{t}-{s}/{h}"),
    "detector": (1, "{u}"),
    "certificate": (3, "{u}"),
    "distribution": (3, "E{h}"),
    "hosted": (3, "Z{h}"),
    "org": (1, "o-{h}"),
}


def make_account(seed: int | str, account_id: str) -> Account:
    """The account of that id and what lives in it; the same for the same seed."""
    rng = Random(f"{seed}:account:{account_id}")
    pools = {name: _names(rng, many, form) for name, (many, form) in _POOLS.items()}
    pools["user"] = tuple(rng.sample(_PEOPLE, 8))
    pools["office"] = tuple(_public_ip(rng) for _ in range(6))
    ids = {("role_id", name): "AROA" + _text(rng, 17, _BASE32) for name in pools["role"]}
    ids |= {("user_id", name): "AIDA" + _text(rng, 17, _BASE32) for name in pools["user"]}
    ids |= {("user_key", name): "AKIA" + _text(rng, 16, _BASE32) for name in pools["user"]}
    return Account(account_id, pools, ids)
