"""Penstock: AWS logs from S3 events to a Parquet hive, queried with SQL from anywhere."""

__all__ = ["__version__"]

__version__ = "0.1.0"
