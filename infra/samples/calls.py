"""The catalogue of API calls in the samples: names, how often, and shapes of request and response.

Shapes follow the services' API references (https://docs.aws.amazon.com/); the values are our own
slots (see `draw`).
"""

# ruff: noqa: E501

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from infra.samples.draw import Template, compile_template

__all__ = ["CALLS", "Call"]

_READS = (
    "Describe",
    "List",
    "Get",
    "BatchGet",
    "Lookup",
    "Head",
    "Query",
    "Scan",
    "Decrypt",
    "Encrypt",
    "Assume",
)
_READS_TOO = ("GenerateDataKey", "InvokeModel", "Search", "StartQueryExecution", "SelectObject")


@dataclass(frozen=True, slots=True)
class Call:
    """One kind of API call: whose, its name and weight, and its body as templates.

    `data` tells data events (https://docs.aws.amazon.com/awscloudtrail/latest/userguide/logging-data-events-with-cloudtrail.html).
    """

    service: str
    name: str
    weight: float
    read_only: bool
    data: bool
    request: Template
    response: Template
    resources: Template | None


_Body = tuple[float, Any, Any]
"""Weight, request, response."""
_Shapes = Mapping[str, _Body]


def _arn(service: str, rest: str) -> str:
    return f"arn:aws:{service}:<region>:<account>:{rest}"


def _call(service: str, name: str, body: _Body, resources: Sequence[tuple[str, str]], data: bool) -> Call:
    weight, request, response = body
    shown = [{"accountId": "<account>", "type": kind, "ARN": arn} for kind, arn in resources]
    return Call(
        service=service,
        name=name,
        weight=weight,
        read_only=name.startswith(_READS) or name.startswith(_READS_TOO),
        data=data,
        request=compile_template(request),
        response=compile_template(response),
        resources=compile_template(shown) if shown else None,
    )


_PAGE = {"maxResults": "<#limit>", "nextToken": "<token>"}
_TAGS = [
    {"key": "team", "value": "<group>"},
    {"key": "Name", "value": "<note>"},
    {"key": "cost", "value": "<id>"},
]
_TAG_SET = {"items": _TAGS}
_KMS_KEY = _arn("kms", "key/<kms>")
_ROLE_ARN = "arn:aws:iam::<account>:role/<role>"

