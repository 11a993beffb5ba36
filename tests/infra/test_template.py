"""The template is sound CloudFormation, closed by default, and says what it should of itself."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from cfnlint.api import lint
from infra.local_cloud import LocalCloud
from infra.local_cloud.iam import Access, allowed, granting
from infra.local_cloud.template import TEMPLATE, defaults, expand, load

from penstock.config.settings import SETTINGS

KEY = "arn:aws:kms:us-east-1:123456789012:key/11111111-2222-3333-4444-555555555555"
LOG_KEY = "arn:aws:kms:us-east-1:123456789012:key/66666666-2222-3333-4444-555555555555"
ROLE = "arn:aws:iam::210987654321:role/logs-reader"
TOPIC = "arn:aws:sns:us-east-1:123456789012:notices"


@pytest.fixture(scope="module")
def template() -> dict[str, Any]:
    """The template as written."""
    return load()


@pytest.fixture(scope="module")
def full() -> Iterator[LocalCloud]:
    """A deployment that uses every parameter."""
    parameters = {
        "KmsKeyArn": KEY,
        "LogKeyArns": LOG_KEY,
        "NotificationTopicArns": TOPIC,
        "RoleArns": ROLE,
        "HiveBucketName": "my-hive",
        "TierRoots": "cold/deep,frozen",
        "MemorySize": "3000",
        "MaximumConcurrency": "7",
        "BatchSize": "50",
        "BatchingWindow": "5",
        "PollsSources": "true",
        "PolledLogGroupArns": "arn:aws:logs:us-east-1:123456789012:log-group:/app:*",
        "PolledSecretArns": "arn:aws:secretsmanager:us-east-1:123456789012:secret:token-AbCdEf",
    }
    with LocalCloud(log_buckets=("logs-a", "logs-b", "logs-c"), parameters=parameters) as cloud:
        yield cloud


@pytest.fixture(scope="module")
def least() -> Iterator[LocalCloud]:
    """A deployment that gives only the parameter that has no default."""
    with LocalCloud() as cloud:
        yield cloud


def test_lint_finds_nothing() -> None:
    """cfn-lint has no complaint about the template as written."""
    assert lint(TEMPLATE.read_text()) == []


def test_lint_of_the_expansion_finds_nothing(template: dict[str, Any]) -> None:
    """Nor about what the SAM transform makes of it."""
    expanded = expand(template, {"LogBuckets": "logs-a,logs-b"}, "s3://some-bucket/code.zip")
    assert lint(json.dumps(expanded)) == []


def test_the_parameters_arrive(full: LocalCloud) -> None:
    """Memory, concurrency, batch and window of the deployment are those of the parameters."""
    collect = full.stack.collect
    assert (collect.memory, collect.timeout) == (3000, 300)
    mapping = collect.mapping
    assert (mapping.batch_size, mapping.window, mapping.concurrency) == (50, 5.0, 7)
    assert mapping.partial
    assert full.hive == "s3://my-hive"


def test_only_log_buckets_list_has_no_default(template: dict[str, Any]) -> None:
    """Deploying asks for the names of the log buckets and nothing else."""
    assert set(template["Parameters"]) - set(defaults(template)) == {"LogBuckets"}


def test_no_wildcards(full: LocalCloud, least: LocalCloud) -> None:
    """No statement of a function's role allows a wildcard action, or a resource without its name."""
    for function in (*full.stack.functions.values(), *least.stack.functions.values()):
        for statement in function.policy:
            actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
            resources = statement["Resource"]
            for action in actions:
                assert "*" not in action, statement
            for resource in resources if isinstance(resources, list) else [resources]:
                assert resource.count("*") <= 1, statement
                assert resource.endswith("*") or "*" not in resource, statement
                assert resource.split(":", 5)[5] not in ("", "*", "/*"), statement


@pytest.mark.parametrize(
    ("action", "resource", "expected"),
    [
        ("s3:GetObject", "arn:aws:s3:::logs-a/x", True),
        ("s3:GetObjectVersion", "arn:aws:s3:::logs-b/x/y", True),
        ("s3:GetObject", "arn:aws:s3:::logs-c/x", True),
        ("s3:PutObject", "arn:aws:s3:::logs-a/x", False),
        ("s3:GetObject", "arn:aws:s3:::logs-ab/x", False),
        ("s3:GetObject", "arn:aws:s3:::logs/x", False),
        ("s3:PutObject", "arn:aws:s3:::my-hive/tp_table=t/tp_partition=p/x.parquet", True),
        ("s3:PutObject", "arn:aws:s3:::my-hive/_config/x.tpc", False),
        ("s3:GetObject", "arn:aws:s3:::my-hive/_config/x.tpc", True),
        ("s3:GetObject", "arn:aws:s3:::my-hive/tp_table=t/x.parquet", True),
        ("s3:DeleteObject", "arn:aws:s3:::my-hive/_catalog/x", False),
        ("s3:PutObject", "arn:aws:s3:::my-hive/_catalog/log/t.p/x.json.gz", True),
        ("s3:PutObject", "arn:aws:s3:::my-hive/_catalog/penstock.ducklake", False),
        ("s3:DeleteObject", "arn:aws:s3:::logs-a/x", False),
        ("kms:Decrypt", LOG_KEY, True),
        ("kms:GenerateDataKey", LOG_KEY, False),
        ("kms:GenerateDataKey", KEY, True),
        ("sts:AssumeRole", ROLE, True),
        ("sts:AssumeRole", ROLE + "-2", False),
    ],
)
def test_what_the_function_may(full: LocalCloud, action: str, resource: str, expected: bool) -> None:
    """The role reaches every named log bucket, its parts of the hive and the given keys; no further."""
    assert allowed(full.stack.collect.policy, Access(action, resource)) is expected


