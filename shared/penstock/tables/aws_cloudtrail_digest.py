"""AWS CloudTrail digest files: which log files were delivered, with their hashes."""

from __future__ import annotations

from penstock.tables import Column, Example, Syntax, Table, json_value, text, time

_DOCS = (
    "https://docs.aws.amazon.com/awscloudtrail/latest/userguide/"
    "cloudtrail-log-file-validation-digest-file-structure.html"
)


def _before(name: str, source: str, description: str) -> Column:
    """Of the digest file before; null in the first of a trail, and in the first after it was stopped."""
    return text(name, source, description)


TABLE = Table(
    name="aws_cloudtrail_digest",
    description="Digest files of CloudTrail: the log files delivered in an hour, and the chain that proves them.",
    reference=_DOCS,
    syntax=Syntax("json_text", {"shape": "document"}),
    columns=(
        text("aws_account_id", "awsAccountId", "Account that the log files are of."),
        time("digest_end_time", "digestEndTime", "End of the time that the digest covers, UTC."),
        text("digest_public_key_fingerprint", "digestPublicKeyFingerprint", "Key that signs the digest."),
        text("digest_s3_bucket", "digestS3Bucket", "Bucket of the digest file."),
        text("digest_s3_object", "digestS3Object", "Key of the digest file."),
        text("digest_signature_algorithm", "digestSignatureAlgorithm", "Algorithm of the signature."),
        time("digest_start_time", "digestStartTime", "Start of the time that the digest covers, UTC."),
        json_value(
            "log_files",
            "logFiles",
            "Log files delivered: objects with s3Bucket, s3Object, hashValue, hashAlgorithm, newestEventTime, "
            "oldestEventTime.",
        ),
        time("newest_event_time", "newestEventTime", "Time of the newest event in them, UTC."),
        time("oldest_event_time", "oldestEventTime", "Time of the oldest event in them, UTC."),
        _before("previous_digest_hash_algorithm", "previousDigestHashAlgorithm", "Algorithm of that hash."),
        _before("previous_digest_hash_value", "previousDigestHashValue", "Hash of the digest file before."),
        _before("previous_digest_s3_bucket", "previousDigestS3Bucket", "Bucket of the digest file before."),
        _before("previous_digest_s3_object", "previousDigestS3Object", "Key of the digest file before."),
        _before(
            "previous_digest_signature", "previousDigestSignature", "Signature of the digest file before."
        ),
    ),
    enrichment={"tp_timestamp": "digest_end_time"},
    layouts={
        "aws_s3_bucket": (
            "AWSLogs/(%{DATA:org_id}/)?%{NUMBER:account_id}/CloudTrail-Digest/%{DATA:region}/"
            "%{YEAR:year}/%{MONTHNUM:month}/%{MONTHDAY:day}/%{DATA}.json.gz"
        ),
    },
    not_logs={
        r"/CloudTrail/": "CloudTrail log file",
        r"/CloudTrail-Insight/": "CloudTrail Insights file",
        r"/CloudTrail-Aggregated/": "aggregated events file",
        r"/$": "folder marker",
    },
    statistics=("digest_s3_object",),
    examples=(
        Example(
            "Digest files whose predecessor is missing",
            "select d.tp_timestamp, d.digest_s3_object, d.previous_digest_s3_object from aws_cloudtrail_digest d\n"
            "left join aws_cloudtrail_digest p on p.digest_s3_object = d.previous_digest_s3_object\n"
            "where p.digest_s3_object is null order by d.tp_timestamp limit 20",
        ),
        Example(
            "Log files with their hashes",
            "select file ->> 's3Object' as object, file ->> 'hashValue' as hash\n"
            "from (select unnest(from_json(log_files, '[\"JSON\"]')) as file from aws_cloudtrail_digest)\n"
            "order by object limit 100",
        ),
    ),
)
