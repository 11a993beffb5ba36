"""AWS Cost and Usage Report: what was used and what it cost, line item by line item."""

from __future__ import annotations

from penstock.tables import BILLING, Column, Example, Syntax, Table, filled, number, text, time, typed

_DOCS = "https://docs.aws.amazon.com/cur/latest/userguide/table-dictionary-cur2.html"


def _money(name: str, description: str) -> Column:
    return number(name, name, description, "DOUBLE")


def _text(name: str, description: str) -> Column:
    return text(name, name, description)


def _time(name: str, description: str) -> Column:
    return time(name, name, description)


def _gathered(name: str, description: str) -> Column:
    """All columns whose names begin so (CUR), and the members of the map of that name (CUR 2.0)."""
    kept = f"coalesce(r.\"{name}_*\", '{{}}')"
    read = f'try_cast(r."{name}" AS JSON)'
    return Column(
        name,
        "JSON",
        f"CASE WHEN json_type({read}) = 'OBJECT' THEN json_merge_patch({kept}, {read}) ELSE {kept} END",
        description,
        name,
        # What was made of it is looked at first: it is parsed again only where that has nothing of it.
        misfit=f'CASE WHEN "{name}"::VARCHAR = ({kept})::VARCHAR AND r."{name}" IS NOT NULL '
        f"AND json_type({read}) IS DISTINCT FROM 'OBJECT' "
        f"THEN json_object('{name}', r.\"{name}\") END",
        reads={f"{name}_*": "JSON"},
    )


def _whole(name: str, description: str) -> Column:
    """A whole number that may be written with a fraction of zeros; another one goes to `unmapped`."""
    value = f'r."{name}"'
    same = f"try_cast({value} AS DECIMAL(38, 10)) = try_cast({value} AS BIGINT)"
    return typed(name, "BIGINT", f"CASE WHEN {same} THEN try_cast({value} AS BIGINT) END", name, description)


