"""Calls to what computes: EC2, Lambda, and what runs beside them."""

# ruff: noqa: E501

from __future__ import annotations

from collections.abc import Mapping

from infra.samples.calls.shapes import FUNCTION_ARN, KMS_KEY, PAGE, ROLE_ARN, TAG_SET, TAGS, Shapes, arn

__all__ = ["EC2", "LAMBDA", "LAMBDA_DATA", "RUN"]

# fmt: off
EC2: Shapes = {
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
                         "tagSpecificationSet": {"items": [{"resourceType": "instance", "tags": TAGS}]}},
                     {"requestId": "<uuid2>", "reservationId": "<reservation>", "ownerId": "<account>", "groupSet": {},
                      "instancesSet": {"items": [{"instanceId": "<new_instance>", "imageId": "<ami>", "instanceState": {
                          "code": 0, "name": "pending"}, "privateDnsName": "ip-<id>.ec2.internal", "amiLaunchIndex": 0,
                          "instanceType": "<type>", "launchTime": "<#epoch>", "placement": {"availabilityZone": "<zone>",
                          "tenancy": "default"}, "monitoring": {"state": "disabled"}, "subnetId": "<subnet>", "vpcId": "<vpc>",
                          "privateIpAddress": "<private>", "stateReason": {"code": "pending", "message": "pending"},
                          "architecture": "arm64", "rootDeviceType": "ebs", "rootDeviceName": "/dev/xvda",
                          "blockDeviceMapping": {}, "virtualizationType": "hvm", "hypervisor": "xen", "tagSet": TAG_SET,
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
    "CreateTags": (5, {"resourcesSet": {"items": [{"resourceId": "<instance>"}]}, "tagSet": TAG_SET},
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
         "macAddress": "02:<id>", "sourceDestCheck": True, "tagSet": TAG_SET}}),
    "DeleteNetworkInterface": (2, {"networkInterfaceId": "<eni>"}, {"requestId": "<uuid>", "_return": True}),
}

LAMBDA: Shapes = {
    "GetFunction20150331v2": (4, {"functionName": "<function>"}, None),
    "ListFunctions20150331": (3, {"maxItems": "<#limit>"}, None),
    "UpdateFunctionCode20150331v2": (2, {"functionName": "<function>", "s3Bucket": "<bucket>", "s3Key": "<object>",
        "publish": True, "dryRun": False}, {"functionName": "<function>", "functionArn": FUNCTION_ARN, "runtime": "python3.13",
        "role": ROLE_ARN, "handler": "app.handler", "codeSize": "<#size>", "timeout": 120, "memorySize": 1024,
        "lastModified": "<now>", "codeSha256": "<sha>", "version": "<small>", "architectures": ["arm64"],
        "vpcConfig": {"subnetIds": ["<subnet1>", "<subnet2>"], "securityGroupIds": ["<sg>"], "vpcId": "<vpc>"},
        "environment": {}, "tracingConfig": {"mode": "Active"}, "state": "Active", "lastUpdateStatus": "InProgress"}),
    "UpdateFunctionConfiguration20150331v2": (1, {"functionName": FUNCTION_ARN, "environment": {}, "timeout": "<#small>"},
        {"functionName": "<function>", "functionArn": FUNCTION_ARN, "runtime": "nodejs22.x", "role": ROLE_ARN,
         "environment": {}, "lastModified": "<now>", "revisionId": "<uuid>"}),
    "AddPermission20150331v2": (0.5, {"functionName": "<function>", "statementId": "<uuid>", "action": "lambda:InvokeFunction",
        "principal": "s3.amazonaws.com", "sourceArn": "arn:aws:s3:::<bucket>", "sourceAccount": "<account>"},
        {"statement": '{"Sid":"<uuid>","Effect":"Allow","Principal":{"Service":"s3.amazonaws.com"},"Action":"lambda:InvokeFunction"}'}),
}
LAMBDA_DATA: Shapes = {
    "Invoke": (25, {"functionName": FUNCTION_ARN, "invocationType": "RequestResponse", "qualifier": "live",
                    "clientContext": "<token>"}, None),
}

RUN: Mapping[str, Shapes] = {
    "rds": {
        "DescribeDBInstances": (8, {"dBInstanceIdentifier": "<database>"}, None),
        "DescribeDBSnapshots": (3, {"includeShared": False, "includePublic": False, **PAGE}, None),
        "CreateDBSnapshot": (1, {"dBSnapshotIdentifier": "<database>-<id>", "dBInstanceIdentifier": "<database>"},
            {"dBSnapshotIdentifier": "<database>-<id>", "dBInstanceIdentifier": "<database>", "engine": "postgres",
             "allocatedStorage": "<#small>", "status": "creating", "port": 5432, "availabilityZone": "<zone>", "vpcId": "<vpc>",
             "masterUsername": "admin", "engineVersion": "17.2", "snapshotType": "manual", "percentProgress": 0,
             "storageType": "gp3", "encrypted": True, "kmsKeyId": KMS_KEY, "dBSnapshotArn": arn("rds", "snapshot:<database>-<id>")}),
        "ModifyDBInstance": (0.4, {"dBInstanceIdentifier": "<database>", "applyImmediately": True, "masterUserPassword": "****",
            "backupRetentionPeriod": "<#small>"}, {"dBInstanceIdentifier": "<database>", "dBInstanceStatus": "available",
            "engine": "postgres", "endpoint": {"address": "<database>.<id>.<region>.rds.amazonaws.com", "port": 5432},
            "vpcSecurityGroups": [{"vpcSecurityGroupId": "<sg>", "status": "active"}], "pendingModifiedValues": {"masterUserPassword": "****"}}),
    },
    "secretsmanager": {
        "GetSecretValue": (18, {"secretId": arn("secretsmanager", "secret:<secret>"), "versionStage": "AWSCURRENT"}, None),
        "DescribeSecret": (6, {"secretId": "<secret>"}, None),
        "ListSecrets": (2, {"maxResults": "<#limit>"}, None),
        "CreateSecret": (0.4, {"name": "<secret>", "clientRequestToken": "<uuid>", "description": "<note>", "tags": TAGS},
                         {"arn": arn("secretsmanager", "secret:<secret>"), "name": "<secret>", "versionId": "<uuid>"}),
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
        "DescribeTasks": (8, {"cluster": "<cluster>", "tasks": [arn("ecs", "task/<cluster>/<task>")], "include": ["TAGS"]}, None),
        "RunTask": (3, {"cluster": "<cluster>", "taskDefinition": "<project>:<small>", "launchType": "FARGATE", "count": 1,
            "networkConfiguration": {"awsvpcConfiguration": {"subnets": ["<subnet1>", "<subnet2>"], "securityGroups": ["<sg>"],
            "assignPublicIp": "DISABLED"}}, "overrides": {"containerOverrides": []}},
            {"tasks": [{"taskArn": arn("ecs", "task/<cluster>/<task>"), "clusterArn": arn("ecs", "cluster/<cluster>"),
             "taskDefinitionArn": arn("ecs", "task-definition/<project>:<small>"), "lastStatus": "PROVISIONING",
             "desiredStatus": "RUNNING", "cpu": "1024", "memory": "2048", "containers": [{"containerArn": arn("ecs", "container/<uuid>"),
             "name": "app", "image": "<account>.dkr.ecr.<region>.amazonaws.com/<repository>@sha256:<sha>", "lastStatus": "PENDING"}],
             "createdAt": "<date>", "launchType": "FARGATE", "platformVersion": "1.4.0", "availabilityZone": "<zone>"}], "failures": []}),
        "UpdateService": (1, {"cluster": "<cluster>", "service": "<project>", "forceNewDeployment": True, "desiredCount": "<#small>"},
                          {"service": {"serviceName": "<project>", "status": "ACTIVE", "roleArn": ROLE_ARN}}),
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
        "DescribeLoadBalancers": (8, {"loadBalancerArns": [arn("elasticloadbalancing", "loadbalancer/<balancer>")]}, None),
        "DescribeTargetHealth": (10, {"targetGroupArn": arn("elasticloadbalancing", "targetgroup/<project>/<hex>")}, None),
        "RegisterTargets": (2, {"targetGroupArn": arn("elasticloadbalancing", "targetgroup/<project>/<hex>"),
                                "targets": [{"id": "<instance>", "port": "<#port>"}]}, None),
    },
    "elasticache": {"DescribeCacheClusters": (3, {"showCacheNodeInfo": True, "maxRecords": "<#limit>"}, None)},
}
# fmt: on
