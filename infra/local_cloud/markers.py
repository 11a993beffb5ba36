"""Has moto list versions from behind any key, as S3 does, and not only from behind one that is there.

moto leaves out the first key behind a marker that is no key, and lists the older versions of a marker
that is one. https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectVersions.html
"""

from __future__ import annotations

from typing import Any

from moto.core.utils import unix_time_millis
from moto.s3.models import S3Backend

_listed = S3Backend.list_object_versions


def mend() -> None:
    """Do so in this process, from now on."""
    setattr(S3Backend, "list_object_versions", _behind)  # noqa: B010 - mypy knows the method


def _behind(
    backend: S3Backend, bucket_name: str, *, key_marker: str | None = None, **more: Any
) -> tuple[Any, ...]:
    version = more.pop("version_id_marker", None)
    if key_marker and not version:
        key_marker, version = _last(backend.get_bucket(bucket_name).keys, key_marker)
    return _listed(backend, bucket_name, key_marker=key_marker, version_id_marker=version, **more)


def _last(keys: Any, marker: str) -> tuple[str | None, str | None]:
    """The last version up to the marker, as moto has them in order."""
    name = max((key for key in list(keys) if key <= marker), default=None)
    if name is None:
        return None, None
    versions = sorted(keys.getlist(name), key=lambda one: -unix_time_millis(one.last_modified))
    return name, versions[-1].version_id