_COLUMNS = (
    _text("bill_bill_type", "Kind of bill: Anniversary (monthly usage), Purchase or Refund."),
    _text("bill_billing_entity", "Seller: AWS or AWS Marketplace."),
    _time("bill_billing_period_end_date", "End of the billing period, UTC."),
    _time("bill_billing_period_start_date", "Start of the billing period, UTC."),
    _text("bill_invoice_id", "Invoice; blank until the report is final."),
    _text("bill_invoicing_entity", "Legal entity that issues the invoice."),
    _text("bill_payer_account_id", "Account that pays."),
    _text("bill_payer_account_name", "Name of the account that pays."),
    _text("capacity_reservation_capacity_reservation_arn", "ARN of the capacity reservation."),
    _text("capacity_reservation_capacity_reservation_status", "Reserved, Used, Unused or Canceled."),
    _text("capacity_reservation_capacity_reservation_type", "Kind of the capacity reservation."),
    _gathered("cost_category", "Cost categories of the line item and their values."),
    _gathered("discount", "Discounts of the line item by name."),
    _money("discount_bundled_discount", "Discount for usage bundled with that of another service."),
    _money("discount_total_discount", "Sum of all discounts."),
    _text("identity_line_item_id", "Identifier of the line item within one delivery of the report."),
    _text("identity_time_interval", "Interval of the line item, start/end, UTC."),
    _text("line_item_availability_zone", "Availability zone of the usage."),
    _money("line_item_blended_cost", "Blended rate times usage."),
    _text("line_item_blended_rate", "Average rate over the organization, as text."),
    _text("line_item_currency_code", "Currency of the line item."),
    _text("line_item_iam_principal", "ARN of the principal that made the requests, where AWS tells."),
    _text("line_item_legal_entity", "Legal entity that sells."),
    _text("line_item_line_item_description", "What is charged, in words."),
    _text("line_item_line_item_type", "Kind of charge: Usage, Tax, Fee, DiscountedUsage, Credit and others."),
    _money("line_item_net_unblended_cost", "Unblended cost after discounts."),
    _text("line_item_net_unblended_rate", "Unblended rate after discounts, as text."),
    _money("line_item_normalization_factor", "Factor of the instance size for size-flexible reservations."),
    _money("line_item_normalized_usage_amount", "Usage times the normalization factor."),
    _text("line_item_operation", "Operation that was used, such as RunInstances."),
    _text("line_item_product_code", "Code of the service, such as AmazonEC2."),
    _text("line_item_resource_id", "Resource: an id or an ARN."),
    _text("line_item_tax_type", "Kind of tax."),
    _money("line_item_unblended_cost", "Unblended rate times usage: what the account pays."),
    _text("line_item_unblended_rate", "Rate of the account, as text."),
    _text("line_item_usage_account_id", "Account that used it."),
    _text("line_item_usage_account_name", "Name of the account that used it."),
    _money("line_item_usage_amount", "Amount of usage in units of pricing_unit."),
    _time("line_item_usage_end_date", "End of the usage, UTC."),
    _time("line_item_usage_start_date", "Start of the usage, UTC."),
    _text("line_item_usage_type", "Kind of usage, such as USW2-BoxUsage:m5.large."),
    _text("pricing_currency", "Currency of the price."),
    _text("pricing_lease_contract_length", "Length of the reservation, such as 1yr."),
    _text("pricing_offering_class", "Class of the reservation: standard or convertible."),
    _money("pricing_public_on_demand_cost", "Cost at the public on-demand rate."),
    _text("pricing_public_on_demand_rate", "Public on-demand rate, as text."),
    _text("pricing_purchase_option", "How the reservation is paid: All, Partial or No Upfront."),
    _text("pricing_rate_code", "Code of the rate of this product, offer and tier."),
    _text("pricing_rate_id", "Identifier of the rate."),
    _text("pricing_term", "Term of the price: OnDemand, Reserved or Spot."),
    _text("pricing_unit", "Unit of the usage, such as Hrs or GB."),
    _gathered("product", "Attributes of the product by name, whichever the service has."),
    _text("product_comment", "Remark on the product."),
    _text("product_fee_code", "Code of a fee."),
    _text("product_fee_description", "Description of a fee."),
    _text("product_from_location", "Where a transfer begins."),
    _text("product_from_location_type", "Kind of place where a transfer begins."),
    _text("product_from_region_code", "Region where a transfer begins."),
    _text("product_instance_family", "Family of instances, such as General purpose."),
    text("product_instance_sku", "product_instancesku", "SKU of the instance."),
    _text("product_instance_type", "Type of the instance, such as m5.large."),
    _text("product_location", "Place of the product, such as US West (Oregon)."),
    _text("product_location_type", "Kind of place, such as AWS Region."),
    _text("product_operation", "Operation that the product covers."),
    _text("product_pricing_unit", "Smallest unit that is charged."),
    _text("product_product_family", "Family of products, such as Compute Instance."),
    _text("product_region_code", "Region of the product."),
    text("product_service_code", "product_servicecode", "Code of the service."),
    _text("product_sku", "SKU of the product."),
    _text("product_to_location", "Where a transfer ends."),
    _text("product_to_location_type", "Kind of place where a transfer ends."),
    _text("product_to_region_code", "Region where a transfer ends."),
    text("product_usage_type", "product_usagetype", "Kind of usage that the product covers."),
    _gathered("reservation", "Every attribute of the reservation by name."),
    _money("reservation_amortized_upfront_cost_for_usage", "Upfront fee, spread over the usage."),
    _money("reservation_amortized_upfront_fee_for_billing_period", "Upfront fee, spread over the period."),
    _text("reservation_availability_zone", "Availability zone of the reservation."),
    _money("reservation_effective_cost", "Upfront and hourly fee as an hourly rate, times usage."),
    _text("reservation_end_time", "End of the reservation, as text."),
    _text("reservation_modification_status", "Whether the reservation was changed."),
    _money("reservation_net_amortized_upfront_cost_for_usage", "Upfront fee over usage after discounts."),
    _money(
        "reservation_net_amortized_upfront_fee_for_billing_period",
        "Upfront fee over the period after discounts.",
    ),
    _money("reservation_net_effective_cost", "Effective cost after discounts."),
    _money("reservation_net_recurring_fee_for_usage", "Recurring fee for usage after discounts."),
    _money(
        "reservation_net_unused_amortized_upfront_fee_for_billing_period",
        "Upfront fee of the unused part after discounts.",
    ),
    _money("reservation_net_unused_recurring_fee", "Recurring fee of unused hours after discounts."),
    _money("reservation_net_upfront_value", "Upfront price after discounts."),
    _text("reservation_normalized_units_per_reservation", "Normalized units of each instance, as text."),
    _text("reservation_number_of_reservations", "Number of reservations, as text."),
    _money("reservation_recurring_fee_for_usage", "Recurring fee for the usage."),
    _text("reservation_reservation_arn", "ARN of the reservation."),
    _time("reservation_start_time", "Start of the reservation, UTC."),
    _text("reservation_subscription_id", "Identifier that ties the line to its offer."),
    _text("reservation_total_reserved_normalized_units", "Normalized units of all instances, as text."),
    _text("reservation_total_reserved_units", "Units of all instances, as text."),
    _text("reservation_units_per_reservation", "Units of each instance, as text."),
    _money("reservation_unused_amortized_upfront_fee_for_billing_period", "Upfront fee of the unused part."),
    _money("reservation_unused_normalized_unit_quantity", "Normalized hours that were not used."),
    _money("reservation_unused_quantity", "Hours that were not used."),
    _money("reservation_unused_recurring_fee", "Recurring fee of unused hours."),
    _whole("reservation_upfront_value", "Upfront price; one with a fraction stands in unmapped."),
    _gathered("resource_tags", "Cost allocation tags of the resource."),
    _money(
        "savings_plan_amortized_upfront_commitment_for_billing_period",
        "Upfront fee of the plan, spread over the period.",
    ),
    _time("savings_plan_end_time", "End of the savings plan, UTC."),
    _text("savings_plan_instance_type_family", "Family of instances that the plan covers."),
    _money(
        "savings_plan_net_amortized_upfront_commitment_for_billing_period",
        "Upfront fee of the plan over the period after discounts.",
    ),
    _money(
        "savings_plan_net_recurring_commitment_for_billing_period",
        "Recurring fee of the plan after discounts.",
    ),
    _money("savings_plan_net_savings_plan_effective_cost", "Effective cost after discounts."),
    _text("savings_plan_offering_type", "Kind of savings plan."),
    _text("savings_plan_payment_option", "How the plan is paid: All, Partial or No Upfront."),
    _text("savings_plan_purchase_term", "Length of the plan, such as 1yr."),
    _money("savings_plan_recurring_commitment_for_billing_period", "Recurring fee of the plan."),
    _text("savings_plan_region", "Region that the plan covers."),
    _text("savings_plan_savings_plan_arn", "ARN of the savings plan."),
    _money("savings_plan_savings_plan_effective_cost", "Share of the commitment that this usage takes."),
    _text("savings_plan_savings_plan_rate", "Rate under the plan, as text."),
    _time("savings_plan_start_time", "Start of the savings plan, UTC."),
    _text("savings_plan_total_commitment_to_date", "Commitment so far, as text."),
    _text("savings_plan_used_commitment", "Commitment used, as text."),
    _money("split_line_item_actual_usage", "CPU or memory that a container used."),
    _money("split_line_item_net_split_cost", "Cost of the container after discounts."),
    _money("split_line_item_net_unused_cost", "Its share of unused cost after discounts."),
    _text("split_line_item_parent_resource_id", "Resource that the container ran on."),
    _money("split_line_item_public_on_demand_split_cost", "Cost of the container at on-demand rates."),
    _money("split_line_item_public_on_demand_unused_cost", "Its share of unused cost at on-demand rates."),
    _money("split_line_item_reserved_usage", "CPU or memory that the container asked for."),
    _money("split_line_item_split_cost", "Cost of the container."),
    _money("split_line_item_split_usage", "The greater of reserved and used."),
    _text("split_line_item_split_usage_ratio", "Its share of the parent's usage, as text."),
    _money("split_line_item_unused_cost", "Its share of the cost of unused capacity."),
    _gathered("tags", "Tags of resource, account, user and cost category in one map."),
)

