"""The catalogue of API calls in the samples: names, how often, and shapes of request and response.

Shapes follow the services' API references (https://docs.aws.amazon.com/); the values are our own
slots (see `draw`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from infra.samples.calls.access import IAM, KMS, STS
from infra.samples.calls.compute import EC2, LAMBDA, LAMBDA_DATA, RUN
from infra.samples.calls.data import DYNAMODB, DYNAMODB_DATA, S3, S3_DATA
from infra.samples.calls.operations import BUILD, MOVE, OBSERVE
from infra.samples.calls.shapes import FUNCTION_ARN, KMS_KEY, ROLE_ARN, Body, Shapes, arn
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


_RESOURCES: Mapping[str, Sequence[tuple[str, str]]] = {
    "s3": (("AWS::S3::Bucket", "arn:aws:s3:::<bucket>"),),
    "s3 data": (
        ("AWS::S3::Object", "arn:aws:s3:::<bucket>/<object>"),
        ("AWS::S3::Bucket", "arn:aws:s3:::<bucket>"),
    ),
    "kms": (("AWS::KMS::Key", KMS_KEY),),
    "lambda data": (("AWS::Lambda::Function", FUNCTION_ARN),),
    "dynamodb data": (("AWS::DynamoDB::Table", arn("dynamodb", "table/<table>")),),
    "sts AssumeRole": (("AWS::IAM::Role", ROLE_ARN),),
    "secretsmanager": (("AWS::SecretsManager::Secret", arn("secretsmanager", "secret:<secret>")),),
}


def _call(service: str, name: str, body: Body, resources: Sequence[tuple[str, str]], data: bool) -> Call:
    weight, request, response = body
    shown = [{"accountId": "<account>", "type": kind, "ARN": whose} for kind, whose in resources]
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


def _calls() -> tuple[Call, ...]:
    management: dict[str, Shapes] = {
        "ec2": EC2,
        "s3": S3,
        "iam": IAM,
        "sts": STS,
        "kms": KMS,
        "lambda": LAMBDA,
    }
    management |= {"dynamodb": DYNAMODB, **OBSERVE, **RUN, **BUILD, **MOVE}
    data = {"s3": S3_DATA, "lambda": LAMBDA_DATA, "dynamodb": DYNAMODB_DATA}
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
