"""Amazon EKS audit logs: the requests to a cluster's API server, as Kubernetes audits them."""

from __future__ import annotations

from penstock.tables import (
    Example,
    Syntax,
    Table,
    any_time,
    filled,
    json_value,
    text,
    text_list,
    typed,
)
from penstock.tables._members import struct

_DOCS = "https://kubernetes.io/docs/reference/config-api/apiserver-audit.v1/"

_PERSON = {"username": "VARCHAR", "uid": "VARCHAR", "groups": "VARCHAR[]", "extra": "JSON"}

TABLE = Table(
    name="aws_eks_audit_log",
    description="Audit events of the Kubernetes API server of EKS clusters, who asked for what and the answer.",
    reference=_DOCS,
    # They come by way of CloudWatch Logs, whose messages are unwrapped.
    syntax=Syntax("json_text", {"shape": "lines"}),
    columns=(
        json_value("annotations", "annotations", "Notes of the server, such as why a request was allowed."),
        json_value(
            "authentication_metadata", "authenticationMetadata", "What allowed the user to act as another."
        ),
        text("api_version", "apiVersion", "Version of the audit API: audit.k8s.io/v1."),
        text("audit_id", "auditID", "Identifier of the request, the same in all of its stages."),
        struct("impersonated_user", "impersonatedUser", "Whom the user acted as, if anybody.", _PERSON),
        text("kind", "kind", "Kind of the record: Event."),
        text("level", "level", "How much is recorded: Metadata, Request or RequestResponse."),
        struct(
            "object_ref",
            "objectRef",
            "Object that the request is aimed at.",
            {
                "resource": "VARCHAR",
                "namespace": "VARCHAR",
                "name": "VARCHAR",
                "uid": "VARCHAR",
                "apiGroup": "VARCHAR",
                "apiVersion": "VARCHAR",
                "resourceVersion": "VARCHAR",
                "subresource": "VARCHAR",
            },
        ),
        json_value("request_object", "requestObject", "Object in the request."),
        typed(
            "request_received_timestamp",
            "TIMESTAMP",
            any_time('r."requestReceivedTimestamp"'),
            "requestReceivedTimestamp",
            "When the request arrived, UTC.",
        ),
        text("request_uri", "requestURI", "URI of the request."),
        json_value("response_object", "responseObject", "Object in the answer."),
        struct(
            "response_status",
            "responseStatus",
            "Status of the answer.",
            {
                "metadata": "JSON",
                "status": "VARCHAR",
                "message": "VARCHAR",
                "reason": "VARCHAR",
                "details": "JSON",
                "code": "INTEGER",
            },
        ),
        text_list("source_ips", "sourceIPs", "Addresses the request came through, the client's first."),
        text("stage", "stage", "Stage: RequestReceived, ResponseStarted, ResponseComplete or Panic."),
        typed(
            "stage_timestamp",
            "TIMESTAMP",
            any_time('r."stageTimestamp"'),
            "stageTimestamp",
            "When this stage was reached, UTC.",
        ),
        typed(
            "timestamp",
            "TIMESTAMP",
            any_time('r."timestamp"'),
            "timestamp",
            "When the request arrived, in the versions before audit.k8s.io/v1, UTC.",
        ),
        struct("user", "user", "Who made the request.", _PERSON),
        text("user_agent", "userAgent", "Program that made the request, as it says."),
        text("verb", "verb", "Kubernetes verb: get, list, create, delete and others."),
    ),
    enrichment={
        "tp_timestamp": 'coalesce(stage_timestamp, request_received_timestamp, "timestamp")',
        "tp_source_ip": "source_ips[1]",
        "tp_ips": "nullif(source_ips, [])",
        "tp_akas": filled("\"user\".extra->>'$.arn[0]'", "\"user\".extra->>'$.canonicalArn[0]'"),
        "tp_usernames": filled('"user".username', "impersonated_user.username"),
    },
    layouts={
        # https://docs.aws.amazon.com/firehose/latest/dev/s3-object-name.html
        "aws_s3_bucket": "%{YEAR:year}/%{MONTHNUM:month}/%{MONTHDAY:day}/%{HOUR:hour}/%{DATA}",
    },
    statistics=("verb",),
    examples=(
        Example(
            "Requests that were refused, by user",
            'select "user".username as username, verb, object_ref.resource as resource, '
            "response_status.code as code, count(*) as times\n"
            "from aws_eks_audit_log where response_status.code >= 400 group by all order by times desc limit 20",
        ),
        Example(
            "Who read secrets or opened a shell in a pod",
            'select tp_timestamp, "user".username as username, tp_source_ip, verb, '
            "object_ref.namespace as namespace, object_ref.name as name\n"
            "from aws_eks_audit_log where object_ref.resource = 'secrets' or object_ref.subresource = 'exec'\n"
            "order by tp_timestamp desc limit 50",
        ),
    ),
)
