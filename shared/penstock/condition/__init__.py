"""What DuckDB says of expressions, types and patterns in the configuration, before any log is read.

    check_expression    a partition's filter over the columns of its table
    read_transform      a column's transform over the raw fields of a log
    read_type           the type of a column, as people write it
    check_pattern       the regular expression of a format

Nothing here can touch a file, the network, a setting or an extension.
"""

from penstock.condition._filter import check_expression
from penstock.condition._kinds import check_pattern, read_type
from penstock.condition._transform import Transform, UnknownField, read_transform

__all__ = [
    "Transform",
    "UnknownField",
    "check_expression",
    "check_pattern",
    "read_transform",
    "read_type",
]
