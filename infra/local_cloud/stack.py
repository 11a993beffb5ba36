"""Creates the template's stack in the local cloud and reads back what came of it.

What CloudFormation would refuse is refused by the tests through cfn-lint; here moto creates the
resources, and everything used later (queue attributes, the function's environment, its policies, the
event source mapping) is read from moto and not from the template.
"""

from __future__ import annotations

import ast
import copy
import io
import json
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from infra.local_cloud import iam
from infra.local_cloud import template as templates

__all__ = ["STACK", "Function", "Source", "Stack", "deploy", "read"]

STACK = "penstock"
_CODE_BUCKET = "penstock-code"
_FUNCTION = "AWS::Lambda::Function"
_MAPPING = "AWS::Lambda::EventSourceMapping"
_UNUSED_QUEUE = "UnusedQueue"
_UNKNOWN_TO_MOTO = frozenset(
    {"AWS::Glue::Database", "AWS::CloudWatch::Alarm", "AWS::Lambda::EventInvokeConfig"}
)
_RESOURCE_POLICIES = frozenset({"AWS::S3::BucketPolicy", "AWS::SQS::QueuePolicy"})

Clients = Callable[[str], Any]


@dataclass(frozen=True, slots=True)
class Source:
    """An event source mapping: which queue, and how its messages are handed to the function.

    `window` is in seconds; `partial` says that the answer names the messages to try again.
    """

    queue_url: str
    dead_letters_url: str
    batch_size: int
    window: float
    partial: bool
    concurrency: int


@dataclass(frozen=True, slots=True)
class Function:
    """A deployed function: what its handler finds around it. Memory and storage in MB, time in seconds.

    `source` is the queue it reads; None when it is called by a schedule or by hand.
    """

    name: str
    handler: str
    memory: int
    storage: int
    timeout: int
    environment: Mapping[str, str]
    policy: tuple[Mapping[str, Any], ...]
    source: Source | None = None

    @property
    def mapping(self) -> Source:
        """The queue it reads; ValueError when it reads none."""
        if self.source is None:
            raise ValueError(f"{self.name} reads no queue")
        return self.source


@dataclass(frozen=True, slots=True)
class Stack:
    """What the deployment made: outputs, resource policies and functions by their names in the template."""

    outputs: Mapping[str, str]
    policies: Mapping[str, Mapping[str, Any]]
    functions: Mapping[str, Function]

    @property
    def collect(self) -> Function:
        """The function that reads the queue."""
        return self.functions["CollectFunction"]


def deploy(clients: Clients, parameters: Mapping[str, str]) -> Stack:
    """Create the stack; RuntimeError says why moto refused it."""
    s3 = clients("s3")
    s3.create_bucket(Bucket=_CODE_BUCKET)
    s3.put_object(Bucket=_CODE_BUCKET, Key="code.zip", Body=_empty_zip())
    expanded = _expanded(parameters)
    cloudformation = clients("cloudformation")
    cloudformation.create_stack(
        StackName=STACK,
        TemplateBody=json.dumps(_for_moto(expanded)),
        Parameters=[{"ParameterKey": k, "ParameterValue": v} for k, v in parameters.items()],
        Capabilities=["CAPABILITY_IAM"],
    )
    return read(clients, parameters)


def read(clients: Clients, parameters: Mapping[str, str]) -> Stack:
    """The stack as it was created with these parameters."""
    expanded = _expanded(parameters)
    cloudformation = clients("cloudformation")
    created = cloudformation.describe_stacks(StackName=STACK)["Stacks"][0]
    if created["StackStatus"] != "CREATE_COMPLETE":
        raise RuntimeError(f"stack {STACK}: found {created['StackStatus']}, expected CREATE_COMPLETE")
    ids = {
        one["LogicalResourceId"]: one["PhysicalResourceId"]
        for one in cloudformation.list_stack_resources(StackName=STACK)["StackResourceSummaries"]
    }
    outputs = {one["OutputKey"]: one["OutputValue"] for one in created["Outputs"]}
    functions = {
        name: _function(clients, expanded, ids, name)
        for name, resource in expanded["Resources"].items()
        if resource["Type"] == _FUNCTION
    }
    return Stack(outputs, _resource_policies(clients, expanded, ids), functions)


def _expanded(parameters: Mapping[str, str]) -> templates.Template:
    return templates.expand(templates.load(), parameters, f"s3://{_CODE_BUCKET}/code.zip")


