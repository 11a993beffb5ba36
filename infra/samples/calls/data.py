"""Calls to what keeps data: S3 and DynamoDB."""

# ruff: noqa: E501

from __future__ import annotations

from infra.samples.calls.shapes import KMS_KEY, ROLE_ARN, Shapes, arn

__all__ = ["DYNAMODB", "DYNAMODB_DATA", "S3", "S3_DATA"]

# fmt: off
S3: Shapes = {
    "ListBuckets": (8, {"Host": "s3.<region>.amazonaws.com"}, None),
    "GetBucketAcl": (8, {"bucketName": "<bucket>", "Host": "<bucket>.s3.<region>.amazonaws.com", "acl": ""}, None),
    "GetBucketLocation": (5, {"bucketName": "<bucket>", "Host": "s3.<region>.amazonaws.com", "location": ""}, None),
    "GetBucketPolicy": (4, {"bucketName": "<bucket>", "Host": "<bucket>.s3.<region>.amazonaws.com", "policy": ""}, None),
    "GetBucketEncryption": (4, {"bucketName": "<bucket>", "Host": "<bucket>.s3.<region>.amazonaws.com", "encryption": ""}, None),
    "GetBucketPublicAccessBlock": (3, {"bucketName": "<bucket>", "Host": "s3.<region>.amazonaws.com", "publicAccessBlock": ""}, None),
    "CreateBucket": (1, {"bucketName": "<bucket>", "Host": "<bucket>.s3.<region>.amazonaws.com", "CreateBucketConfiguration": {
        "LocationConstraint": "<region>", "xmlns": "http://s3.amazonaws.com/doc/2006-03-01/"}}, None),
    "PutBucketPolicy": (1, {"bucketName": "<bucket>", "Host": "<bucket>.s3.<region>.amazonaws.com", "policy": "",
        "bucketPolicy": {"Version": "2012-10-17", "Statement": [{"Sid": "TLSOnly", "Effect": "Deny", "Principal": "*",
        "Action": "s3:*", "Resource": ["arn:aws:s3:::<bucket>", "arn:aws:s3:::<bucket>/*"],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}}}, {"Effect": "Allow", "Principal": {"AWS": ROLE_ARN},
        "Action": ["s3:GetObject", "s3:ListBucket"], "Resource": ["arn:aws:s3:::<bucket>/<object>"]}]}}, None),
    "PutBucketPublicAccessBlock": (0.5, {"bucketName": "<bucket>", "publicAccessBlock": "", "PublicAccessBlockConfiguration": {
        "xmlns": "http://s3.amazonaws.com/doc/2006-03-01/", "RestrictPublicBuckets": True, "BlockPublicPolicy": True,
        "BlockPublicAcls": True, "IgnorePublicAcls": True}}, None),
    "DeleteBucket": (0.3, {"bucketName": "<bucket>", "Host": "<bucket>.s3.<region>.amazonaws.com"}, None),
}

S3_DATA: Shapes = {
    "GetObject": (45, {"bucketName": "<bucket>", "Host": "<bucket>.s3.<region>.amazonaws.com", "key": "<object>"}, None),
    "PutObject": (35, {"bucketName": "<bucket>", "Host": "<bucket>.s3.<region>.amazonaws.com", "key": "<object>",
                       "x-amz-server-side-encryption": "aws:kms", "x-amz-storage-class": "STANDARD"},
                  {"x-amz-server-side-encryption": "aws:kms", "x-amz-server-side-encryption-aws-kms-key-id": KMS_KEY,
                   "x-amz-version-id": "<version>", "ETag": "<sha>"}),
    "HeadObject": (15, {"bucketName": "<bucket>", "Host": "<bucket>.s3.<region>.amazonaws.com", "key": "<object>"}, None),
    "DeleteObject": (4, {"bucketName": "<bucket>", "Host": "<bucket>.s3.<region>.amazonaws.com", "key": "<object>",
                         "versionId": "<version>"}, {"x-amz-delete-marker": "true", "x-amz-version-id": "<version2>"}),
    "ListObjects": (10, {"list-type": "2", "bucketName": "<bucket>", "prefix": "<group>/", "encoding-type": "url",
                         "Host": "<bucket>.s3.<region>.amazonaws.com"}, None),
    "UploadPart": (5, {"bucketName": "<bucket>", "key": "<object>", "uploadId": "<token>", "partNumber": "<small>",
                       "Host": "<bucket>.s3.<region>.amazonaws.com"}, {"x-amz-server-side-encryption": "aws:kms"}),
}

DYNAMODB: Shapes = {
    "DescribeTable": (8, {"tableName": "<table>"}, None),
    "ListTables": (2, {"limit": "<#limit>"}, None),
    "UpdateTable": (0.5, {"tableName": "<table>", "provisionedThroughput": {"readCapacityUnits": "<#small>", "writeCapacityUnits": "<#small2>"}},
        {"tableDescription": {"tableName": "<table>", "tableStatus": "UPDATING", "tableArn": arn("dynamodb", "table/<table>"),
         "itemCount": "<#size>", "tableSizeBytes": "<#size2>", "keySchema": [{"attributeName": "pk", "keyType": "HASH"},
         {"attributeName": "sk", "keyType": "RANGE"}], "creationDateTime": "<date>"}}),
    "DeleteTable": (0.2, {"tableName": "<table>"}, {"tableDescription": {"tableName": "<table>", "tableStatus": "DELETING"}}),
}
DYNAMODB_DATA: Shapes = {
    "GetItem": (20, {"tableName": "<table>", "key": {"pk": "<id>", "sk": "<uuid>"}, "consistentRead": True}, None),
    "PutItem": (14, {"tableName": "<table>", "key": {"pk": "<id>", "sk": "<uuid>"}, "items": ["pk", "sk", "state", "<id2>"]}, None),
    "Query": (14, {"tableName": "<table>", "keyConditionExpression": "#pk = :pk AND begins_with(#sk, :from)", "limit": "<#limit>"}, None),
}
# fmt: on
