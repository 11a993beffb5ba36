"""Calls of those who watch, build, and move messages and traffic."""

# ruff: noqa: E501

from __future__ import annotations

from collections.abc import Mapping

from infra.samples.calls.shapes import PAGE, ROLE_ARN, TAGS, Shapes, arn

__all__ = ["BUILD", "MOVE", "OBSERVE"]

# fmt: off
OBSERVE: Mapping[str, Shapes] = {
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
            "dimensions": [{"name": "FunctionName", "value": "<function>"}], "alarmActions": [arn("sns", "<topic>")]}, None),
        "DeleteAlarms": (0.2, {"alarmNames": ["<rule>"]}, None),
    },
    "cloudtrail": {
        "DescribeTrails": (5, {"includeShadowTrails": True}, None),
        "GetTrailStatus": (5, {"name": arn("cloudtrail", "trail/<trail>")}, None),
        "LookupEvents": (4, {"maxResults": "<#limit>", "lookupAttributes": [{"attributeKey": "Username", "attributeValue": "<user>"}]}, None),
        "PutEventSelectors": (0.2, {"trailName": "<trail>", "advancedEventSelectors": [{"name": "<note>", "fieldSelectors": [
            {"field": "eventCategory", "equals": ["Data"]}, {"field": "resources.type", "equals": ["AWS::S3::Object"]}]}]},
            {"trailARN": arn("cloudtrail", "trail/<trail>")}),
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
        "BatchImportFindings": (3, {"findings": [{"id": arn("guardduty", "detector/<detector>/finding/<task>"), "productArn":
            "arn:aws:securityhub:<region>::product/aws/guardduty"}]}, {"failedCount": 0, "successCount": "<#small>"}),
    },
}

BUILD: Mapping[str, Shapes] = {
    "cloudformation": {
        "DescribeStacks": (8, {"stackName": "<stack>"}, None),
        "CreateChangeSet": (1, {"stackName": "<stack>", "changeSetName": "<project>-<id>", "capabilities": ["CAPABILITY_IAM"],
            "parameters": [{"parameterKey": "Stage", "parameterValue": "****"}], "tags": TAGS},
            {"id": arn("cloudformation", "changeSet/<project>-<id>/<uuid>"), "stackId": arn("cloudformation", "stack/<stack>/<uuid2>")}),
        "ExecuteChangeSet": (1, {"stackName": "<stack>", "changeSetName": "<project>-<id>"}, None),
        "DeleteStack": (0.2, {"stackName": "<stack>"}, None),
    },
    "codebuild": {
        "StartBuild": (2, {"projectName": "<project>", "sourceVersion": "<sha>", "environmentVariablesOverride": "HIDDEN_DUE_TO_SECURITY_REASONS"},
            {"build": {"id": "<project>:<uuid>", "arn": arn("codebuild", "build/<project>:<uuid>"), "buildNumber": "<#size>",
             "startTime": "<date>", "currentPhase": "QUEUED", "buildStatus": "IN_PROGRESS", "timeoutInMinutes": 60,
             "environment": {"type": "ARM_CONTAINER", "image": "aws/codebuild/amazonlinux-aarch64-standard:3.0", "privilegedMode": True},
             "logs": {"groupName": "<log_group>"}, "serviceRole": ROLE_ARN, "initiator": "codepipeline/<project>"}}),
        "BatchGetBuilds": (4, {"ids": ["<project>:<uuid>"]}, None),
    },
    "codepipeline": {"PutJobSuccessResult": (1, {"jobId": "<uuid>"}, None), "GetPipelineState": (2, {"name": "<project>"}, None)},
    "apigateway": {"GetRestApis": (2, {"limit": "<#limit>"}, None),
                   "CreateDeployment": (0.4, {"restApiId": "<id>", "createDeploymentInput": {"stageName": "prod", "description": "<note>"}},
                                        {"id": "<id2>", "createdDate": "<date>"})},
    "states": {
        "StartExecution": (6, {"stateMachineArn": arn("states", "stateMachine:<machine>"), "name": "<uuid>",
                               "input": "HIDDEN_DUE_TO_SECURITY_REASONS"},
            {"executionArn": arn("states", "execution:<machine>:<uuid>"), "startDate": "<date>"}),
        "DescribeExecution": (4, {"executionArn": arn("states", "execution:<machine>:<uuid>")}, None),
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
    "servicequotas": {"ListServiceQuotas": (1, {"serviceCode": "ec2", **PAGE}, None)},
}

MOVE: Mapping[str, Shapes] = {
    "sqs": {
        "GetQueueAttributes": (6, {"queueUrl": "https://sqs.<region>.amazonaws.com/<account>/<queue>", "attributeNames": ["All"]}, None),
        "CreateQueue": (0.4, {"queueName": "<queue>", "attribute": {"VisibilityTimeout": "900", "SqsManagedSseEnabled": "true"}},
                        {"queueUrl": "https://sqs.<region>.amazonaws.com/<account>/<queue>"}),
        "PurgeQueue": (0.1, {"queueUrl": "https://sqs.<region>.amazonaws.com/<account>/<queue>"}, None),
    },
    "sns": {
        "ListTopics": (2, None, None),
        "Subscribe": (0.4, {"topicArn": arn("sns", "<topic>"), "protocol": "email", "endpoint": "HIDDEN_DUE_TO_SECURITY_REASONS"},
                      {"subscriptionArn": "pending confirmation"}),
    },
    "events": {
        "PutRule": (0.5, {"name": "<rule>", "eventPattern": '{"source":["aws.s3"],"detail-type":["Object Created"]}', "state": "ENABLED"},
                    {"ruleArn": arn("events", "rule/<rule>")}),
        "ListTargetsByRule": (2, {"rule": "<rule>"}, None),
        "PutTargets": (0.4, {"rule": "<rule>", "targets": [{"id": "<id>", "arn": arn("sqs", "<queue>")}]},
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
    "acm": {"DescribeCertificate": (3, {"certificateArn": arn("acm", "certificate/<certificate>")}, None)},
    "wafv2": {"GetWebACL": (2, {"name": "<project>", "scope": "REGIONAL", "id": "<uuid>"}, None)},
    "organizations": {"ListAccounts": (2, {"maxResults": 20, "nextToken": "<token>"}, None),
                      "DescribeOrganization": (2, None, None)},
    "sso": {"GetRoleCredentials": (3, {"accountId": "<account>", "roleName": "<role>"}, None),
            "ListAccountRoles": (2, {"accountId": "<account>", "maxResults": "<#limit>"}, None)},
    "cognito-idp": {"AdminGetUser": (2, {"userPoolId": "<region>_<id>", "username": "HIDDEN_DUE_TO_SECURITY_REASONS"}, None)},
    "backup": {"StartBackupJob": (0.6, {"backupVaultName": "Default", "resourceArn": arn("ec2", "volume/<volume>"), "iamRoleArn": ROLE_ARN,
        "idempotencyToken": "<uuid>"}, {"backupJobId": "<uuid2>", "creationDate": "<date>"})},
    "tagging": {"GetResources": (4, {"resourcesPerPage": 100, "tagFilters": [{"key": "team", "values": ["<group>"]}]}, None)},
    "access-analyzer": {"ListFindings": (1, {"analyzerArn": arn("access-analyzer", "analyzer/account"), "maxResults": "<#limit>"}, None)},
    "health": {"DescribeEvents": (3, {"filter": {"eventStatusCodes": ["open", "upcoming"]}, "maxResults": "<#limit>"}, None)},
}
# fmt: on