def _for_moto(expanded: templates.Template) -> templates.Template:
    """The template without what moto cannot create.

    Alarms and Glue databases are left out. Event source mappings are pointed at a queue that nobody
    writes to: moto would hand messages to containers of its own, and lose them where it has none.
    Policies on buckets and queues are made as policies of roles that nobody has, so that moto fills in
    names and ARNs and tests can hold the finished text to account.
    """
    fitted = copy.deepcopy(expanded)
    fitted["Resources"][_UNUSED_QUEUE] = {"Type": "AWS::SQS::Queue"}
    for name, resource in expanded["Resources"].items():
        if resource["Type"] in _UNKNOWN_TO_MOTO:
            del fitted["Resources"][name]
        elif resource["Type"] == _MAPPING:
            properties = fitted["Resources"][name]["Properties"]
            properties["EventSourceArn"] = {"Fn::GetAtt": [_UNUSED_QUEUE, "Arn"]}
        elif resource["Type"] in _RESOURCE_POLICIES:
            document = resource["Properties"]["PolicyDocument"]
            policies = [{"PolicyName": name, "PolicyDocument": document}]
            properties = {"AssumeRolePolicyDocument": {"Statement": []}, "Policies": policies}
            fitted["Resources"][name] = {"Type": "AWS::IAM::Role", "Properties": properties}
    return fitted


def _resource_policies(
    clients: Clients, expanded: templates.Template, ids: Mapping[str, str]
) -> Mapping[str, Mapping[str, Any]]:
    return {
        name: _policies(clients("iam"), ids[name])[0]
        for name, resource in expanded["Resources"].items()
        if resource["Type"] in _RESOURCE_POLICIES
    }


def _function(clients: Clients, expanded: templates.Template, ids: Mapping[str, str], name: str) -> Function:
    found = clients("lambda").get_function_configuration(FunctionName=ids[name])
    role = found["Role"].rsplit("/", 1)[-1]
    declared = expanded["Resources"][name]["Properties"]
    return Function(
        name=found["FunctionName"],
        handler=found["Handler"],
        memory=int(found["MemorySize"]),
        storage=int(declared.get("EphemeralStorage", {"Size": 512})["Size"]),
        timeout=int(found["Timeout"]),
        environment={key: str(value) for key, value in found["Environment"]["Variables"].items()},
        policy=tuple(iam.statements(_policies(clients("iam"), role))),
        source=_source(clients, expanded, ids, name),
    )


def _policies(client: Any, role: str) -> list[Mapping[str, Any]]:
    names = client.list_role_policies(RoleName=role)["PolicyNames"]
    documents = [client.get_role_policy(RoleName=role, PolicyName=n)["PolicyDocument"] for n in names]
    return [_parsed(document) for document in documents]


def _parsed(document: str | Mapping[str, Any]) -> Mapping[str, Any]:
    """A policy that moto holds: of a role as Python wrote it, and empty where CloudFormation drops
    AWS::NoValue; one that is a resource of its own as it should be.
    """
    read = ast.literal_eval(document) if isinstance(document, str) else document
    return {**read, "Statement": [statement for statement in read["Statement"] if statement]}


def _source(
    clients: Clients, expanded: templates.Template, ids: Mapping[str, str], name: str
) -> Source | None:
    declarations = [
        resource["Properties"]
        for resource in expanded["Resources"].values()
        if resource["Type"] == _MAPPING and resource["Properties"]["FunctionName"] == {"Ref": name}
    ]
    if not declarations:
        return None
    (declared,) = declarations
    (found,) = [
        one
        for one in clients("lambda").list_event_source_mappings()["EventSourceMappings"]
        if one["FunctionArn"].rsplit(":", 1)[-1] == ids[name]
    ]
    sqs, url = clients("sqs"), ids[declared["EventSourceArn"]["Fn::GetAtt"][0]]
    attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["RedrivePolicy"])["Attributes"]
    dead = json.loads(attributes["RedrivePolicy"])["deadLetterTargetArn"].rsplit(":", 1)[-1]
    return Source(
        queue_url=url,
        dead_letters_url=sqs.get_queue_url(QueueName=dead)["QueueUrl"],
        batch_size=int(found["BatchSize"]),
        window=float(found.get("MaximumBatchingWindowInSeconds", 0)),
        partial="ReportBatchItemFailures" in found.get("FunctionResponseTypes", []),
        concurrency=int(found.get("ScalingConfig", {}).get("MaximumConcurrency", 1000)),
    )


def _empty_zip() -> bytes:
    """moto wants a function's code to exist; the local cloud runs it from this checkout."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr("README", "run from the checkout")
    return target.getvalue()
