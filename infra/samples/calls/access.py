"""Calls about who may do what: IAM, STS, KMS."""

# ruff: noqa: E501

from __future__ import annotations

from infra.samples.calls.shapes import KMS_KEY, ROLE_ARN, TAGS, Shapes, arn

__all__ = ["IAM", "KMS", "STS"]

# fmt: off
IAM: Shapes = {
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
        {"role": {"path": "/", "roleName": "<role>", "roleId": "<aroa>", "arn": ROLE_ARN, "createDate": "<date>",
         "assumeRolePolicyDocument": "%7B%22Version%22%3A%222012-10-17%22%2C%22Statement%22%3A%5B%7B%22Effect%22%3A%22Allow%22%7D%5D%7D"}}),
    "PutRolePolicy": (1, {"roleName": "<role>", "policyName": "<policy>", "policyDocument":
        '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["dynamodb:GetItem","dynamodb:Query"],"Resource":"arn:aws:dynamodb:<region>:<account>:table/<table>"}]}'}, None),
    "AttachRolePolicy": (1, {"roleName": "<role>", "policyArn": "arn:aws:iam::<account>:policy/<policy>"}, None),
    "PassRole": (0.2, {"roleArn": ROLE_ARN}, None),
    "CreateAccessKey": (0.4, {"userName": "<user>"}, {"accessKey": {"userName": "<user>", "accessKeyId": "<akia>",
                        "status": "Active", "createDate": "<date>"}}),
    "UpdateLoginProfile": (0.2, {"userName": "<user>", "passwordResetRequired": True}, None),
    "DeactivateMFADevice": (0.2, {"userName": "<user>", "serialNumber": "arn:aws:iam::<account>:mfa/<user>"}, None),
    "TagRole": (1, {"roleName": "<role>", "tags": TAGS}, None),
    "CreateServiceLinkedRole": (0.3, {"aWSServiceName": "autoscaling.amazonaws.com"},
        {"role": {"path": "/aws-service-role/autoscaling.amazonaws.com/", "roleName": "AWSServiceRoleForAutoScaling",
         "roleId": "<aroa>", "arn": "arn:aws:iam::<account>:role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling",
         "createDate": "<date>"}}),
}

_CREDENTIALS = {"accessKeyId": "<asia>", "sessionToken": "<blob>", "expiration": "<date>"}
STS: Shapes = {
    "AssumeRole": (70, {"roleArn": ROLE_ARN, "roleSessionName": "<session>", "durationSeconds": 3600, "externalId": "<uuid>"},
                   {"credentials": _CREDENTIALS, "assumedRoleUser": {"assumedRoleId": "<aroa>:<session>",
                    "arn": "arn:aws:sts::<account>:assumed-role/<role>/<session>"}, "sourceIdentity": "<email>"}),
    "AssumeRoleWithSAML": (2, {"sAMLAssertionID": "_<uuid>", "roleSessionName": "<email>", "durationSeconds": 28800,
                               "roleArn": ROLE_ARN, "principalArn": "arn:aws:iam::<account>:saml-provider/corporate"},
        {"subjectType": "persistent", "issuer": "https://idp.example.com/saml", "subject": "<email>", "nameQualifier": "<id>",
         "credentials": _CREDENTIALS, "assumedRoleUser": {"assumedRoleId": "<aroa>:<email>",
         "arn": "arn:aws:sts::<account>:assumed-role/<role>/<email>"}, "audience": "https://signin.aws.amazon.com/saml"}),
    "AssumeRoleWithWebIdentity": (10, {"roleArn": ROLE_ARN, "roleSessionName": "botocore-session-<small>"},
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

KMS: Shapes = {
    "Decrypt": (50, {"encryptionAlgorithm": "SYMMETRIC_DEFAULT", "encryptionContext": {
        "aws:lambda:FunctionArn": arn("lambda", "function:<function>")}}, None),
    "GenerateDataKey": (35, {"keyId": KMS_KEY, "keySpec": "AES_256", "encryptionContext": {
        "aws:s3:arn": "arn:aws:s3:::<bucket>/<object>"}}, None),
    "Encrypt": (4, {"keyId": KMS_KEY, "encryptionAlgorithm": "SYMMETRIC_DEFAULT", "encryptionContext": {
        "PARAMETER_ARN": arn("ssm", "parameter<parameter>")}}, None),
    "DescribeKey": (8, {"keyId": "<kms>"}, None),
    "CreateGrant": (3, {"keyId": KMS_KEY, "granteePrincipal": ROLE_ARN, "operations": ["Decrypt", "Encrypt",
        "GenerateDataKeyWithoutPlaintext", "CreateGrant"], "retiringPrincipal": "ec2.<region>.amazonaws.com",
        "constraints": {"encryptionContextSubset": {"aws:ebs:id": "<volume>"}}}, {"grantId": "<sha>", "keyId": KMS_KEY}),
    "ScheduleKeyDeletion": (0.2, {"keyId": "<kms>", "pendingWindowInDays": 30},
                            {"keyId": KMS_KEY, "keyState": "PendingDeletion", "deletionDate": "<date>", "pendingWindowInDays": 30}),
}
# fmt: on
