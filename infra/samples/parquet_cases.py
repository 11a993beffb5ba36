"""Golden inputs that are Parquet: what AWS writes in that format, in our own values.

`python -m infra.samples.parquet_cases` writes `tests/tables/<table>/<case>.parquet` anew; another
version of DuckDB may write other bytes of the same rows.
"""

# ruff: noqa: E501

from __future__ import annotations

from pathlib import Path

import duckdb

__all__ = ["CASES", "main"]

_TABLES = Path(__file__).parents[2] / "tests" / "tables"

# CUR 2.0: names in snake case, maps, doubles and timestamps; a column of another kind.
_CUR = """
SELECT * FROM (VALUES
  ('Anniversary', TIMESTAMP_MS '2025-09-01 00:00:00', TIMESTAMP_MS '2025-10-01 00:00:00', '111122223333',
   MAP {'team': 'web'}, MAP {'edp_discount': -0.125::DOUBLE}, -0.125::DOUBLE, 'Usage', 'AmazonEC2',
   0.1::DOUBLE + 0.2::DOUBLE, 1.0::DOUBLE, TIMESTAMP_MS '2025-09-03 10:00:00', TIMESTAMP_MS '2025-09-03 11:00:00',
   MAP {'product_name': 'Amazon Elastic Compute Cloud', 'region': 'eu-west-1'}, 'AmazonEC2',
   NULL, NULL, MAP {'user_team': 'shop', 'user_name': 'a "b"'}, 12.0::DOUBLE, 7::BIGINT),
  ('Anniversary', TIMESTAMP_MS '2025-09-01 00:00:00', TIMESTAMP_MS '2025-10-01 00:00:00', '111122223333',
   MAP {}, MAP {}, NULL, 'DiscountedUsage', 'AmazonRDS', 0.0::DOUBLE, 0.000000001::DOUBLE,
   TIMESTAMP_MS '2025-09-04 00:00:00', TIMESTAMP_MS '2025-09-04 01:00:00', MAP {}, 'AmazonRDS',
   'arn:aws:rds:eu-west-1:111122223333:ri:orders', 0.161::DOUBLE, MAP {}, 12.5::DOUBLE, NULL)
) AS t(bill_bill_type, bill_billing_period_start_date, bill_billing_period_end_date, bill_payer_account_id,
  cost_category, discount, discount_total_discount, line_item_line_item_type, line_item_product_code,
  line_item_unblended_cost, line_item_usage_amount, line_item_usage_start_date, line_item_usage_end_date,
  product, product_servicecode, reservation_reservation_a_r_n, reservation_effective_cost, resource_tags,
  reservation_upfront_value, newest_column)
"""

# FOCUS: names in camel case.
_FOCUS = """
SELECT 0.0416::DOUBLE AS BilledCost, TIMESTAMP_MS '2025-10-01' AS BillingPeriodEnd,
  TIMESTAMP_MS '2025-09-01' AS BillingPeriodStart, TIMESTAMP_MS '2025-09-07 08:00:00' AS ChargePeriodStart,
  0.0416::DECIMAL(30, 10) AS EffectiveCost, 'Usage' AS ChargeCategory, 'AWS Lambda' AS ServiceName,
  'arn:aws:lambda:eu-west-1:111122223333:function:hello' AS ResourceId,
  MAP {'team': 'shop'} AS Tags, MAP {'edp_discount': -0.004::DOUBLE} AS x_Discounts,
  MAP {'CoreCount': '2'} AS SkuPriceDetails
"""

_RECOMMENDATIONS = """
SELECT 'Stop' AS action_type, 'Wed Sep 17 04:10:22 UTC 2025' AS last_refresh_timestamp, 12.5::DOUBLE
  AS estimated_monthly_savings_after_discount, 14::BIGINT AS recommendation_lookback_period_in_days,
  true AS restart_needed, '{"ebsVolume":{}}' AS current_resource_details, MAP {'team': 'shop'} AS tags,
  'arn:aws:ec2:eu-west-1:111122223333:volume/vol-0f1e2d3c' AS resource_arn
"""