# fmt: off
_EC2: _Shapes = {
    "DescribeInstances": (30, {"instancesSet": {"items": [{"instanceId": "<instance>"}, {"instanceId": "<instance2>"}]},
                               "filterSet": {"items": [{"name": "vpc-id", "valueSet": {"items": [{"value": "<vpc>"}]}}]}}, None),
    "DescribeInstanceStatus": (12, {"instancesSet": {"items": [{"instanceId": "<instance>"}]}, "filterSet": {},
                                    "includeAllInstances": True}, None),
    "DescribeVolumes": (8, {"volumeSet": {"items": [{"volumeId": "<volume>"}]}, "filterSet": {}}, None),
    "DescribeSnapshots": (5, {"snapshotSet": {}, "ownersSet": {"items": [{"owner": "self"}]}, "sharedUsersSet": {},
                              "filterSet": {}}, None),
    "DescribeSecurityGroups": (10, {"securityGroupSet": {}, "securityGroupIdSet": {"items": [{"groupId": "<sg>"}]},
                                    "filterSet": {}}, None),
    "DescribeNetworkInterfaces": (12, {"networkInterfaceIdSet": {}, "filterSet": {"items": [
        {"name": "attachment.instance-id", "valueSet": {"items": [{"value": "<instance>"}]}}]}}, None),
    "DescribeSubnets": (6, {"subnetSet": {"items": [{"subnetId": "<subnet>"}]}, "filterSet": {}}, None),
    "DescribeVpcs": (4, {"vpcSet": {}, "filterSet": {}}, None),
    "DescribeImages": (4, {"executableBySet": {}, "imagesSet": {"items": [{"imageId": "<ami>"}]}, "ownersSet": {},
                           "filterSet": {}}, None),
    "DescribeRegions": (3, {"regionSet": {}, "allRegions": True}, None),
    "RunInstances": (4, {"instancesSet": {"items": [{"imageId": "<ami>", "minCount": 1, "maxCount": 1}]},
                         "instanceType": "<type>", "blockDeviceMapping": {"items": [{"deviceName": "/dev/xvda", "ebs": {
                             "volumeSize": "<#small>", "deleteOnTermination": True, "volumeType": "gp3", "encrypted": True}}]},
                         "monitoring": {"enabled": False}, "disableApiTermination": False, "clientToken": "<uuid>",
                         "iamInstanceProfile": {"name": "<role>"}, "subnetId": "<subnet>",
                         "tagSpecificationSet": {"items": [{"resourceType": "instance", "tags": _TAGS}]}},
                     {"requestId": "<uuid2>", "reservationId": "<reservation>", "ownerId": "<account>", "groupSet": {},
                      "instancesSet": {"items": [{"instanceId": "<new_instance>", "imageId": "<ami>", "instanceState": {
                          "code": 0, "name": "pending"}, "privateDnsName": "ip-<id>.ec2.internal", "amiLaunchIndex": 0,
                          "instanceType": "<type>", "launchTime": "<#epoch>", "placement": {"availabilityZone": "<zone>",
                          "tenancy": "default"}, "monitoring": {"state": "disabled"}, "subnetId": "<subnet>", "vpcId": "<vpc>",
                          "privateIpAddress": "<private>", "stateReason": {"code": "pending", "message": "pending"},
                          "architecture": "arm64", "rootDeviceType": "ebs", "rootDeviceName": "/dev/xvda",
                          "blockDeviceMapping": {}, "virtualizationType": "hvm", "hypervisor": "xen", "tagSet": _TAG_SET,
                          "clientToken": "<uuid>", "groupSet": {"items": [{"groupId": "<sg>", "groupName": "<group>"}]},
                          "sourceDestCheck": True, "networkInterfaceSet": {"items": [{"networkInterfaceId": "<eni>",
                          "subnetId": "<subnet>", "vpcId": "<vpc>", "ownerId": "<account>", "status": "in-use",
                          "privateIpAddress": "<private>"}]}, "metadataOptions": {"state": "pending", "httpTokens": "required",
                          "httpPutResponseHopLimit": 2, "httpEndpoint": "enabled"}}]}}),
    "TerminateInstances": (3, {"instancesSet": {"items": [{"instanceId": "<instance>"}]}},
                           {"requestId": "<uuid>", "instancesSet": {"items": [{"instanceId": "<instance>", "currentState": {
                               "code": 32, "name": "shutting-down"}, "previousState": {"code": 16, "name": "running"}}]}}),
    "StopInstances": (2, {"instancesSet": {"items": [{"instanceId": "<instance>"}]}, "force": False},
                      {"requestId": "<uuid>", "instancesSet": {"items": [{"instanceId": "<instance>",
                       "currentState": {"code": 64, "name": "stopping"}, "previousState": {"code": 16, "name": "running"}}]}}),
    "StartInstances": (2, {"instancesSet": {"items": [{"instanceId": "<instance>"}]}},
                       {"requestId": "<uuid>", "instancesSet": {"items": [{"instanceId": "<instance>",
                        "currentState": {"code": 0, "name": "pending"}, "previousState": {"code": 80, "name": "stopped"}}]}}),
    "CreateTags": (5, {"resourcesSet": {"items": [{"resourceId": "<instance>"}]}, "tagSet": _TAG_SET},
                   {"requestId": "<uuid>", "_return": True}),
    "AuthorizeSecurityGroupIngress": (2, {"groupId": "<sg>", "ipPermissions": {"items": [{"ipProtocol": "tcp",
        "fromPort": "<#port>", "toPort": "<#port>", "groups": {}, "ipRanges": {"items": [{"cidrIp": "<cidr>",
        "description": "<note>"}]}, "ipv6Ranges": {}, "prefixListIds": {}}]}},
        {"requestId": "<uuid>", "_return": True, "securityGroupRuleSet": {"items": [{"groupOwnerId": "<account>",
         "groupId": "<sg>", "securityGroupRuleId": "sgr-<hex>", "isEgress": False, "ipProtocol": "tcp",
         "fromPort": "<#port>", "toPort": "<#port>", "cidrIpv4": "<cidr>"}]}}),
    "RevokeSecurityGroupIngress": (1, {"groupId": "<sg>", "ipPermissions": {"items": [{"ipProtocol": "tcp",
        "fromPort": "<#port>", "toPort": "<#port>", "ipRanges": {"items": [{"cidrIp": "<cidr>"}]}}]}},
        {"requestId": "<uuid>", "_return": True}),
    "CreateSnapshot": (3, {"volumeId": "<volume>", "description": "<note>"},
                       {"requestId": "<uuid>", "snapshotId": "<snapshot>", "volumeId": "<volume>", "status": "pending",
                        "startTime": "<#epoch>", "ownerId": "<account>", "volumeSize": "<small>", "encrypted": True}),
    "ModifySnapshotAttribute": (0.3, {"snapshotId": "<snapshot>", "createVolumePermission": {"add": {"items": [
        {"userId": "<account>"}]}}, "attributeType": "CREATE_VOLUME_PERMISSION"}, {"requestId": "<uuid>", "_return": True}),
    "CreateNetworkInterface": (4, {"subnetId": "<subnet>", "description": "AWS Lambda VPC ENI-<function>", "groupSet": {
        "items": [{"groupId": "<sg>"}]}, "privateIpAddressesSet": {}, "ipv6AddressCount": 0, "clientToken": "<uuid>"},
        {"requestId": "<uuid2>", "networkInterface": {"networkInterfaceId": "<eni>", "subnetId": "<subnet>", "vpcId": "<vpc>",
         "availabilityZone": "<zone>", "ownerId": "<account>", "status": "pending", "privateIpAddress": "<private>",
         "macAddress": "02:<id>", "sourceDestCheck": True, "tagSet": _TAG_SET}}),
    "DeleteNetworkInterface": (2, {"networkInterfaceId": "<eni>"}, {"requestId": "<uuid>", "_return": True}),
}

_S3: _Shapes = {
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
        "Condition": {"Bool": {"aws:SecureTransport": "false"}}}, {"Effect": "Allow", "Principal": {"AWS": _ROLE_ARN},
        "Action": ["s3:GetObject", "s3:ListBucket"], "Resource": ["arn:aws:s3:::<bucket>/<object>"]}]}}, None),
    "PutBucketPublicAccessBlock": (0.5, {"bucketName": "<bucket>", "publicAccessBlock": "", "PublicAccessBlockConfiguration": {
        "xmlns": "http://s3.amazonaws.com/doc/2006-03-01/", "RestrictPublicBuckets": True, "BlockPublicPolicy": True,
        "BlockPublicAcls": True, "IgnorePublicAcls": True}}, None),
    "DeleteBucket": (0.3, {"bucketName": "<bucket>", "Host": "<bucket>.s3.<region>.amazonaws.com"}, None),
}