@pytest.mark.parametrize(
    ("function", "action", "resource", "expected"),
    [
        ("Compact", "s3:PutObject", "arn:aws:s3:::cold/deep/tp_table=t/x.parquet", True),
        ("Compact", "s3:DeleteObject", "arn:aws:s3:::frozen/tp_table=t/x.parquet", True),
        ("Compact", "s3:GetObject", "arn:aws:s3:::cold/tp_table=t/x.parquet", False),
        ("Compact", "s3:PutObject", "arn:aws:s3:::frozen/other", False),
        ("Collect", "s3:GetObject", "arn:aws:s3:::cold/deep/tp_table=t/x.parquet", True),
        ("Collect", "s3:PutObject", "arn:aws:s3:::cold/deep/tp_table=t/x.parquet", False),
        ("Sweep", "s3:GetObject", "arn:aws:s3:::frozen/tp_table=t/x.parquet", False),
    ],
)
def test_who_reaches_the_tiers(
    full: LocalCloud, least: LocalCloud, function: str, action: str, resource: str, expected: bool
) -> None:
    """Compaction moves files to the named roots and collect reads them; nobody does unless they are named."""
    policy = full.stack.functions[f"{function}Function"].policy
    assert allowed(policy, Access(action, resource)) is expected
    assert not allowed(least.stack.functions[f"{function}Function"].policy, Access(action, resource))


def test_no_keys_without_keys(least: LocalCloud) -> None:
    """Without keys given the role has no statement on KMS."""
    assert not [one for one in least.stack.collect.policy if "kms" in json.dumps(one)]


def _sent(policy: Mapping[str, Any], service: str, source: str, account: str = "123456789012") -> bool:
    context = {
        "aws:SourceArn": source,
        "aws:SourceAccount": account,
        "aws:SecureTransport": "true",
    }
    queue = policy["Statement"][0]["Resource"]
    statements = [one for one in policy["Statement"] if one["Principal"] in ("*", {"Service": service})]
    return allowed(statements, Access("sqs:SendMessage", queue, context))


def _pattern_rule(cloud: LocalCloud) -> dict[str, Any]:
    """The rule that waits for events; schedules are rules too."""
    (rule,) = [rule for rule in cloud.client("events").list_rules()["Rules"] if "EventPattern" in rule]
    return dict(rule)


def test_who_may_send_to_the_queue(full: LocalCloud, least: LocalCloud) -> None:
    """The rule, the named buckets and the named topics of this account may send; nobody else."""
    policy = full.stack.policies["QueuePolicy"]
    rule = _pattern_rule(full)["Arn"]
    assert _sent(policy, "events.amazonaws.com", rule)
    assert not _sent(policy, "events.amazonaws.com", rule + "x")
    assert not _sent(policy, "events.amazonaws.com", rule, account="999999999999")
    assert _sent(policy, "s3.amazonaws.com", "arn:aws:s3:::logs-b")
    assert not _sent(policy, "s3.amazonaws.com", "arn:aws:s3:::logs-d")
    assert _sent(policy, "sns.amazonaws.com", TOPIC)
    assert not _sent(policy, "sns.amazonaws.com", TOPIC + "x")
    assert not _sent(least.stack.policies["QueuePolicy"], "sns.amazonaws.com", TOPIC)


@pytest.mark.parametrize("name", ["HiveBucketPolicy", "QueuePolicy", "DeadLettersPolicy"])
def test_only_over_tls(full: LocalCloud, name: str) -> None:
    """Bucket and queues refuse requests that do not come over TLS."""
    (deny,) = [one for one in full.stack.policies[name]["Statement"] if one["Effect"] == "Deny"]
    assert deny["Principal"] == "*"
    resource = deny["Resource"] if isinstance(deny["Resource"], str) else deny["Resource"][0]
    service = resource.split(":")[2]
    plain = Access(f"{service}:Anything", resource, {"aws:SecureTransport": "false"})
    secure = Access(f"{service}:Anything", resource, {"aws:SecureTransport": "true"})
    assert granting([deny], plain, "Deny")
    assert not granting([deny], secure, "Deny")


def test_the_rule_names_each_bucket(full: LocalCloud) -> None:
    """EventBridge matches new objects of exactly the named buckets."""
    pattern = json.loads(_pattern_rule(full)["EventPattern"])
    assert pattern["detail"] == {"bucket": {"name": ["logs-a", "logs-b", "logs-c"]}}
    assert pattern["detail-type"] == ["Object Created"]


