"""Amazon VPC Lattice access logs: requests to services, and connections to resources."""

from __future__ import annotations

from penstock.tables import (
    Column,
    Example,
    Syntax,
    Table,
    any_time,
    dashed,
    dashed_number,
    filled,
    json_value,
)

_DOCS = "https://docs.aws.amazon.com/vpc-lattice/latest/ug/monitoring-access-logs.html"


def _address(source: str) -> str:
    """The address of `10.0.0.1:8080`, `[2001:db8::1]:8080` or `2001:db8::1`."""
    field = f"""nullif(r."{source}", '-')"""
    return (
        f"CASE WHEN starts_with({field}, '[') THEN regexp_extract({field}, '^\\[([^\\]]*)', 1) "
        f"WHEN len(string_split({field}, ':')) > 2 THEN {field} ELSE split_part({field}, ':', 1) END"
    )


def _ip(name: str, source: str, description: str) -> Column:
    return Column(name, "VARCHAR", _address(source), description)


TABLE = Table(
    name="aws_vpc_lattice_access_log",
    description="Requests to the services of VPC Lattice networks, and connections to their resources.",
    reference=_DOCS,
    syntax=Syntax("json_text", {"shape": "lines"}),
    columns=(
        Column(
            "auth_denied_reason",
            "VARCHAR",
            """nullif(nullif(r."authDeniedReason", '-'), 'null')""",  # so it is written where nothing was
            "Why the auth policy refused: Service, Network, Identity.",
            "authDeniedReason",
            null_if=("-", "null"),
        ),
        dashed_number("bytes_received", "bytesReceived", "Bytes of body and headers received."),
        dashed_number("bytes_sent", "bytesSent", "Bytes of body and headers sent."),
        dashed("caller_principal", "callerPrincipal", "Principal that was authenticated."),
        dashed("caller_principal_org_id", "callerPrincipalOrgID", "Organization of the principal."),
        json_value("caller_principal_tags", "callerPrincipalTags", "Tags of the principal's session."),
        dashed("caller_x509_issuer_ou", "callerX509IssuerOU", "Issuer's OU of the caller's certificate."),
        dashed("caller_x509_san_dns", "callerX509SANDNS", "DNS name in the caller's certificate."),
        dashed("caller_x509_san_name_cn", "callerX509SANNameCN", "CN of the alternative name."),
        dashed("caller_x509_san_uri", "callerX509SANURI", "URI in the caller's certificate."),
        dashed("caller_x509_subject_cn", "callerX509SubjectCN", "Subject's CN of the caller's certificate."),
        dashed("destination_ip_port", "destinationIpPort", "Address and port the connection was made to."),
        dashed("destination_vpc_id", "destinationVpcId", "VPC of the destination."),
        dashed_number("duration", "duration", "Time from the first to the last byte, ms."),
        dashed("failure_reason", "failureReason", "Why the request failed."),
        dashed("gateway_ip_port", "gatewayIpPort", "Address and port of the resource gateway."),
        dashed_number("grpc_response_code", "grpcResponseCode", "Status of a gRPC answer.", "INTEGER"),
        dashed("host_header", "hostHeader", "Authority of the request."),
        dashed("listener_id", "listenerId", "Listener of the service."),
        dashed("listener_type", "listenerType", "Type of the listener: HTTP, HTTPS, TLS."),
        dashed("protocol", "protocol", "Protocol of the request, such as HTTP/1.1, or TCP."),
        dashed("request_id", "requestId", "Identifier of the request."),
        dashed("request_method", "requestMethod", "Method of the request."),
        dashed("request_path", "requestPath", "Path of the request."),
        dashed_number(
            "request_to_target_duration", "requestToTargetDuration", "Time until the target had all, ms."
        ),
        dashed("resolved_user", "resolvedUser", "ARN of the caller, or Anonymous or Unknown."),
        dashed("resource_configuration_arn", "resourceConfigurationArn", "Resource that was accessed."),
        dashed("resource_ip_port", "resourceIpPort", "Address and port of the resource."),
        dashed_number("response_code", "responseCode", "Status of the answer.", "INTEGER"),
        dashed_number(
            "response_from_target_duration",
            "responseFromTargetDuration",
            "Time the target's answer took, ms.",
        ),
        dashed(
            "server_name_indication",
            "serverNameIndication",
            "Host that the client named in the TLS handshake.",
        ),
        dashed("service_arn", "serviceArn", "Service that was called."),
        dashed("service_network_arn", "serviceNetworkArn", "Service network of the caller."),
        dashed(
            "service_network_resource_association_id",
            "serviceNetworkResourceAssociationId",
            "Association of the resource with the network.",
        ),
        _ip("source_ip", "sourceIpPort", "Address the request came from."),
        dashed("source_ip_port", "sourceIpPort", "Address and port the request came from."),
        dashed("source_vpc_arn", "sourceVpcArn", "VPC the request came from."),
        dashed("source_vpc_id", "sourceVpcId", "Identifier of that VPC."),
        dashed("ssl_cipher", "sslCipher", "TLS cipher."),
        Column(
            "start_time",
            "TIMESTAMP",
            any_time('coalesce(r."startTime", r."eventTimestamp")'),
            "When the request or the connection began, UTC.",
            "startTime",
            reads={"eventTimestamp": "VARCHAR"},
        ),
        dashed("target_group_arn", "targetGroupArn", "Target group the request went to."),
        _ip("target_ip", "targetIpPort", "Address of the target."),
        dashed("target_ip_port", "targetIpPort", "Address and port of the target."),
        dashed("tls_version", "tlsVersion", "TLS version, such as TLSv1.2."),
        dashed("user_agent", "userAgent", "Program that made the request, as it says."),
        dashed("vpc_endpoint_id", "vpcEndpointId", "Endpoint the connection came through."),
    ),
    enrichment={
        "tp_timestamp": "start_time",
        "tp_source_ip": "source_ip",
        "tp_destination_ip": f"coalesce(target_ip, {_address('resourceIpPort')}, {_address('destinationIpPort')})",
        "tp_ips": filled("source_ip", "target_ip", _address("resourceIpPort"), _address("destinationIpPort")),
        "tp_akas": filled(
            "service_arn", "service_network_arn", "source_vpc_arn", "resource_configuration_arn"
        ),
        "tp_usernames": filled("nullif(nullif(resolved_user, 'Unknown'), 'Anonymous')", "caller_principal"),
        "tp_domains": filled("lower(split_part(host_header, ':', 1))"),
    },
    layouts={
        "aws_s3_bucket": "AWSLogs/(%{DATA:org_id}/)?%{NUMBER:account_id}/VpcLattice/%{DATA:log_type}/"
        "%{DATA:region}/%{YEAR:year}/%{MONTHNUM:month}/%{MONTHDAY:day}/%{DATA}.json.gz",
    },
    statistics=("source_ip", "service_arn"),
    examples=(
        Example(
            "Refused requests, by caller and reason",
            "select coalesce(resolved_user, caller_principal) as caller, service_arn, auth_denied_reason, "
            "count(*) as requests\n"
            "from aws_vpc_lattice_access_log where response_code = 403 group by all order by requests desc",
        ),
        Example(
            "Slowest services",
            "select service_arn, count(*) as requests, quantile_cont(duration, 0.95) as p95_ms\n"
            "from aws_vpc_lattice_access_log group by all order by p95_ms desc",
        ),
    ),
)
