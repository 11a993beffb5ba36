"""AWS VPC flow logs: the IP traffic of network interfaces, and of transit gateways."""

from __future__ import annotations

from penstock.tables import Column, Example, Syntax, Table, epoch, filled, number, text, time, typed

_DOCS = "https://docs.aws.amazon.com/vpc/latest/userguide/flow-log-records.html"


def _time(name: str, source: str, description: str) -> Column:
    return typed(name, "TIMESTAMP", epoch(f'r."{source}"'), source, description)


def _small(name: str, source: str, description: str) -> Column:
    return number(name, source, description, "INTEGER")


_COLUMNS = (
    _small("version", "version", "Version of the newest field in the record; 6 for transit gateways."),
    text("account_id", "account-id", "Account that owns the network interface or the transit gateway."),
    text("interface_id", "interface-id", "Network interface."),
    text("src_addr", "srcaddr", "Source address; of outgoing traffic, that of the interface."),
    text("dst_addr", "dstaddr", "Destination address; of incoming traffic, that of the interface."),
    _small("src_port", "srcport", "Source port."),
    _small("dst_port", "dstport", "Destination port."),
    _small("protocol", "protocol", "IANA number of the protocol."),
    number("packets", "packets", "Packets of the flow."),
    number("bytes", "bytes", "Bytes of the flow."),
    _time("start_time", "start", "When the first packet of the interval was seen, UTC."),
    _time("end_time", "end", "When the last packet of the interval was seen, UTC."),
    text("action", "action", "ACCEPT or REJECT."),
    text("log_status", "log-status", "OK, NODATA or SKIPDATA."),
    text("vpc_id", "vpc-id", "VPC of the interface."),
    text("subnet_id", "subnet-id", "Subnet of the interface."),
    text("instance_id", "instance-id", "Instance of the interface, if it is yours."),
    _small("tcp_flags", "tcp-flags", "TCP flags seen, as a bit mask: 2 is SYN, 18 SYN-ACK, 1 FIN, 4 RST."),
    text("type", "type", "IPv4, IPv6 or EFA."),
    text("pkt_src_addr", "pkt-srcaddr", "Source address in the packet, behind what stands between."),
    text("pkt_dst_addr", "pkt-dstaddr", "Destination address in the packet, behind what stands between."),
    text("region", "region", "Region of the interface."),
    text("az_id", "az-id", "Availability zone of the interface."),
    text("sublocation_type", "sublocation-type", "Wavelength, outpost or localzone."),
    text("sublocation_id", "sublocation-id", "Sublocation of the interface."),
    text("pkt_src_aws_service", "pkt-src-aws-service", "AWS service whose range the source is in."),
    text("pkt_dst_aws_service", "pkt-dst-aws-service", "AWS service whose range the destination is in."),
    text("flow_direction", "flow-direction", "Direction: ingress or egress."),
    _small("traffic_path", "traffic-path", "Number of the path that outgoing traffic takes."),
    text("ecs_cluster_arn", "ecs-cluster-arn", "ARN of the ECS cluster."),
    text("ecs_cluster_name", "ecs-cluster-name", "Name of the ECS cluster."),
    text("ecs_container_instance_arn", "ecs-container-instance-arn", "ARN of the ECS container instance."),
    text("ecs_container_instance_id", "ecs-container-instance-id", "Id of the ECS container instance."),
    text("ecs_container_id", "ecs-container-id", "Docker id of the first container."),
    text("ecs_second_container_id", "ecs-second-container-id", "Docker id of the second container."),
    text("ecs_service_name", "ecs-service-name", "Name of the ECS service."),
    text("ecs_task_definition_arn", "ecs-task-definition-arn", "ARN of the ECS task definition."),
    text("ecs_task_arn", "ecs-task-arn", "ARN of the ECS task."),
    text("ecs_task_id", "ecs-task-id", "Id of the ECS task."),
    text("reject_reason", "reject-reason", "Why the traffic was rejected: BPA, EC."),
    text("resource_id", "resource-id", "Resource that the flow belongs to, such as a NAT gateway."),
    text("encryption_status", "encryption-status", "Number that says how the traffic was encrypted."),
    text("interface_type", "interface-type", "Kind of the interface, such as nat_gateway or amazon-elb."),
    text("interface_tag", "interface-tag", "Value of the interface's tag that the flow log names."),
    text("interface_tag_2", "interface-tag-2", "Value of the second such tag."),
    text("instance_tag", "instance-tag", "Value of the instance's tag that the flow log names."),
    text("instance_tag_2", "instance-tag-2", "Value of the second such tag."),
    text("asg_tag", "asg-tag", "Value of the auto scaling group's tag that the flow log names."),
    text("asg_tag_2", "asg-tag-2", "Value of the second such tag."),
    text(
        "next_hop_interface_id", "next-hop-interface-id", "Network interface that the traffic went to next."
    ),
    text("next_hop_interface_type", "next-hop-interface-type", "Kind of that interface."),
    text("next_hop_subnet_id", "next-hop-subnet-id", "Subnet of that interface."),
    text("next_hop_az_id", "next-hop-az-id", "Availability zone of that interface."),
    text("next_hop_vpc_id", "next-hop-vpc-id", "VPC of that interface."),
    text("resource_type", "resource-type", "TransitGateway or TransitGatewayAttachment."),
    text("tgw_id", "tgw-id", "Transit gateway."),
    text("tgw_attachment_id", "tgw-attachment-id", "Attachment of the transit gateway."),
    text("tgw_src_vpc_account_id", "tgw-src-vpc-account-id", "Account of the source VPC."),
    text("tgw_dst_vpc_account_id", "tgw-dst-vpc-account-id", "Account of the destination VPC."),
    text("tgw_src_vpc_id", "tgw-src-vpc-id", "Source VPC."),
    text("tgw_dst_vpc_id", "tgw-dst-vpc-id", "Destination VPC."),
    text("tgw_src_subnet_id", "tgw-src-subnet-id", "Subnet of the source traffic."),
    text("tgw_dst_subnet_id", "tgw-dst-subnet-id", "Subnet of the destination traffic."),
    text("tgw_src_eni", "tgw-src-eni", "Network interface of the source attachment."),
    text("tgw_dst_eni", "tgw-dst-eni", "Network interface of the destination attachment."),
    text("tgw_src_az_id", "tgw-src-az-id", "Availability zone of the source."),
    text("tgw_dst_az_id", "tgw-dst-az-id", "Availability zone of the destination."),
    text("tgw_pair_attachment_id", "tgw-pair-attachment-id", "Attachment on the other side."),
    number("packets_lost_no_route", "packets-lost-no-route", "Packets lost for want of a route."),
    number("packets_lost_blackhole", "packets-lost-blackhole", "Packets lost in a black hole route."),
    number("packets_lost_mtu_exceeded", "packets-lost-mtu-exceeded", "Packets lost for their size."),
    number("packets_lost_ttl_expired", "packets-lost-ttl-expired", "Packets lost for their age."),
    time("export_timestamp", "export-timestamp", "Time that an export of CloudWatch Logs puts first, UTC."),
)

