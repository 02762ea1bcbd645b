"""Where recordings go: files that a crash leaves readable, written without touching the event loop."""

from .captures import CAPTURE, CaptureHeader, CaptureSink, read_frames, read_header
from .file_sinks import SINKS, CsvSink, FileSink, JsonlSink, ParquetSink, RecordedFile, SqliteSink
from .files import PART, unique_path
from .parquet_format import read_parquet
from .pipe import pipe
from .recovery import Recovered, recover
from .sink import (
    BatchSink,
    DiskFullError,
    InMemorySink,
    SampleSink,
    SinkDependencyError,
    SinkError,
    SinkExistsError,
    SinkWriteError,
)

__all__ = [
    "CAPTURE",
    "PART",
    "SINKS",
    "BatchSink",
    "CaptureHeader",
    "CaptureSink",
    "CsvSink",
    "DiskFullError",
    "FileSink",
    "InMemorySink",
    "JsonlSink",
    "ParquetSink",
    "RecordedFile",
    "Recovered",
    "SampleSink",
    "SinkDependencyError",
    "SinkError",
    "SinkExistsError",
    "SinkWriteError",
    "SqliteSink",
    "pipe",
    "read_frames",
    "read_header",
    "read_parquet",
    "recover",
    "unique_path",
]
