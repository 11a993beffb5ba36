"""The blocks by which people bring formats and tables of their own, declared once."""

from __future__ import annotations

from penstock.arguments import Argument
from penstock.config.block_type import BlockType

__all__ = ["COLUMN", "FORMAT", "TABLE"]

FORMAT = BlockType(
    name="format",
    labels=("type", "name"),
    description="How the bytes of an object become raw rows, under a name: `format.<type>.<name>`. The "
    "arguments are those of its type; [Formats](README.md#formats) has a page for each. A table or a source "
    "refers to it; the format of the source goes before that of the table.",
    arguments=(),
    example="""\
format "grok" "app" {
  layout = `%{TIMESTAMP_ISO8601:time} %{LOGLEVEL:level} %{GREEDYDATA:message}`
}
""",
)

TABLE = BlockType(
    name="table",
    labels=("name",),
    description="A table of your own, or further columns of a built-in one of the same name. Fields that no "
    "column names become columns themselves (VARCHAR) where the format says which there are, or where a "
    "transform or a common column reads them; those that only the log tells, of JSON or a header, are kept "
    "in the JSON column `unmapped`.",
    arguments=(
        Argument(
            "format",
            "format",
            "How an object's bytes become rows. Needed here or in each source.",
            default="that of the built-in table",
        ),
        Argument(
            "map_fields",
            "strings",
            "Which fields are kept though no column names them: names, `*` and `?`. The others are dropped.",
            default='["*"]',
        ),
        Argument(
            "null_if", "string", "Text of a field that means nothing is there.", default="an empty text"
        ),
        Argument("null_value", "string", "The same as null_if, as older files write it."),
        Argument(
            "field_map",
            "map",
            'Short form of columns that only rename: `{ column = "field" }` is a column with that source.',
        ),
        Argument("description", "string", "What the table holds."),
    ),
    blocks=("column",),
    example="""\
table "my_app" {
  format  = format.grok.app
  null_if = "-"
  column "tp_timestamp" {
    source = "time"
  }
  column "level" {
    transform = "lower(level)"
    required  = true
  }
}
""",
)

COLUMN = BlockType(
    name="column",
    labels=("name",),
    description="A column of a table. `tp_timestamp` must be among them; the other common columns may be. A "
    "column of a list (`tp_ips` …) that is made of one text has one element.",
    arguments=(
        Argument(
            "type",
            "string",
            "DuckDB's name of the type, `datetime`, `ip` or `cidr`: the last two are kept as VARCHAR, where "
            "a text that is no address is null. A text that does not fit the type is kept in `unmapped`. "
            "Times are read however they are written, and kept in UTC.",
            default="varchar, or what the transform gives",
        ),
        Argument("source", "string", "Field of the log that fills it.", default="the column's name"),
        Argument(
            "transform",
            "string",
            "DuckDB expression that fills it, over the log's fields, which are texts: `amount::INT * 2`. "
            "Members of JSON objects have dots before them: `user.name`. Where it fails it gives null.",
        ),
        Argument("required", "bool", "A row without it is rejected.", default=False),
        Argument("null_if", "string", "As in the table, for this column.", default="the table's"),
        Argument("description", "string", "What the column holds."),
    ),
)
