"""Configuration: what to collect and where to keep it, from HCL files and from the environment.

    load, loads          HCL files (`*.tpc`, `*.hcl`) to a Config, or ConfigError with every problem
    Config               connections, partitions, workspaces; `partitions_for(bucket, key)`
    settings_from_env    the settings of the functions
    search_path          where the command line looks

The way of a file: `literals` takes its texts out, `grammar` parses what is left, `syntax` makes
blocks and values of it, `check` holds them against the declarations in `blocks` and `sources`,
`decode` makes the values.
"""

from penstock.config.blocks import BLOCKS, COLUMN, BlockType
from penstock.config.decode import CheckExpression, FindTable
from penstock.config.read import load, loads
from penstock.config.settings import (
    SETTINGS,
    Setting,
    Settings,
    cache_bytes,
    environment,
    pager,
    search_path,
    settings_from_env,
    settings_of,
    workspace_name,
)
from penstock.config.tiers import TIER
from penstock.config.values import Config, Connection, Partition, Tier, View, Workspace
from penstock.sources.aws_s3_bucket import S3BucketSource

__all__ = [
    "BLOCKS",
    "COLUMN",
    "SETTINGS",
    "TIER",
    "BlockType",
    "CheckExpression",
    "Config",
    "Connection",
    "FindTable",
    "Partition",
    "S3BucketSource",
    "Setting",
    "Settings",
    "Tier",
    "View",
    "Workspace",
    "cache_bytes",
    "environment",
    "load",
    "loads",
    "pager",
    "search_path",
    "settings_from_env",
    "settings_of",
    "workspace_name",
]