# Standard logs v2: special characters of the names become underscores.
_CLOUDFRONT = """
SELECT * FROM (VALUES
  ('2026-01-20', '09:15:42', 'FRA56-P4', '2251', '203.0.113.17', 'GET', 'd111111abcdef8.cloudfront.net', '/shop/cart',
   '200', '-', 'Mozilla/5.0%20(X11)', 'E1ABCDEF234567', '1768900542123', '64500'),
  ('2026-01-20', '09:15:43', 'FRA56-P4', '0', '2001:db8::7', 'GET', 'd111111abcdef8.cloudfront.net', '/',
   '000', 'https://www.example.com/', '-', 'E1ABCDEF234567', '1768900543001', '-')
) AS t(date, time, x_edge_location, sc_bytes, c_ip, cs_method, cs_Host, cs_uri_stem, sc_status, cs_Referer,
  cs_User_Agent, DistributionId, timestamp_ms, asn)
"""

_INVENTORY = """
SELECT * FROM (VALUES
  ('example-logs', 'a%20b+c/part 1.gz', 'L4kqtJlcpXroDTDmpUMLUo', true, false, 48213::BIGINT,
   TIMESTAMP_MS '2026-01-19 23:05:11', '9b2cf535f27731c974343645a3985328', 'STANDARD', false, 'SSE-KMS'),
  ('example-logs', 'gone', 'QUpfdndhfd8438MNFDN93', true, true, NULL, TIMESTAMP_MS '2026-01-05 12:30:00', NULL, NULL,
   NULL, NULL)
) AS t(bucket, key, version_id, is_latest, is_delete_marker, size, last_modified_date, e_tag, storage_class,
  is_multipart_uploaded, encryption_status)
"""

_OCSF = """
SELECT * FROM (VALUES
  (4001, 4, 6, 400106::BIGINT, 1, 1768900543000::BIGINT, TIMESTAMP '2026-01-20 09:15:43',
   {'version': '1.1.0', 'product': {'name': 'Amazon VPC', 'feature': {'name': NULL::VARCHAR}}},
   {'provider': 'AWS', 'region': 'eu-west-1', 'account': {'uid': '111122223333'}},
   {'ip': '203.0.113.17', 'port': 44123, 'domain': NULL::VARCHAR}, {'ip': '10.0.0.8', 'port': 22, 'hostname': NULL::VARCHAR},
   {'bytes': 0::BIGINT, 'packets': 3::BIGINT}, NULL, MAP {'sourceAddress': 'x'}, {'internal': 1}),
  (6003, 6, 1, 600301::BIGINT, 1, 1768900544000::BIGINT, TIMESTAMP '2026-01-20 09:15:44',
   {'version': '1.1.0', 'product': {'name': 'CloudTrail', 'feature': {'name': 'Management'}}},
   {'provider': 'AWS', 'region': 'eu-west-1', 'account': {'uid': '111122223333'}}, NULL, NULL, NULL,
   [{'uid': 'arn:aws:s3:::example-logs', 'type': 'AWS::S3::Bucket'}], MAP {}, NULL)
) AS t(class_uid, category_uid, activity_id, type_uid, severity_id, time, time_dt, metadata, cloud, src_endpoint,
  dst_endpoint, traffic, resources, unmapped, newest_object)
"""

CASES = {
    "aws_cloudfront_access_log/v2_parquet": _CLOUDFRONT,
    "aws_cost_and_usage_focus/export_parquet": _FOCUS,
    "aws_cost_and_usage_report/export_parquet": _CUR,
    "aws_cost_optimization_recommendation/export_parquet": _RECOMMENDATIONS,
    "aws_ocsf_event/security_lake": _OCSF,
    "aws_s3_inventory/inventory_parquet": _INVENTORY,
}
"""SQL of the rows by table and name of the case."""


def main() -> None:
    """Write every file anew."""
    with duckdb.connect() as connection:
        for name, rows in CASES.items():
            connection.execute(
                f"COPY ({rows}) TO '{_TABLES / name}.parquet' (FORMAT parquet, COMPRESSION zstd)"
            )


if __name__ == "__main__":
    main()