def test_queues(full: LocalCloud, template: dict[str, Any]) -> None:
    """Visibility is at least six timeouts, five tries, then 14 days as a dead letter, all encrypted."""
    sqs, mapping = full.client("sqs"), full.stack.collect.mapping
    main, dead = (
        sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
        for url in (mapping.queue_url, mapping.dead_letters_url)
    )
    assert int(main["VisibilityTimeout"]) >= 6 * full.stack.collect.timeout
    redrive = json.loads(main["RedrivePolicy"])
    assert (int(redrive["maxReceiveCount"]), redrive["deadLetterTargetArn"]) == (5, dead["QueueArn"])
    days = 24 * 3600
    assert int(dead["MessageRetentionPeriod"]) == int(main["MessageRetentionPeriod"]) == 14 * days
    for name in ("Queue", "DeadLetters"):
        assert template["Resources"][name]["Properties"]["SqsManagedSseEnabled"] is True


def test_hive_and_ledger_outlive_the_stack(template: dict[str, Any]) -> None:
    """Deleting the stack leaves what was collected and the memory of it."""
    for name in ("HiveBucket", "Ledger"):
        assert template["Resources"][name]["DeletionPolicy"] == "Retain"
        assert template["Resources"][name]["UpdateReplacePolicy"] == "Retain"
    ledger = template["Resources"]["Ledger"]["Properties"]
    assert ledger["DeletionProtectionEnabled"] is True
    assert ledger["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert ledger["BillingMode"] == "PAY_PER_REQUEST"


def test_the_hive_is_closed(least: LocalCloud, full: LocalCloud) -> None:
    """No public access, no ACLs, encrypted with the given key or S3's own, no forgotten uploads."""
    for cloud, algorithm in ((least, "AES256"), (full, "aws:kms")):
        s3, bucket = cloud.client("s3"), cloud.hive_bucket
        (rule,) = s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"]
        assert rule["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"] == algorithm
    declared = load()["Resources"]["HiveBucket"]["Properties"]
    (rule,) = declared["LifecycleConfiguration"]["Rules"]
    assert rule["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 1}
    blocked = declared["PublicAccessBlockConfiguration"]
    assert len(blocked) == 4
    assert all(value is True for value in blocked.values())
    assert declared["OwnershipControls"] == {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}


def test_the_function(template: dict[str, Any], least: LocalCloud) -> None:
    """Python 3.13 on arm64, one vCPU's worth of memory, room in /tmp, a log that ends some day."""
    function = template["Resources"]["CollectFunction"]["Properties"]
    assert (function["Runtime"], function["Architectures"]) == ("python3.13", ["arm64"])
    assert (least.stack.collect.memory, least.stack.collect.storage) == (1769, 2048)
    log = template["Resources"]["CollectLog"]["Properties"]
    assert log["RetentionInDays"] == {"Ref": "LogRetentionDays"}
    assert function["LoggingConfig"]["LogGroup"] == {"Ref": "CollectLog"}


def test_the_environment_is_one_the_library_knows(least: LocalCloud) -> None:
    """Each PENSTOCK_ variable of the template is a setting; each setting without default is given."""
    for function in least.stack.functions.values():
        given = {name for name in function.environment if name.startswith("PENSTOCK_")}
        assert given <= {setting.variable for setting in SETTINGS}
        assert {setting.variable for setting in SETTINGS if setting.default is None} <= given


def test_alarms_watch_the_queues(template: dict[str, Any]) -> None:
    """Dead letters and old messages raise an alarm, to the topic if one is given."""
    watched = {
        (one["Properties"]["MetricName"], one["Properties"]["Dimensions"][0]["Value"]["Fn::GetAtt"][0])
        for one in template["Resources"].values()
        if one["Type"] == "AWS::CloudWatch::Alarm" and one["Properties"]["Namespace"] == "AWS/SQS"
    }
    assert watched == {
        ("ApproximateNumberOfMessagesVisible", "DeadLetters"),
        ("ApproximateAgeOfOldestMessage", "Queue"),
    }


def test_how_many_buckets_fit(template: dict[str, Any]) -> None:
    """The number of log buckets that docs/deploy.md promises fits EventBridge's 2,048 characters."""
    pattern = json.loads(json.dumps(template["Resources"]["ObjectCreated"]["Properties"]["EventPattern"]))
    pattern["detail"]["bucket"]["name"] = ["b" * 63] * 28
    assert len(json.dumps(pattern, separators=(",", ":"))) <= 2048


@pytest.mark.parametrize("function", ["SweepFunction", "CompactFunction"])
def test_what_calls_itself_to_go_on(template: dict[str, Any], function: str) -> None:
    """Is called once for an event that failed, and its rounds are no loop to be stopped."""
    properties = template["Resources"][function]["Properties"]
    assert properties["EventInvokeConfig"] == {"MaximumRetryAttempts": 0}
    assert properties["RecursiveLoop"] == "Allow"