_S3_DATA: _Shapes = {
    "GetObject": (45, {"bucketName": "<bucket>", "Host": "<bucket>.s3.<region>.amazonaws.com", "key": "<object>"}, None),
    "PutObject": (35, {"bucketName": "<bucket>", "Host": "<bucket>.s3.<region>.amazonaws.com", "key": "<object>",
                       "x-amz-server-side-encryption": "aws:kms", "x-amz-storage-class": "STANDARD"},
                  {"x-amz-server-side-encryption": "aws:kms", "x-amz-server-side-encryption-aws-kms-key-id": _KMS_KEY,
                   "x-amz-version-id": "<version>", "ETag": "<sha>"}),
    "HeadObject": (15, {"bucketName": "<bucket>", "Host": "<bucket>.s3.<region>.amazonaws.com", "key": "<object>"}, None),
    "DeleteObject": (4, {"bucketName": "<bucket>", "Host": "<bucket>.s3.<region>.amazonaws.com", "key": "<object>",
                         "versionId": "<version>"}, {"x-amz-delete-marker": "true", "x-amz-version-id": "<version2>"}),
    "ListObjects": (10, {"list-type": "2", "bucketName": "<bucket>", "prefix": "<group>/", "encoding-type": "url",
                         "Host": "<bucket>.s3.<region>.amazonaws.com"}, None),
    "UploadPart": (5, {"bucketName": "<bucket>", "key": "<object>", "uploadId": "<token>", "partNumber": "<small>",
                       "Host": "<bucket>.s3.<region>.amazonaws.com"}, {"x-amz-server-side-encryption": "aws:kms"}),
}

_IAM: _Shapes = {
    "ListUsers": (3, {"maxItems": "<#limit>"}, None),
    "ListRoles": (4, {"maxItems": "<#limit>", "marker": "<token>"}, None),
    "GetUser": (4, {"userName": "<user>"}, None),
    "GetRole": (8, {"roleName": "<role>"}, None),
    "GetRolePolicy": (3, {"roleName": "<role>", "policyName": "<policy>"}, None),
    "ListAttachedRolePolicies": (5, {"roleName": "<role>"}, None),
    "GetPolicyVersion": (4, {"policyArn": "arn:aws:iam::<account>:policy/<policy>", "versionId": "v3"}, None),
    "ListAccessKeys": (3, {"userName": "<user>"}, None),
    "GetAccountAuthorizationDetails": (0.5, {"maxItems": "<#limit>", "filter": ["User", "Role", "Group"]}, None),
    "CreateRole": (1, {"path": "/", "roleName": "<role>", "assumeRolePolicyDocument":
        '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}]}',
        "description": "<note>", "maxSessionDuration": 3600},
        {"role": {"path": "/", "roleName": "<role>", "roleId": "<aroa>", "arn": _ROLE_ARN, "createDate": "<date>",
         "assumeRolePolicyDocument": "%7B%22Version%22%3A%222012-10-17%22%2C%22Statement%22%3A%5B%7B%22Effect%22%3A%22Allow%22%7D%5D%7D"}}),
    "PutRolePolicy": (1, {"roleName": "<role>", "policyName": "<policy>", "policyDocument":
        '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["dynamodb:GetItem","dynamodb:Query"],"Resource":"arn:aws:dynamodb:<region>:<account>:table/<table>"}]}'}, None),
    "AttachRolePolicy": (1, {"roleName": "<role>", "policyArn": "arn:aws:iam::<account>:policy/<policy>"}, None),
    "PassRole": (0.2, {"roleArn": _ROLE_ARN}, None),
    "CreateAccessKey": (0.4, {"userName": "<user>"}, {"accessKey": {"userName": "<user>", "accessKeyId": "<akia>",
                        "status": "Active", "createDate": "<date>"}}),
    "UpdateLoginProfile": (0.2, {"userName": "<user>", "passwordResetRequired": True}, None),
    "DeactivateMFADevice": (0.2, {"userName": "<user>", "serialNumber": "arn:aws:iam::<account>:mfa/<user>"}, None),
    "TagRole": (1, {"roleName": "<role>", "tags": _TAGS}, None),
    "CreateServiceLinkedRole": (0.3, {"aWSServiceName": "autoscaling.amazonaws.com"},
        {"role": {"path": "/aws-service-role/autoscaling.amazonaws.com/", "roleName": "AWSServiceRoleForAutoScaling",
         "roleId": "<aroa>", "arn": "arn:aws:iam::<account>:role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling",
         "createDate": "<date>"}}),
}

