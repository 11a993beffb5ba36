"""Writes the golden case of VPC flow logs that AWS delivers as Parquet (`-m infra.samples.flow_parquet`).

Names and types are those of https://docs.aws.amazon.com/vpc/latest/userguide/flow-log-records.html:
snake case, numbers as numbers, a dash for texts that are not there.
"""

from __future__ import annotations

from pathlib import Path

import duckdb

__all__ = ["PATH", "main"]

PATH = Path(__file__).parents[2] / "tests" / "tables" / "aws_vpc_flow_log" / "delivered.parquet"

_COLUMNS = {
    "version": "INTEGER",
    "account_id": "VARCHAR",
    "interface_id": "VARCHAR",
    "srcaddr": "VARCHAR",
    "dstaddr": "VARCHAR",
    "srcport": "INTEGER",
    "dstport": "INTEGER",
    "protocol": "INTEGER",
    "packets": "BIGINT",
    "bytes": "BIGINT",
    "start": "BIGINT",
    "end": "BIGINT",
    "action": "VARCHAR",
    "log_status": "VARCHAR",
    "vpc_id": "VARCHAR",
    "tcp_flags": "INTEGER",
    "pkt_srcaddr": "VARCHAR",
    "pkt_dst_aws_service": "VARCHAR",
    "traffic_path": "INTEGER",
    "ecs_cluster_arn": "VARCHAR",
    "field_of_tomorrow": "VARCHAR",
}

_INTERFACE = ("111122223333", "eni-0a1b2c3d4e5f60718")
_ROWS = (
    (8, *_INTERFACE, "10.1.2.3", "198.51.100.7", 443, 50712, 6, 12, 8400, 1769853600, 1769853660, "ACCEPT",
     "OK", "vpc-0aa", 18, "172.17.0.2", "S3", 8, "arn:aws:ecs:eu-central-1:111122223333:cluster/shop", "new"),
    (8, *_INTERFACE, "2001:db8::7", "2001:db8::8", 0, 0, 58, 1, 0, 1769853601, 1769853660, "REJECT",
     "OK", "vpc-0aa", 0, "-", "-", None, "-", "-"),
    (8, *_INTERFACE, "-", "-", None, None, None, None, None, 1769853660, 1769853720, "-",
     "NODATA", "-", None, "-", "-", None, "-", None),
    (8, *_INTERFACE, "10.1.2.3", "10.1.2.4", 1, 2, 6, 1, 40, None, None, "ACCEPT",
     "OK", "vpc-0aa", 2, "-", "-", None, "-", None),
)  # fmt: skip


def main() -> None:
    """Write the file."""
    columns = ", ".join(f'"{name}" {kind}' for name, kind in _COLUMNS.items())
    with duckdb.connect() as connection:
        connection.execute(f"CREATE TABLE flows ({columns})")
        connection.executemany(f"INSERT INTO flows VALUES ({', '.join('?' * len(_COLUMNS))})", _ROWS)
        connection.execute(f"COPY flows TO '{PATH}' (FORMAT parquet, COMPRESSION gzip)")


if __name__ == "__main__":
    main()
