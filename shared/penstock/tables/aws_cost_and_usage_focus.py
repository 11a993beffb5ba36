"""AWS cost and usage in FOCUS, the FinOps Open Cost and Usage Specification, 1.0 and 1.2."""

from __future__ import annotations

import re

from penstock.tables import BILLING, Column, Example, Syntax, Table, filled, json_map, number, text, time

_DOCS = "https://docs.aws.amazon.com/cur/latest/userguide/table-dictionary-focus-1-2-aws-columns.html"


def _snake(source: str) -> str:
    """`BilledCost` is the column `billed_cost`."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", source).lower()


def _text(source: str, description: str) -> Column:
    return text(_snake(source), source, description)


def _money(source: str, description: str) -> Column:
    return number(_snake(source), source, description, "DOUBLE")


def _time(source: str, description: str) -> Column:
    return time(_snake(source), source, description)


def _object(source: str, description: str) -> Column:
    return json_map(_snake(source), source, description)


_COLUMNS = (
    _text("AvailabilityZone", "Availability zone of the resource."),
    _money("BilledCost", "Cost on the invoice, after discounts, without the spreading of upfront fees."),
    _text("BillingAccountId", "Account that pays."),
    _text("BillingAccountName", "Name of the account that pays."),
    _text("BillingAccountType", "Kind of the account that pays (FOCUS 1.2)."),
    _text("BillingCurrency", "Currency of the costs."),
    _time("BillingPeriodEnd", "End of the billing period, exclusive, UTC."),
    _time("BillingPeriodStart", "Start of the billing period, UTC."),
    _text("CapacityReservationId", "Capacity reservation (FOCUS 1.2)."),
    _text("CapacityReservationStatus", "Used or Unused (FOCUS 1.2)."),
    _text("ChargeCategory", "Usage, Purchase, Tax, Credit or Adjustment."),
    _text("ChargeClass", "Correction, when the charge corrects an earlier period; else null."),
    _text("ChargeDescription", "What is charged, in words."),
    _text("ChargeFrequency", "One-Time, Recurring or Usage-Based."),
    _time("ChargePeriodEnd", "End of the charge, exclusive, UTC."),
    _time("ChargePeriodStart", "Start of the charge, UTC."),
    _text("CommitmentDiscountCategory", "Whether the commitment is to Spend or Usage."),
    _text("CommitmentDiscountId", "Commitment: ARN of a savings plan or reservation."),
    _text("CommitmentDiscountName", "Name of the commitment."),
    _money("CommitmentDiscountQuantity", "Amount of the commitment bought or used (FOCUS 1.2)."),
    _text("CommitmentDiscountStatus", "Used or Unused."),
    _text("CommitmentDiscountType", "Kind of commitment: Savings Plan or Reservation."),
    _text("CommitmentDiscountUnit", "Unit of the commitment's quantity (FOCUS 1.2)."),
    _money("ConsumedQuantity", "Amount used."),
    _text("ConsumedUnit", "Unit of the amount used."),
    _money("ContractedCost", "Contracted unit price times quantity."),
    _money("ContractedUnitPrice", "Unit price after negotiated discounts."),
    _money("EffectiveCost", "Cost after discounts, upfront fees spread over time."),
    _text("InvoiceId", "Invoice (FOCUS 1.2)."),
    _text("InvoiceIssuerName", "Who issues the invoice."),
    _money("ListCost", "List unit price times quantity."),
    _money("ListUnitPrice", "Public unit price."),
    _text("PricingCategory", "Standard, Dynamic, Committed or Other."),
    _text("PricingCurrency", "Currency of the prices (FOCUS 1.2)."),
    _money("PricingCurrencyContractedUnitPrice", "Contracted unit price in that currency (FOCUS 1.2)."),
    _money("PricingCurrencyEffectiveCost", "Effective cost in that currency (FOCUS 1.2)."),
    _money("PricingCurrencyListUnitPrice", "List unit price in that currency (FOCUS 1.2)."),
    _money("PricingQuantity", "Amount that is priced."),
    _text("PricingUnit", "Unit of the amount that is priced."),
    _text("ProviderName", "Who makes the service available."),
    _text("PublisherName", "Who makes the service."),
    _text("RegionId", "Region."),
    _text("RegionName", "Name of the region."),
    _text("ResourceId", "Resource: an id or an ARN."),
    _text("ResourceName", "Name of the resource."),
    _text("ResourceType", "Kind of resource."),
    _text("ServiceCategory", "Kind of service, such as Compute."),
    _text("ServiceName", "Name of the service."),
    _text("ServiceSubcategory", "Kind of service, finer (FOCUS 1.2)."),
    _text("SkuId", "SKU of the service or good."),
    _text("SkuMeter", "What is metered (FOCUS 1.2)."),
    _object("SkuPriceDetails", "Attributes of the price, by name (FOCUS 1.2)."),
    _text("SkuPriceId", "Identifier of the price."),
    _text("SubAccountId", "Account that used it."),
    _text("SubAccountName", "Name of the account that used it."),
    _text("SubAccountType", "Kind of the account that used it (FOCUS 1.2)."),
    _object("Tags", "Tags of the resource, by key."),
    _object("x_CostCategories", "Cost categories and their values (AWS)."),
    _object("x_Discounts", "Discounts by name (AWS)."),
    _text("x_Operation", "Operation that was used (AWS)."),
    _text("x_ServiceCode", "Code of the service, such as AmazonEC2 (AWS)."),
    Column(
        "x_usage_type",
        "VARCHAR",
        'coalesce(r."x_UsageType", r."SkuMeter")',  # which FOCUS 1.2 has in its place
        "Kind of usage (AWS); what FOCUS 1.2 calls SkuMeter.",
        "x_UsageType",
        reads={"SkuMeter": "VARCHAR"},
    ),
)

TABLE = Table(
    name="aws_cost_and_usage_focus",
    description="What was used and what it cost, in the columns of FOCUS 1.0 and 1.2 with those AWS adds.",
    reference=_DOCS,
    # Exports that went through a database have NULL, without quotes, for what is missing.
    syntax=Syntax("delimited", {"header": True, "multiline": True, "nullstr": "NULL"}),
    columns=_COLUMNS,
    enrichment={
        "tp_timestamp": "coalesce(charge_period_start, charge_period_end, billing_period_start, "
        "billing_period_end)",
        "tp_akas": filled("CASE WHEN starts_with(resource_id, 'arn:') THEN resource_id END"),
    },
    layouts={
        "aws_s3_bucket": "%{DATA:export_name}/data/%{DATA:partition}/"
        "(?:%{TIMESTAMP_ISO8601:timestamp}-%{UUID:execution_id}/)?%{DATA:filename}.csv.gz",
    },
    not_logs={
        r"[Mm]anifest\.json$": "manifest of an export",
        r"\.(sql|yml|yaml)$": "statement or template for loading an export",
        r"(^|/)aws-programmatic-access-test-object$": "test of the bucket's policy",
        r"/$": "folder marker",
    },
    many_days=True,
    replaces="delivery",
    deliveries=BILLING,
    statistics=("billing_period_start", "service_name", "sub_account_id"),
    examples=(
        Example(
            "Effective cost by service and month",
            "select date_trunc('month', charge_period_start) as month, service_name,\n"
            "  round(sum(effective_cost), 2) as cost\n"
            "from aws_cost_and_usage_focus group by all order by month desc, cost desc limit 50",
        ),
        Example(
            "What discounts save, by account",
            "select sub_account_name, sum(list_cost) as list, sum(effective_cost) as effective,\n"
            "  1 - sum(effective_cost) / nullif(sum(list_cost), 0) as saved\n"
            "from aws_cost_and_usage_focus where charge_category = 'Usage'\n"
            "group by all order by list desc limit 20",
        ),
        Example(
            "Commitments that were paid for and not used",
            "select commitment_discount_id, sum(effective_cost) as unused\n"
            "from aws_cost_and_usage_focus where commitment_discount_status = 'Unused'\n"
            "group by all order by unused desc",
        ),
    ),
)