_CREDENTIALS = {"accessKeyId": "<asia>", "sessionToken": "<blob>", "expiration": "<date>"}
_STS: _Shapes = {
    "AssumeRole": (70, {"roleArn": _ROLE_ARN, "roleSessionName": "<session>", "durationSeconds": 3600, "externalId": "<uuid>"},
                   {"credentials": _CREDENTIALS, "assumedRoleUser": {"assumedRoleId": "<aroa>:<session>",
                    "arn": "arn:aws:sts::<account>:assumed-role/<role>/<session>"}, "sourceIdentity": "<email>"}),
    "AssumeRoleWithSAML": (2, {"sAMLAssertionID": "_<uuid>", "roleSessionName": "<email>", "durationSeconds": 28800,
                               "roleArn": _ROLE_ARN, "principalArn": "arn:aws:iam::<account>:saml-provider/corporate"},
        {"subjectType": "persistent", "issuer": "https://idp.example.com/saml", "subject": "<email>", "nameQualifier": "<id>",
         "credentials": _CREDENTIALS, "assumedRoleUser": {"assumedRoleId": "<aroa>:<email>",
         "arn": "arn:aws:sts::<account>:assumed-role/<role>/<email>"}, "audience": "https://signin.aws.amazon.com/saml"}),
    "AssumeRoleWithWebIdentity": (10, {"roleArn": _ROLE_ARN, "roleSessionName": "botocore-session-<small>"},
        {"subjectFromWebIdentityToken": "system:serviceaccount:<cluster>:<group>", "audience": "sts.amazonaws.com",
         "provider": "arn:aws:iam::<account>:oidc-provider/oidc.eks.<region>.amazonaws.com/id/<sha>",
         "credentials": _CREDENTIALS, "assumedRoleUser": {"assumedRoleId": "<aroa>:botocore-session",
         "arn": "arn:aws:sts::<account>:assumed-role/<role>/botocore-session"}}),
    "AssumeRoot": (0.3, {"targetPrincipal": "<account>", "taskPolicyArn": {"arn": "arn:aws:iam::aws:policy/root-task/S3UnlockBucketPolicy"}},
                   {"credentials": _CREDENTIALS}),
    "GetCallerIdentity": (25, None, None),
    "GetFederationToken": (0.5, {"name": "<user>", "durationSeconds": 3600},
        {"credentials": _CREDENTIALS, "federatedUser": {"federatedUserId": "<account>:<user>",
         "arn": "arn:aws:sts::<account>:federated-user/<user>"}, "packedPolicySize": "<#small>"}),
    "GetSessionToken": (2, {"durationSeconds": 43200, "serialNumber": "arn:aws:iam::<account>:mfa/<user>"},
                        {"credentials": _CREDENTIALS}),
}

_KMS: _Shapes = {
    "Decrypt": (50, {"encryptionAlgorithm": "SYMMETRIC_DEFAULT", "encryptionContext": {
        "aws:lambda:FunctionArn": _arn("lambda", "function:<function>")}}, None),
    "GenerateDataKey": (35, {"keyId": _KMS_KEY, "keySpec": "AES_256", "encryptionContext": {
        "aws:s3:arn": "arn:aws:s3:::<bucket>/<object>"}}, None),
    "Encrypt": (4, {"keyId": _KMS_KEY, "encryptionAlgorithm": "SYMMETRIC_DEFAULT", "encryptionContext": {
        "PARAMETER_ARN": _arn("ssm", "parameter<parameter>")}}, None),
    "DescribeKey": (8, {"keyId": "<kms>"}, None),
    "CreateGrant": (3, {"keyId": _KMS_KEY, "granteePrincipal": _ROLE_ARN, "operations": ["Decrypt", "Encrypt",
        "GenerateDataKeyWithoutPlaintext", "CreateGrant"], "retiringPrincipal": "ec2.<region>.amazonaws.com",
        "constraints": {"encryptionContextSubset": {"aws:ebs:id": "<volume>"}}}, {"grantId": "<sha>", "keyId": _KMS_KEY}),
    "ScheduleKeyDeletion": (0.2, {"keyId": "<kms>", "pendingWindowInDays": 30},
                            {"keyId": _KMS_KEY, "keyState": "PendingDeletion", "deletionDate": "<date>", "pendingWindowInDays": 30}),
}

_FUNCTION_ARN = _arn("lambda", "function:<function>")
_LAMBDA: _Shapes = {
    "GetFunction20150331v2": (4, {"functionName": "<function>"}, None),
    "ListFunctions20150331": (3, {"maxItems": "<#limit>"}, None),
    "UpdateFunctionCode20150331v2": (2, {"functionName": "<function>", "s3Bucket": "<bucket>", "s3Key": "<object>",
        "publish": True, "dryRun": False}, {"functionName": "<function>", "functionArn": _FUNCTION_ARN, "runtime": "python3.13",
        "role": _ROLE_ARN, "handler": "app.handler", "codeSize": "<#size>", "timeout": 120, "memorySize": 1024,
        "lastModified": "<now>", "codeSha256": "<sha>", "version": "<small>", "architectures": ["arm64"],
        "vpcConfig": {"subnetIds": ["<subnet1>", "<subnet2>"], "securityGroupIds": ["<sg>"], "vpcId": "<vpc>"},
        "environment": {}, "tracingConfig": {"mode": "Active"}, "state": "Active", "lastUpdateStatus": "InProgress"}),
    "UpdateFunctionConfiguration20150331v2": (1, {"functionName": _FUNCTION_ARN, "environment": {}, "timeout": "<#small>"},
        {"functionName": "<function>", "functionArn": _FUNCTION_ARN, "runtime": "nodejs22.x", "role": _ROLE_ARN,
         "environment": {}, "lastModified": "<now>", "revisionId": "<uuid>"}),
    "AddPermission20150331v2": (0.5, {"functionName": "<function>", "statementId": "<uuid>", "action": "lambda:InvokeFunction",
        "principal": "s3.amazonaws.com", "sourceArn": "arn:aws:s3:::<bucket>", "sourceAccount": "<account>"},
        {"statement": '{"Sid":"<uuid>","Effect":"Allow","Principal":{"Service":"s3.amazonaws.com"},"Action":"lambda:InvokeFunction"}'}),
}
_LAMBDA_DATA: _Shapes = {
    "Invoke": (25, {"functionName": _FUNCTION_ARN, "invocationType": "RequestResponse", "qualifier": "live",
                    "clientContext": "<token>"}, None),
}

