"""Conversion: the text of objects to sorted Parquet files, by DuckDB in a connection that can touch
nothing but its work folder.

    engine    that connection, and what its errors mean
    look      what stands in a text: which syntax, does it read, how many rows, which fields
    files     rows to Parquet files
    nulls     columns that are null throughout, put into files that were written without them
    store     pieces looked at, written and counted
    objects   a commit's objects: small ones together
    large     each large one in slices, or in windows of rows

One statement reads, standardizes, filters, sorts and writes a batch of pieces. Two cheap ones
stand beside it: a probe before, and, only where rows were filtered or rejected, a count per object
after.
"""

from penstock.convert.engine import AT_ONCE, ShortOfMemory, open_engine
from penstock.convert.files import schema_of
from penstock.convert.objects import Converted, convert
from penstock.convert.source import Source
from penstock.parquet import Written

__all__ = [
    "AT_ONCE",
    "Converted",
    "ShortOfMemory",
    "Source",
    "Written",
    "convert",
    "open_engine",
    "schema_of",
]