_DEFAULT = (
    "version", "account-id", "interface-id", "srcaddr", "dstaddr", "srcport", "dstport",
    "protocol", "packets", "bytes", "start", "end", "action", "log-status",
)  # fmt: skip

# https://docs.aws.amazon.com/vpc/latest/tgw/tgw-flow-logs.html
_TRANSIT = (
    "version", "resource-type", "account-id", "tgw-id", "tgw-attachment-id", "tgw-src-vpc-account-id",
    "tgw-dst-vpc-account-id", "tgw-src-vpc-id", "tgw-dst-vpc-id", "tgw-src-subnet-id",
    "tgw-dst-subnet-id", "tgw-src-eni", "tgw-dst-eni", "tgw-src-az-id", "tgw-dst-az-id",
    "tgw-pair-attachment-id", "srcaddr", "dstaddr", "srcport", "dstport", "protocol", "packets",
    "bytes", "start", "end", "log-status", "type", "packets-lost-no-route", "packets-lost-blackhole",
    "packets-lost-mtu-exceeded", "packets-lost-ttl-expired", "tcp-flags", "region", "flow-direction",
    "pkt-src-aws-service", "pkt-dst-aws-service",
)  # fmt: skip


def _syntax(*columns: str, when: bytes = b"", **more: object) -> Syntax:
    """A header names the fields; records in CloudWatch Logs and in Firehose have none."""
    options = {"delim": " ", "quote": "", "nullstr": "-", "header": "auto", "columns": columns}
    return Syntax("delimited", options | more, when)


def _undated() -> str:
    """A record of a format without times, or that says SKIPDATA and nothing else: told by what it has."""
    status = """coalesce(r."log-status" IN ('OK', 'NODATA', 'SKIPDATA'), true)"""
    given = 'concat_ws(\' \', r."log-status", r."interface-id", \'account \' || r."account-id"'
    given += "".join(
        f""", 'from ' || r."{name}\"""" for name in ("srcaddr", "dstaddr", "pkt-srcaddr", "pkt-dstaddr")
    )
    address = r"\d+\.\d+\.\d+\.\d+|[0-9a-fA-F.:]*:[0-9a-fA-F.]*:[0-9a-fA-F.:]*"
    known = rf"(^| )(OK|NODATA|SKIPDATA|eni-\w+|account \d{{12}}|from ({address}))( |$)"
    return f"""r."start" IS NULL AND r."end" IS NULL AND {status} AND regexp_matches({given}), '{known}')"""