_DYNAMODB: _Shapes = {
    "DescribeTable": (8, {"tableName": "<table>"}, None),
    "ListTables": (2, {"limit": "<#limit>"}, None),
    "UpdateTable": (0.5, {"tableName": "<table>", "provisionedThroughput": {"readCapacityUnits": "<#small>", "writeCapacityUnits": "<#small2>"}},
        {"tableDescription": {"tableName": "<table>", "tableStatus": "UPDATING", "tableArn": _arn("dynamodb", "table/<table>"),
         "itemCount": "<#size>", "tableSizeBytes": "<#size2>", "keySchema": [{"attributeName": "pk", "keyType": "HASH"},
         {"attributeName": "sk", "keyType": "RANGE"}], "creationDateTime": "<date>"}}),
    "DeleteTable": (0.2, {"tableName": "<table>"}, {"tableDescription": {"tableName": "<table>", "tableStatus": "DELETING"}}),
}
_DYNAMODB_DATA: _Shapes = {
    "GetItem": (20, {"tableName": "<table>", "key": {"pk": "<id>", "sk": "<uuid>"}, "consistentRead": True}, None),
    "PutItem": (14, {"tableName": "<table>", "key": {"pk": "<id>", "sk": "<uuid>"}, "items": ["pk", "sk", "state", "<id2>"]}, None),
    "Query": (14, {"tableName": "<table>", "keyConditionExpression": "#pk = :pk AND begins_with(#sk, :from)", "limit": "<#limit>"}, None),
}

_OBSERVE: Mapping[str, _Shapes] = {
    "logs": {
        "CreateLogStream": (25, {"logGroupName": "<log_group>", "logStreamName": "<stream>"}, None),
        "CreateLogGroup": (1, {"logGroupName": "<log_group>"}, None),
        "DescribeLogGroups": (6, {"limit": "<#limit>", "logGroupNamePrefix": "/aws/lambda/"}, None),
        "FilterLogEvents": (3, {"logGroupName": "<log_group>", "startTime": "<#epoch>", "filterPattern": "?ERROR ?Exception \"<note>\""}, None),
        "PutRetentionPolicy": (0.5, {"logGroupName": "<log_group>", "retentionInDays": "<#small>"}, None),
        "DeleteLogGroup": (0.3, {"logGroupName": "<log_group>"}, None),
    },
    "monitoring": {
        "DescribeAlarms": (10, {"stateValue": "ALARM", "maxRecords": "<#limit>"}, None),
        "PutMetricAlarm": (1, {"alarmName": "<rule>", "alarmDescription": "<note>", "metricName": "Errors", "namespace": "AWS/Lambda",
            "statistic": "Sum", "period": 60, "evaluationPeriods": 3, "threshold": "<#small>", "comparisonOperator": "GreaterThanThreshold",
            "dimensions": [{"name": "FunctionName", "value": "<function>"}], "alarmActions": [_arn("sns", "<topic>")]}, None),
        "DeleteAlarms": (0.2, {"alarmNames": ["<rule>"]}, None),
    },
    "cloudtrail": {
        "DescribeTrails": (5, {"includeShadowTrails": True}, None),
        "GetTrailStatus": (5, {"name": _arn("cloudtrail", "trail/<trail>")}, None),
        "LookupEvents": (4, {"maxResults": "<#limit>", "lookupAttributes": [{"attributeKey": "Username", "attributeValue": "<user>"}]}, None),
        "PutEventSelectors": (0.2, {"trailName": "<trail>", "advancedEventSelectors": [{"name": "<note>", "fieldSelectors": [
            {"field": "eventCategory", "equals": ["Data"]}, {"field": "resources.type", "equals": ["AWS::S3::Object"]}]}]},
            {"trailARN": _arn("cloudtrail", "trail/<trail>")}),
    },
    "config": {
        "DescribeConfigurationRecorders": (3, None, None),
        "PutEvaluations": (6, {"evaluations": [{"complianceResourceType": "AWS::S3::Bucket", "complianceResourceId": "<bucket>",
            "complianceType": "COMPLIANT", "orderingTimestamp": "<date>"}], "resultToken": "<token>", "testMode": False},
            {"failedEvaluations": []}),
        "BatchGetResourceConfig": (2, {"resourceKeys": [{"resourceType": "AWS::EC2::Instance", "resourceId": "<instance>"}]}, None),
    },
    "guardduty": {
        "ListDetectors": (2, {"maxResults": "<#limit>"}, None),
        "GetFindings": (2, {"detectorId": "<detector>", "findingIds": ["<task1>", "<task2>", "<task3>"]}, None),
    },
    "securityhub": {
        "GetFindings": (2, {"filters": {"severityLabel": [{"value": "CRITICAL", "comparison": "EQUALS"}]}, "maxResults": 100}, None),
        "BatchImportFindings": (3, {"findings": [{"id": _arn("guardduty", "detector/<detector>/finding/<task>"), "productArn":
            "arn:aws:securityhub:<region>::product/aws/guardduty"}]}, {"failedCount": 0, "successCount": "<#small>"}),
    },
}

