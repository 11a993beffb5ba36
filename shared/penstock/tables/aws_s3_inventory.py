"""AWS S3 Inventory: the objects of a bucket, their versions and properties, as listed at one time.

An inventory tells a state, not events, so the time of a row is that of the inventory: when its file
was delivered. The day an object was last modified would scatter one inventory over years, and
retention would drop the oldest objects first; it stands in `last_modified_date`.
"""

from __future__ import annotations

from penstock.tables import Column, Example, Syntax, Table, filled, flag, number, text, time

_DOCS = "https://docs.aws.amazon.com/AmazonS3/latest/userguide/storage-inventory.html"

# In CSV (`Key`) it is URL-encoded, a blank as a plus; in Parquet (`key`) it is as it is.
_KEY = 'coalesce(TRY(url_decode(replace(r."Key", \'+\', \' \'))), r."Key", r."key")'

# JSON, base64-encoded.
_GIVEN_ACL = 'r."ObjectAccessControlList"'
_ACL = f"coalesce(try_cast(TRY(decode(from_base64({_GIVEN_ACL}))) AS JSON), try_cast({_GIVEN_ACL} AS JSON))"

_COLUMNS = (
    text("bucket", "Bucket", "Bucket that is listed."),
    text("bucket_key_status", "BucketKeyStatus", "Whether a bucket key encrypts it: ENABLED or DISABLED."),
    text("checksum_algorithm", "ChecksumAlgorithm", "Algorithm of its checksum."),
    text("etag", "ETag", "ETag; a digest of the content for some objects."),
    text("encryption_status", "EncryptionStatus", "SSE-S3, SSE-KMS, DSSE-KMS, SSE-C or NOT-SSE."),
    text(
        "intelligent_tiering_access_tier", "IntelligentTieringAccessTier", "Tier within Intelligent-Tiering."
    ),
    flag("is_delete_marker", "IsDeleteMarker", "Whether it is a delete marker."),
    flag("is_latest", "IsLatest", "Whether it is the current version."),
    flag("is_multipart_uploaded", "IsMultipartUploaded", "Whether it was uploaded in parts."),
    Column("key", "VARCHAR", _KEY, "Key of the object, decoded.", "Key", reads={"key": "VARCHAR"}),
    time("last_modified_date", "LastModifiedDate", "When it was created or last modified, UTC."),
    time("lifecycle_expiration_date", "LifecycleExpirationDate", "When a lifecycle rule expires it, UTC."),
    Column(
        "object_access_control_list",
        "JSON",
        _ACL,
        "Access control list, decoded.",
        "ObjectAccessControlList",
        misfit=f"CASE WHEN {_GIVEN_ACL} IS NOT NULL AND ({_ACL}) IS NULL "
        f"THEN json_object('ObjectAccessControlList', {_GIVEN_ACL}) END",
    ),
    text("object_lock_legal_hold_status", "ObjectLockLegalHoldStatus", "Legal hold: ON or OFF."),
    text("object_lock_mode", "ObjectLockMode", "Retention mode: GOVERNANCE or COMPLIANCE."),
    time("object_lock_retain_until_date", "ObjectLockRetainUntilDate", "Locked until then, UTC."),
    text("object_owner", "ObjectOwner", "Canonical user id of the owner."),
    text("replication_status", "ReplicationStatus", "PENDING, COMPLETED, FAILED or REPLICA."),
    number("size", "Size", "Bytes; none for delete markers."),
    text("storage_class", "StorageClass", "Storage class, such as STANDARD or GLACIER."),
    text("version_id", "VersionId", "Version; none in buckets that keep no versions."),
)

_OBJECT = ("Bucket", "Key")
_VERSION = ("VersionId", "IsLatest", "IsDeleteMarker")
_OPTIONAL = (
    "Size", "LastModifiedDate", "ETag", "StorageClass", "IsMultipartUploaded", "ReplicationStatus",
    "EncryptionStatus", "ObjectLockRetainUntilDate", "ObjectLockMode", "ObjectLockLegalHoldStatus",
    "IntelligentTieringAccessTier", "BucketKeyStatus", "ChecksumAlgorithm", "ObjectAccessControlList",
    "ObjectOwner", "LifecycleExpirationDate",
)  # fmt: skip

TABLE = Table(
    name="aws_s3_inventory",
    description="Objects of a bucket with their properties, as S3 Inventory lists them in CSV or Parquet. CSV "
    "has no header: where not all optional fields are chosen, a delimited format names the fileSchema.",
    reference=_DOCS,
    syntax=Syntax("delimited", {"columns": (*_OBJECT, *_VERSION, *_OPTIONAL), "required": 2}),
    syntaxes=(
        # Of current versions only: no version, so the third field is the size.
        Syntax(
            "delimited",
            {"columns": (*_OBJECT, *_OPTIONAL), "required": 2},
            when=rb'\A"?[^",]*"?,"?[^",]*"?,"?\d+"?,"?\d{4}-\d\d-\d\dT',
        ),
    ),
    columns=_COLUMNS,
    enrichment={
        "tp_timestamp": "CASE WHEN r IS NOT NULL THEN coalesce(_modified, last_modified_date) END",
        "tp_usernames": filled("object_owner"),
    },
    layouts={
        "aws_s3_bucket": "(%{DATA:prefix}/)?%{DATA:bucket}/%{DATA:config_id}/data/%{DATA:file_name}.(csv.gz|parquet)",
    },
    not_logs={
        r"/manifest\.(json|checksum)$": "manifest of an inventory",
        r"/symlink\.txt$": "list of an inventory's files, for Hive",
        r"/$": "folder marker",
    },
    statistics=("bucket", "key"),
    examples=(
        Example(
            "Bytes by bucket and storage class, newest inventory",
            "select bucket, storage_class, count(*) as objects, sum(size) as bytes from aws_s3_inventory\n"
            "where tp_date = (select max(tp_date) from aws_s3_inventory)\n"
            "group by all order by bytes desc",
        ),
        Example(
            "Objects that are not encrypted with a KMS key",
            "select bucket, key, encryption_status, last_modified_date from aws_s3_inventory\n"
            "where encryption_status not in ('SSE-KMS', 'DSSE-KMS') order by last_modified_date limit 50",
        ),
        Example(
            "What old versions cost in bytes, by prefix",
            "select bucket, split_part(key, '/', 1) as prefix, count(*) as versions, sum(size) as bytes\n"
            "from aws_s3_inventory where not is_latest group by all order by bytes desc limit 20",
        ),
    ),
)