# https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/S3Export.html
_EXPORTED = rb"^\d{4}-\d\d-\d\dT[\d:.]+Z "
# Firehose is given each record in an object: {"message":"2 123456789012 eni-…"}
_STREAMED = rb'^\s*\{\s*"message"\s*:\s*"'

TABLE = Table(
    name="aws_vpc_flow_log",
    description="IP traffic of network interfaces and transit gateways, as VPC flow logs record it. Records "
    "without start and end have the time in their object's name, else that of the object.",
    reference=_DOCS,
    syntax=_syntax(*_DEFAULT),
    syntaxes=(
        _syntax(*_TRANSIT, when=rb"^\d+ TransitGateway"),
        _syntax("export-timestamp", *_TRANSIT, when=_EXPORTED + rb"\d+ TransitGateway"),
        _syntax("export-timestamp", *_DEFAULT, when=_EXPORTED + rb"\d"),
        _syntax(*_TRANSIT, when=_STREAMED + rb"\d+ TransitGateway", unwrap="$.message"),
        _syntax(*_DEFAULT, when=_STREAMED, unwrap="$.message"),
    ),
    undated=_undated(),
    columns=_COLUMNS,
    enrichment={
        # Where no status stands in its place, or a time before there were flow logs, other fields do: a
        # format of one's own, and nothing that names them.
        "tp_timestamp": "CASE WHEN coalesce(regexp_matches(log_status, 'OK|NODATA|SKIPDATA'), true) "
        "AND coalesce(start_time, end_time, export_timestamp) >= TIMESTAMP '2014-01-01' "
        "THEN coalesce(start_time, end_time, export_timestamp) END",
        "tp_source_ip": "src_addr",
        "tp_destination_ip": "dst_addr",
        "tp_ips": filled("src_addr", "pkt_src_addr", "dst_addr", "pkt_dst_addr"),
        "tp_akas": filled(
            "ecs_cluster_arn", "ecs_container_instance_arn", "ecs_task_arn", "ecs_task_definition_arn"
        ),
    },
    layouts={
        # Text, then Parquet, then either with prefixes that Hive understands.
        "aws_s3_bucket": "AWSLogs/(%{DATA:org_id}/)?%{NUMBER:account_id}/vpcflowlogs/%{DATA:region}/"
        "%{YEAR:year}/%{MONTHNUM:month}/%{MONTHDAY:day}/(%{NUMBER:hour}/)?%{DATA}.log.gz"
        "|AWSLogs/(%{DATA:org_id}/)?%{NUMBER:account_id}/vpcflowlogs/%{DATA:region}/"
        "%{YEAR:year}/%{MONTHNUM:month}/%{MONTHDAY:day}/(%{NUMBER:hour}/)?%{DATA}.log.parquet"
        "|AWSLogs/aws-account-id=%{NUMBER:account_id}/aws-service=vpcflowlogs/aws-region=%{DATA:region}/"
        "year=%{YEAR:year}/month=%{MONTHNUM:month}/day=%{MONTHDAY:day}/(hour=%{NUMBER:hour}/)?"
        "%{DATA}.log.(?:gz|parquet)",
    },
    not_logs={r"(^|/)aws-logs-write-test$": "a file that shows that CloudWatch Logs can write"},
    statistics=("src_addr", "dst_addr", "interface_id"),
    examples=(
        Example(
            "Who was refused most",
            "select src_addr, dst_port, count(*) as flows, sum(packets) as packets\n"
            "from aws_vpc_flow_log where action = 'REJECT' group by all order by flows desc limit 20",
        ),
        Example(
            "Most bytes between two addresses",
            "select src_addr, dst_addr, sum(bytes) as bytes\n"
            "from aws_vpc_flow_log where log_status = 'OK' group by all order by bytes desc limit 20",
        ),
        Example(
            "Addresses that tried many ports",
            "select src_addr, dst_addr, count(distinct dst_port) as ports\n"
            "from aws_vpc_flow_log where action = 'REJECT' group by all order by ports desc limit 20",
        ),
        Example(
            "Intervals without data, or with records lost",
            "select date_trunc('hour', tp_timestamp) as hour, interface_id, log_status, count(*) as records\n"
            "from aws_vpc_flow_log where log_status in ('NODATA', 'SKIPDATA') group by all order by hour",
        ),
    ),
)