_RUN: Mapping[str, _Shapes] = {
    "rds": {
        "DescribeDBInstances": (8, {"dBInstanceIdentifier": "<database>"}, None),
        "DescribeDBSnapshots": (3, {"includeShared": False, "includePublic": False, **_PAGE}, None),
        "CreateDBSnapshot": (1, {"dBSnapshotIdentifier": "<database>-<id>", "dBInstanceIdentifier": "<database>"},
            {"dBSnapshotIdentifier": "<database>-<id>", "dBInstanceIdentifier": "<database>", "engine": "postgres",
             "allocatedStorage": "<#small>", "status": "creating", "port": 5432, "availabilityZone": "<zone>", "vpcId": "<vpc>",
             "masterUsername": "admin", "engineVersion": "17.2", "snapshotType": "manual", "percentProgress": 0,
             "storageType": "gp3", "encrypted": True, "kmsKeyId": _KMS_KEY, "dBSnapshotArn": _arn("rds", "snapshot:<database>-<id>")}),
        "ModifyDBInstance": (0.4, {"dBInstanceIdentifier": "<database>", "applyImmediately": True, "masterUserPassword": "****",
            "backupRetentionPeriod": "<#small>"}, {"dBInstanceIdentifier": "<database>", "dBInstanceStatus": "available",
            "engine": "postgres", "endpoint": {"address": "<database>.<id>.<region>.rds.amazonaws.com", "port": 5432},
            "vpcSecurityGroups": [{"vpcSecurityGroupId": "<sg>", "status": "active"}], "pendingModifiedValues": {"masterUserPassword": "****"}}),
    },
    "secretsmanager": {
        "GetSecretValue": (18, {"secretId": _arn("secretsmanager", "secret:<secret>"), "versionStage": "AWSCURRENT"}, None),
        "DescribeSecret": (6, {"secretId": "<secret>"}, None),
        "ListSecrets": (2, {"maxResults": "<#limit>"}, None),
        "CreateSecret": (0.4, {"name": "<secret>", "clientRequestToken": "<uuid>", "description": "<note>", "tags": _TAGS},
                         {"arn": _arn("secretsmanager", "secret:<secret>"), "name": "<secret>", "versionId": "<uuid>"}),
    },
    "ssm": {
        "GetParameter": (15, {"name": "<parameter>", "withDecryption": True}, None),
        "GetParametersByPath": (6, {"path": "/prod/", "recursive": True, "withDecryption": True, "maxResults": 10}, None),
        "UpdateInstanceInformation": (20, {"instanceId": "<instance>", "agentVersion": "3.3.1611.0", "agentStatus": "Active",
            "platformType": "Linux", "platformName": "Amazon Linux", "platformVersion": "2023", "iPAddress": "<private>",
            "computerName": "ip-<id>.ec2.internal", "agentName": "amazon-ssm-agent", "availabilityZone": "<zone>"}, None),
        "StartSession": (1, {"target": "<instance>", "reason": "<note>"}, {"sessionId": "<user>-<hex>",
            "tokenValue": "Value hidden due to security reasons.", "streamUrl": "wss://ssmmessages.<region>.amazonaws.com/v1/data-channel/<user>-<hex>?role=publish_subscribe"}),
        "SendCommand": (1, {"instanceIds": ["<instance1>", "<instance2>"], "documentName": "AWS-RunPatchBaseline",
            "parameters": "HIDDEN_DUE_TO_SECURITY_REASONS", "comment": "<note>", "maxConcurrency": "50"},
            {"command": {"commandId": "<uuid>", "documentName": "AWS-RunPatchBaseline", "status": "Pending",
             "instanceIds": ["<instance1>", "<instance2>"], "requestedDateTime": "<date>", "outputS3BucketName": "<bucket>"}}),
        "PutParameter": (0.5, {"name": "<parameter>", "type": "SecureString", "value": "HIDDEN_DUE_TO_SECURITY_REASONS",
                               "overwrite": True}, {"version": "<#small>", "tier": "Standard"}),
    },
    "ecs": {
        "DescribeTasks": (8, {"cluster": "<cluster>", "tasks": [_arn("ecs", "task/<cluster>/<task>")], "include": ["TAGS"]}, None),
        "RunTask": (3, {"cluster": "<cluster>", "taskDefinition": "<project>:<small>", "launchType": "FARGATE", "count": 1,
            "networkConfiguration": {"awsvpcConfiguration": {"subnets": ["<subnet1>", "<subnet2>"], "securityGroups": ["<sg>"],
            "assignPublicIp": "DISABLED"}}, "overrides": {"containerOverrides": []}},
            {"tasks": [{"taskArn": _arn("ecs", "task/<cluster>/<task>"), "clusterArn": _arn("ecs", "cluster/<cluster>"),
             "taskDefinitionArn": _arn("ecs", "task-definition/<project>:<small>"), "lastStatus": "PROVISIONING",
             "desiredStatus": "RUNNING", "cpu": "1024", "memory": "2048", "containers": [{"containerArn": _arn("ecs", "container/<uuid>"),
             "name": "app", "image": "<account>.dkr.ecr.<region>.amazonaws.com/<repository>@sha256:<sha>", "lastStatus": "PENDING"}],
             "createdAt": "<date>", "launchType": "FARGATE", "platformVersion": "1.4.0", "availabilityZone": "<zone>"}], "failures": []}),
        "UpdateService": (1, {"cluster": "<cluster>", "service": "<project>", "forceNewDeployment": True, "desiredCount": "<#small>"},
                          {"service": {"serviceName": "<project>", "status": "ACTIVE", "roleArn": _ROLE_ARN}}),
    },
    "ecr": {
        "GetAuthorizationToken": (8, {"registryIds": ["<account>"]}, None),
        "BatchGetImage": (6, {"registryId": "<account>", "repositoryName": "<repository>", "imageIds": [{"imageDigest": "sha256:<sha>"}]}, None),
        "PutImage": (1, {"registryId": "<account>", "repositoryName": "<repository>", "imageTag": "<task>", "imageManifest": "<blob>"},
            {"image": {"registryId": "<account>", "repositoryName": "<repository>", "imageId": {"imageDigest": "sha256:<sha>",
             "imageTag": "<task>"}, "imageManifest": "<blob>"}}),
    },
    "eks": {"DescribeCluster": (5, {"name": "<cluster>"}, None), "ListNodegroups": (2, {"name": "<cluster>"}, None)},
    "autoscaling": {
        "DescribeAutoScalingGroups": (8, {"autoScalingGroupNames": ["<project>"]}, None),
        "SetDesiredCapacity": (1, {"autoScalingGroupName": "<project>", "desiredCapacity": "<#small>", "honorCooldown": False}, None),
    },
    "elasticloadbalancing": {
        "DescribeLoadBalancers": (8, {"loadBalancerArns": [_arn("elasticloadbalancing", "loadbalancer/<balancer>")]}, None),
        "DescribeTargetHealth": (10, {"targetGroupArn": _arn("elasticloadbalancing", "targetgroup/<project>/<hex>")}, None),
        "RegisterTargets": (2, {"targetGroupArn": _arn("elasticloadbalancing", "targetgroup/<project>/<hex>"),
                                "targets": [{"id": "<instance>", "port": "<#port>"}]}, None),
    },
    "elasticache": {"DescribeCacheClusters": (3, {"showCacheNodeInfo": True, "maxRecords": "<#limit>"}, None)},
}

