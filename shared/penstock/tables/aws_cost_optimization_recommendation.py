"""AWS Cost Optimization Hub: what could be changed, and what that would save."""

from __future__ import annotations

from penstock.tables import (
    BILLING,
    Column,
    Example,
    Syntax,
    Table,
    filled,
    flag,
    json_map,
    number,
    text,
    typed,
    utc,
)

_DOCS = "https://docs.aws.amazon.com/cur/latest/userguide/table-dictionary-cor.html"

# In CSV it is `Wed Sep 17 04:10:22 UTC 2025`; whatever else reads as a time is taken as one.
_FIELD = 'r."last_refresh_timestamp"'
_REFRESHED = f"coalesce(try_strptime({_FIELD}, '%a %b %d %H:%M:%S UTC %Y'), {utc(_FIELD)})"


def _text(name: str, description: str) -> Column:
    return text(name, name, description)


def _money(name: str, description: str) -> Column:
    return number(name, name, description, "DOUBLE")


_COLUMNS = (
    _text("account_id", "Account of the resource."),
    _text("action_type", "What to do: Rightsize, Stop, Delete, Upgrade, PurchaseSavingsPlans and others."),
    _text("currency_code", "Currency of the costs."),
    json_map(
        "current_resource_details", "current_resource_details", "Configuration and costs of the resource."
    ),
    _text("current_resource_summary", "The resource in words, such as m5.large."),
    _text("current_resource_type", "Kind of the resource, such as Ec2Instance."),
    _money("estimated_monthly_cost_after_discount", "Cost a month, discounts taken into account."),
    _money("estimated_monthly_cost_before_discount", "Cost a month without discounts."),
    _money("estimated_monthly_savings_after_discount", "Savings a month, discounts taken into account."),
    _money("estimated_monthly_savings_before_discount", "Savings a month without discounts."),
    _money("estimated_savings_percentage_after_discount", "Those savings in percent of the cost."),
    _money("estimated_savings_percentage_before_discount", "Savings without discounts in percent."),
    _text("implementation_effort", "Effort of the change: VeryLow to VeryHigh."),
    typed(
        "last_refresh_timestamp",
        "TIMESTAMP",
        _REFRESHED,
        "last_refresh_timestamp",
        "When the recommendation was made or last renewed, UTC.",
    ),
    _text("recommendation_id", "Identifier of the recommendation."),
    number(
        "recommendation_lookback_period_in_days",
        "recommendation_lookback_period_in_days",
        "Days of usage that the recommendation rests on.",
    ),
    _text("recommendation_source", "Service that recommends, such as ComputeOptimizer."),
    json_map(
        "recommended_resource_details",
        "recommended_resource_details",
        "Configuration and costs of what is recommended.",
    ),
    _text("recommended_resource_summary", "What is recommended, in words, such as m5a.large."),
    _text("recommended_resource_type", "Kind of what is recommended."),
    _text("region", "Region of the resource."),
    _text("resource_arn", "ARN of the resource."),
    flag("restart_needed", "restart_needed", "Whether the resource must be restarted."),
    flag("rollback_possible", "rollback_possible", "Whether the change can be undone."),
    json_map("tags", "tags", "Tags of the resource, by key."),
)

TABLE = Table(
    name="aws_cost_optimization_recommendation",
    description="Recommendations of the Cost Optimization Hub with what they would save.",
    reference=_DOCS,
    syntax=Syntax("delimited", {"header": True, "multiline": True}),
    columns=_COLUMNS,
    enrichment={
        "tp_timestamp": "last_refresh_timestamp",
        "tp_akas": filled("resource_arn"),
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
    replaces="delivery",
    deliveries=BILLING,
    statistics=("account_id", "resource_arn"),
    examples=(
        Example(
            "What saves most for little effort",
            "select account_id, action_type, current_resource_summary, recommended_resource_summary,\n"
            "  max(estimated_monthly_savings_after_discount) as savings\n"
            "from aws_cost_optimization_recommendation\n"
            "where implementation_effort in ('VeryLow', 'Low')\n"
            "group by all order by savings desc limit 20",
        ),
        Example(
            "Savings by kind of action, from the newest delivery",
            "select action_type, count(*) as recommendations,\n"
            "  sum(estimated_monthly_savings_before_discount) as savings\n"
            "from aws_cost_optimization_recommendation\n"
            "where tp_date = (select max(tp_date) from aws_cost_optimization_recommendation)\n"
            "group by all order by savings desc",
        ),
    ),
)
