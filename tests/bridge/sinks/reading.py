"""Reads a finished recording of any format back, as its users would."""

import csv
import json
from pathlib import Path
import sqlite3
from typing import Any

import pyarrow.parquet as pq

from custom_components.fieldbridge.bridge.sinks import CsvSink, FileSink, JsonlSink, ParquetSink, SqliteSink

ALL_SINKS: dict[str, type[FileSink]] = {
    "csv": CsvSink,
    "jsonl": JsonlSink,
    "sqlite": SqliteSink,
    "parquet": ParquetSink,
}


def read_rows(path: Path) -> list[dict[str, Any]]:
    """Return all rows by column name."""
    match path.suffix:
        case ".csv":
            with path.open(newline="") as file:
                return list(csv.DictReader(file))
        case ".jsonl":
            return [json.loads(line) for line in path.read_text().splitlines()]
        case ".sqlite":
            connection = sqlite3.connect(path)
            try:
                assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
                connection.row_factory = sqlite3.Row
                return [dict(row) for row in connection.execute("SELECT * FROM samples")]
            finally:
                connection.close()
        case _:
            rows: list[dict[str, Any]] = pq.read_table(path).to_pylist()
            return rows