_BUILD: Mapping[str, _Shapes] = {
    "cloudformation": {
        "DescribeStacks": (8, {"stackName": "<stack>"}, None),
        "CreateChangeSet": (1, {"stackName": "<stack>", "changeSetName": "<project>-<id>", "capabilities": ["CAPABILITY_IAM"],
            "parameters": [{"parameterKey": "Stage", "parameterValue": "****"}], "tags": _TAGS},
            {"id": _arn("cloudformation", "changeSet/<project>-<id>/<uuid>"), "stackId": _arn("cloudformation", "stack/<stack>/<uuid2>")}),
        "ExecuteChangeSet": (1, {"stackName": "<stack>", "changeSetName": "<project>-<id>"}, None),
        "DeleteStack": (0.2, {"stackName": "<stack>"}, None),
    },
    "codebuild": {
        "StartBuild": (2, {"projectName": "<project>", "sourceVersion": "<sha>", "environmentVariablesOverride": "HIDDEN_DUE_TO_SECURITY_REASONS"},
            {"build": {"id": "<project>:<uuid>", "arn": _arn("codebuild", "build/<project>:<uuid>"), "buildNumber": "<#size>",
             "startTime": "<date>", "currentPhase": "QUEUED", "buildStatus": "IN_PROGRESS", "timeoutInMinutes": 60,
             "environment": {"type": "ARM_CONTAINER", "image": "aws/codebuild/amazonlinux-aarch64-standard:3.0", "privilegedMode": True},
             "logs": {"groupName": "<log_group>"}, "serviceRole": _ROLE_ARN, "initiator": "codepipeline/<project>"}}),
        "BatchGetBuilds": (4, {"ids": ["<project>:<uuid>"]}, None),
    },
    "codepipeline": {"PutJobSuccessResult": (1, {"jobId": "<uuid>"}, None), "GetPipelineState": (2, {"name": "<project>"}, None)},
    "apigateway": {"GetRestApis": (2, {"limit": "<#limit>"}, None),
                   "CreateDeployment": (0.4, {"restApiId": "<id>", "createDeploymentInput": {"stageName": "prod", "description": "<note>"}},
                                        {"id": "<id2>", "createdDate": "<date>"})},
    "states": {
        "StartExecution": (6, {"stateMachineArn": _arn("states", "stateMachine:<machine>"), "name": "<uuid>",
                               "input": "HIDDEN_DUE_TO_SECURITY_REASONS"},
            {"executionArn": _arn("states", "execution:<machine>:<uuid>"), "startDate": "<date>"}),
        "DescribeExecution": (4, {"executionArn": _arn("states", "execution:<machine>:<uuid>")}, None),
    },
    "glue": {"GetTable": (8, {"databaseName": "<group>", "name": "<table>"}, None),
             "GetPartitions": (6, {"databaseName": "<group>", "tableName": "<table>", "expression": "day >= '<now>'"}, None)},
    "athena": {
        "StartQueryExecution": (4, {"queryString": "SELECT eventname, count(*) FROM <table> WHERE day = '<now>' GROUP BY 1 -- <note>",
            "clientRequestToken": "<uuid>", "queryExecutionContext": {"database": "<group>"}, "workGroup": "primary",
            "resultConfiguration": {"outputLocation": "s3://<bucket>/athena/"}}, {"queryExecutionId": "<uuid2>"}),
        "GetQueryResults": (4, {"queryExecutionId": "<uuid>", "maxResults": "<#limit>"}, None),
    },
    "bedrock": {"InvokeModel": (3, {"modelId": "amazon.nova-lite-v1:0", "accept": "application/json"}, None)},
    "servicequotas": {"ListServiceQuotas": (1, {"serviceCode": "ec2", **_PAGE}, None)},
}