TABLE = Table(
    name="aws_cost_and_usage_report",
    description="What was used and what it cost, line item by line item: Cost and Usage Reports, old and 2.0.",
    reference=_DOCS,
    # Headers are `lineItem/UsageAmount` in CUR and `line_item_usage_amount` in CUR 2.0; told alike.
    syntax=Syntax("delimited", {"header": True, "multiline": True}),
    columns=_COLUMNS,
    enrichment={
        "tp_timestamp": "coalesce(line_item_usage_start_date, line_item_usage_end_date, "
        "bill_billing_period_start_date, bill_billing_period_end_date)",
        "tp_akas": filled(
            "CASE WHEN starts_with(line_item_resource_id, 'arn:') THEN line_item_resource_id END"
        ),
        "tp_usernames": filled("nullif(line_item_iam_principal, '')"),
    },
    layouts={
        "aws_s3_bucket": "%{DATA:export_name}/(?:data/%{DATA:partition}/)?(?:%{INT:from_date}-%{INT:to_date}/)?"
        "(?:%{DATA:assembly_id}/)?(?:%{DATA:timestamp}-%{DATA:execution_id}/)?%{DATA:file_name}.csv.(?:zip|gz)",
    },
    not_logs={
        r"[Mm]anifest\.json$": "manifest of a report",
        r"\.(sql|yml|yaml)$": "statement or template for loading a report",
        r"(^|/)cost_and_usage_data_status/": "status of a delivery, for Athena",
        r"(^|/)aws-programmatic-access-test-object$": "test of the bucket's policy",
        r"/$": "folder marker",
    },
    many_days=True,
    replaces="delivery",
    deliveries=BILLING,
    statistics=("line_item_product_code", "line_item_usage_account_id", "bill_billing_period_start_date"),
    examples=(
        Example(
            "Cost by service and month",
            "select date_trunc('month', bill_billing_period_start_date) as month, line_item_product_code,\n"
            "  round(sum(line_item_unblended_cost), 2) as cost\n"
            "from aws_cost_and_usage_report group by all order by month desc, cost desc limit 50",
        ),
        Example(
            "Most expensive resources and their owners",
            "select line_item_resource_id, resource_tags->>'user_team' as team,\n"
            "  sum(line_item_unblended_cost) as cost\n"
            "from aws_cost_and_usage_report where line_item_resource_id is not null\n"
            "group by all order by cost desc limit 20",
        ),
        Example(
            "What reservations and savings plans save against on-demand prices",
            "select line_item_line_item_type, sum(pricing_public_on_demand_cost) as on_demand,\n"
            "  sum(coalesce(reservation_effective_cost, savings_plan_savings_plan_effective_cost)) as paid\n"
            "from aws_cost_and_usage_report\n"
            "where line_item_line_item_type in ('DiscountedUsage', 'SavingsPlanCoveredUsage')\n"
            "group by all order by on_demand desc",
        ),
    ),
)
