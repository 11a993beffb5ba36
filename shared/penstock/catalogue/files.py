"""The live files of a catalogue, as SQL: whose they are, what their paths say, which times they hold."""

__all__ = ["LIVE_FILES"]

LIVE_FILES = """
SELECT f.path, f.record_count, f.file_size_bytes, t.table_name, p.partition_value AS partition_name,
    -- Rejected rows have the name of the table they were meant for as their index.
    CASE WHEN t.table_name = $rejected THEN i.partition_value ELSE t.table_name END AS own_table,
    i.partition_value AS tp_index, TRY_CAST(d.partition_value AS DATE) AS tp_date,
    TRY_CAST(s.min_value AS TIMESTAMP) AS first_time, TRY_CAST(s.max_value AS TIMESTAMP) AS last_time
FROM lake.main.ducklake_data_file f
JOIN lake.main.ducklake_table t USING (table_id)
JOIN lake.main.ducklake_file_partition_value p
    ON p.data_file_id = f.data_file_id AND p.partition_key_index = 1
JOIN lake.main.ducklake_file_partition_value i
    ON i.data_file_id = f.data_file_id AND i.partition_key_index = 2
JOIN lake.main.ducklake_file_partition_value d
    ON d.data_file_id = f.data_file_id AND d.partition_key_index = 3
LEFT JOIN lake.main.ducklake_column c ON c.table_id = t.table_id AND c.column_name = 'tp_timestamp'
    AND c.parent_column IS NULL AND c.end_snapshot IS NULL
LEFT JOIN lake.main.ducklake_file_column_stats s
    ON s.data_file_id = f.data_file_id AND s.column_id = c.column_id
"""
"""Of a catalogue attached as `lake`, a row a file; `$rejected` is the table of rejected rows.

`own_table` and `partition_name` are the partition whose commits change it, `first_time` and `last_time`
the extremes of tp_timestamp (null: not known).
"""