_MOVE: Mapping[str, _Shapes] = {
    "sqs": {
        "GetQueueAttributes": (6, {"queueUrl": "https://sqs.<region>.amazonaws.com/<account>/<queue>", "attributeNames": ["All"]}, None),
        "CreateQueue": (0.4, {"queueName": "<queue>", "attribute": {"VisibilityTimeout": "900", "SqsManagedSseEnabled": "true"}},
                        {"queueUrl": "https://sqs.<region>.amazonaws.com/<account>/<queue>"}),
        "PurgeQueue": (0.1, {"queueUrl": "https://sqs.<region>.amazonaws.com/<account>/<queue>"}, None),
    },
    "sns": {
        "ListTopics": (2, None, None),
        "Subscribe": (0.4, {"topicArn": _arn("sns", "<topic>"), "protocol": "email", "endpoint": "HIDDEN_DUE_TO_SECURITY_REASONS"},
                      {"subscriptionArn": "pending confirmation"}),
    },
    "events": {
        "PutRule": (0.5, {"name": "<rule>", "eventPattern": '{"source":["aws.s3"],"detail-type":["Object Created"]}', "state": "ENABLED"},
                    {"ruleArn": _arn("events", "rule/<rule>")}),
        "ListTargetsByRule": (2, {"rule": "<rule>"}, None),
        "PutTargets": (0.4, {"rule": "<rule>", "targets": [{"id": "<id>", "arn": _arn("sqs", "<queue>")}]},
                       {"failedEntryCount": 0, "failedEntries": []}),
    },
    "kinesis": {"DescribeStreamSummary": (4, {"streamName": "<queue>"}, None)},
    "firehose": {"DescribeDeliveryStream": (2, {"deliveryStreamName": "<queue>"}, None)},
    "route53": {
        "ListHostedZones": (3, {"maxItems": "<#limit>"}, None),
        "ChangeResourceRecordSets": (2, {"hostedZoneId": "<hosted>", "changeBatch": {"comment": "<note>", "changes": [{
            "action": "UPSERT", "resourceRecordSet": {"name": "<domain>.", "type": "A", "tTL": 60, "resourceRecords": [{"value": "<ip>"}]}}]}},
            {"changeInfo": {"id": "/change/<id>", "status": "PENDING", "submittedAt": "<date>"}}),
    },
    "cloudfront": {"CreateInvalidation": (1, {"distributionId": "<distribution>", "invalidationBatch": {"paths": {"quantity": 1,
        "items": ["/*"]}, "callerReference": "<uuid>"}}, {"invalidation": {"id": "I<id>", "status": "InProgress", "createTime": "<date>"}})},
    "acm": {"DescribeCertificate": (3, {"certificateArn": _arn("acm", "certificate/<certificate>")}, None)},
    "wafv2": {"GetWebACL": (2, {"name": "<project>", "scope": "REGIONAL", "id": "<uuid>"}, None)},
    "organizations": {"ListAccounts": (2, {"maxResults": 20, "nextToken": "<token>"}, None),
                      "DescribeOrganization": (2, None, None)},
    "sso": {"GetRoleCredentials": (3, {"accountId": "<account>", "roleName": "<role>"}, None),
            "ListAccountRoles": (2, {"accountId": "<account>", "maxResults": "<#limit>"}, None)},
    "cognito-idp": {"AdminGetUser": (2, {"userPoolId": "<region>_<id>", "username": "HIDDEN_DUE_TO_SECURITY_REASONS"}, None)},
    "backup": {"StartBackupJob": (0.6, {"backupVaultName": "Default", "resourceArn": _arn("ec2", "volume/<volume>"), "iamRoleArn": _ROLE_ARN,
        "idempotencyToken": "<uuid>"}, {"backupJobId": "<uuid2>", "creationDate": "<date>"})},
    "tagging": {"GetResources": (4, {"resourcesPerPage": 100, "tagFilters": [{"key": "team", "values": ["<group>"]}]}, None)},
    "access-analyzer": {"ListFindings": (1, {"analyzerArn": _arn("access-analyzer", "analyzer/account"), "maxResults": "<#limit>"}, None)},
    "health": {"DescribeEvents": (3, {"filter": {"eventStatusCodes": ["open", "upcoming"]}, "maxResults": "<#limit>"}, None)},
}

_RESOURCES: Mapping[str, Sequence[tuple[str, str]]] = {
    "s3": (("AWS::S3::Bucket", "arn:aws:s3:::<bucket>"),),
    "s3 data": (("AWS::S3::Object", "arn:aws:s3:::<bucket>/<object>"), ("AWS::S3::Bucket", "arn:aws:s3:::<bucket>")),
    "kms": (("AWS::KMS::Key", _KMS_KEY),),
    "lambda data": (("AWS::Lambda::Function", _FUNCTION_ARN),),
    "dynamodb data": (("AWS::DynamoDB::Table", _arn("dynamodb", "table/<table>")),),
    "sts AssumeRole": (("AWS::IAM::Role", _ROLE_ARN),),
    "secretsmanager": (("AWS::SecretsManager::Secret", _arn("secretsmanager", "secret:<secret>")),),
}
# fmt: on


def _calls() -> tuple[Call, ...]:
    management: dict[str, _Shapes] = {
        "ec2": _EC2,
        "s3": _S3,
        "iam": _IAM,
        "sts": _STS,
        "kms": _KMS,
        "lambda": _LAMBDA,
    }
    management |= {"dynamodb": _DYNAMODB, **_OBSERVE, **_RUN, **_BUILD, **_MOVE}
    data = {"s3": _S3_DATA, "lambda": _LAMBDA_DATA, "dynamodb": _DYNAMODB_DATA}
    made: list[Call] = []
    for service, shapes in management.items():
        for name, body in shapes.items():
            resources = _RESOURCES.get(f"{service} {name}", _RESOURCES.get(service, ()))
            shown = () if name in ("ListBuckets", "ListSecrets") else resources
            made.append(_call(service, name, body, shown, data=False))
    for service, shapes in data.items():
        for name, body in shapes.items():
            made.append(_call(service, name, body, _RESOURCES[f"{service} data"], data=True))
    return tuple(made)


CALLS = _calls()
