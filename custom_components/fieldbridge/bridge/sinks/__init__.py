"""Where recordings go: files that a crash leaves readable, written without touching the event loop."""

from .file_sinks import SINKS, CsvSink, FileSink, JsonlSink, ParquetSink, SqliteSink
from .files import PART, unique_path
from .pipe import pipe
from .recovery import Recovered, recover
from .sink import (
    BatchSink,
    InMemorySink,
    SampleSink,
    SinkDependencyError,
    SinkError,
    SinkExistsError,
    SinkWriteError,
)

__all__ = [
    "PART",
    "SINKS",
    "BatchSink",
    "CsvSink",
    "FileSink",
    "InMemorySink",
    "JsonlSink",
    "ParquetSink",
    "Recovered",
    "SampleSink",
    "SinkDependencyError",
    "SinkError",
    "SinkExistsError",
    "SinkWriteError",
    "SqliteSink",
    "pipe",
    "recover",
    "unique_path",
]
