"""Reads template.yaml as CloudFormation does: parameters, and SAM's shorthand written out.

`expand` is what `sam deploy` leaves to CloudFormation: the AWS::Serverless transform, done by AWS's
own translator.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import boto3
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator
from samtranslator.yaml_helper import yaml_parse

__all__ = ["TEMPLATE", "Template", "defaults", "expand", "load"]

TEMPLATE = Path(__file__).parents[2] / "template.yaml"

Template = dict[str, Any]


def load(path: Path = TEMPLATE) -> Template:
    """The template as written, short forms such as `!Ref` in their long form."""
    parsed = yaml_parse(path.read_text())
    return dict(json.loads(json.dumps(parsed)))


def defaults(template: Template) -> dict[str, str]:
    """Default of each parameter that has one, as text."""
    return {
        name: str(declared["Default"])
        for name, declared in template["Parameters"].items()
        if "Default" in declared
    }


def expand(
    template: Template, parameters: Mapping[str, str], code: str, region: str = "us-east-1"
) -> Template:
    """The template in plain CloudFormation; every function's code at the S3 address `code`."""
    packaged = copy.deepcopy(template)
    for resource in packaged["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            resource["Properties"]["CodeUri"] = code
    translator = Translator({}, Parser(), boto_session=boto3.Session(region_name=region))
    expanded = dict(translator.translate(packaged, {**defaults(template), **parameters}))
    translator.metrics.publish()  # nowhere: what is left over is complained of at the end of the process
    return expanded
