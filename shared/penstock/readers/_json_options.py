"""What the options of a JSON text say: its shape, and the way to the array that holds the records."""

from __future__ import annotations

from collections.abc import Mapping

from penstock.readers._json_fields import steps_to

__all__ = ["above", "array_path", "key_of", "keys_of", "shape_of"]


def shape_of(options: Mapping[str, object]) -> str:
    return str(options.get("shape", "records"))


def key_of(options: Mapping[str, object]) -> str:
    return str(options.get("path", "Records"))


def keys_of(options: Mapping[str, object]) -> list[str]:
    """The way to the array."""
    return key_of(options).split(".")


def above(options: Mapping[str, object], records: object) -> object:
    """The document that holds the records."""
    for key in reversed(keys_of(options)):
        records = {key: records}
    return records


def array_path(options: Mapping[str, object]) -> str:
    return f"${steps_to(*keys_of(options))}" if shape_of(options) == "records" else "$"
