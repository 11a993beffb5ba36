"""The deployed compact function lists a partition in Glue's Iceberg tables, kept to its role."""

from __future__ import annotations

from infra.local_cloud import LocalCloud
from pyiceberg.catalog.glue import GlueCatalog
from tests.infra.privilege import used
from tests.infra.test_collect_function import CONFIG, EVENTS, cloudtrail_object

OBJECTS = 3
GLUE = ("CreateTable", "GetDatabase", "GetTable", "UpdateTable")


def test_the_function_keeps_iceberg_tables_in_glue() -> None:
    """Others read by name what is live; no call is refused, and each grant of the export is used."""
    parameters = {"IcebergDatabase": "lake"}
    with LocalCloud(log_buckets=("logs", "logs-plain"), parameters=parameters) as cloud:
        # The template makes it; moto's CloudFormation cannot.
        cloud.client("glue").create_database(DatabaseInput={"Name": "lake"})
        cloud.put_config(CONFIG.replace("{\n", '{\n  export = "iceberg"\n', 1))
        for number in range(OBJECTS):
            key, body = cloudtrail_object(number)
            cloud.client("s3").put_object(Bucket="logs", Key=key, Body=body)
            cloud.run_until_idle()
        for _ in range(2):
            assert cloud.invoke("CompactFunction")["failed"] == {}
        keys = {"s3.access-key-id": "x", "s3.secret-access-key": "x", "s3.region": "us-east-1"}
        settings = {"s3.endpoint": cloud.endpoint, **keys}
        table = GlueCatalog("any", client=cloud.client("glue"), **settings).load_table(
            "lake.aws_cloudtrail_log"
        )
        summary = table.current_snapshot()
        assert summary is not None
        assert summary.summary is not None
        assert summary.summary["total-records"] == str(OBJECTS * EVENTS)
        found = {one for one in used(cloud, "CompactFunction") if one[0].startswith("Iceberg")}
    # Deleting: metadata of a commit that another publisher was quicker than; tests/compact makes them.
    assert found == {
        ("IcebergMetadata", "s3:GetObject"),
        ("IcebergMetadata", "s3:PutObject"),
        *(("IcebergTables", f"glue:{name}") for name in GLUE),
    }
