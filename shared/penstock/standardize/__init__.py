"""The SQL that turns raw rows into a table's rows: built from declarations, run by `convert`.

    recipe      how one partition's objects become rows: all its statements
    columns     a row's columns: the table's own, the common ones, what divides the partition
    unmapped    what no column holds
    rejected    which rows cannot be stored, and why

All statements read `Pieces`: objects, or slices of one too large to be read at once. The reader of
their syntax makes raw rows of them, each a struct `r`; what is said here is the same for all
readers. Text is built here; nothing runs.
"""

from penstock.standardize.columns import index_value
from penstock.standardize.recipe import ROW_GROUP, Bundle, Recipe

__all__ = ["ROW_GROUP", "Bundle", "Recipe", "index_value"]
