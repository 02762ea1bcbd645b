"""The documented names of demand streams, recorders and sinks, with the documented arguments and defaults."""

from collections.abc import Callable
from dataclasses import fields
import inspect
from typing import Any

import pytest

from custom_components.fieldbridge.bridge import acquisition, sinks, streams

REQUIRED = inspect.Parameter.empty

SIGNATURES: list[tuple[Callable[..., Any], dict[str, Any]]] = [
    (streams.stream_producer, {"buffer_size": 0}),
    (streams.stream_consumer, {"producer": REQUIRED, "timeout": 30.0, "initial_demand": 16}),
    (streams.SinkRef, {"queue": REQUIRED, "producer": REQUIRED, "closed": REQUIRED}),
    (streams.SourceRef, {"queue": REQUIRED, "cancel": REQUIRED, "timeout": REQUIRED, "request_demand": REQUIRED}),
    (streams.SinkRef.put, {"self": REQUIRED, "element": REQUIRED}),
    (streams.SinkRef.complete, {"self": REQUIRED}),
    (streams.GetSink, {"reply_to": REQUIRED}),
    (streams.GetSource, {"reply_to": REQUIRED}),
    (streams.StreamSubscribe, {"consumer": REQUIRED, "demand": 0}),
    (streams.StreamDemand, {"n": REQUIRED}),
    (streams.StreamElement, {"element": REQUIRED}),
    (streams.Push, {"element": REQUIRED}),
    (
        acquisition.record,
        {
            "source": REQUIRED,
            "rate_hz": REQUIRED,
            "parameters": None,
            "instances": (1,),
            "names": None,
            "timeout": None,
            "duration": None,
            "overflow": acquisition.OverflowPolicy.BLOCK,
            "buffer_size": 64,
            "auto_reconnect": False,
            "reconnect_factory": None,
        },
    ),
    (
        acquisition.StreamingSession,
        {"receiver": REQUIRED, "mode": REQUIRED, "on_close": None, "producer": None},
    ),
    (sinks.pipe, {"stream": REQUIRED, "sink": REQUIRED, "batch_size": 64, "flush_interval": 1.0}),
]


@pytest.mark.parametrize(("named", "documented"), SIGNATURES, ids=[named.__qualname__ for named, _ in SIGNATURES])
def test_everything_takes_its_documented_arguments(named: Callable[..., Any], documented: dict[str, Any]) -> None:
    parameters = inspect.signature(named).parameters

    assert {name: parameters[name].default for name in documented} == documented
    beyond = [parameter for name, parameter in parameters.items() if name not in documented]
    assert all(parameter.default is not REQUIRED for parameter in beyond)


@pytest.mark.parametrize("named", [streams.stream_producer, streams.stream_consumer, acquisition.record, sinks.pipe])
def test_what_is_optional_is_given_by_name(named: Callable[..., Any]) -> None:
    optional = [each for each in inspect.signature(named).parameters.values() if each.default is not REQUIRED]

    assert optional
    assert {each.kind for each in optional} == {inspect.Parameter.KEYWORD_ONLY}


def test_messages_without_arguments_need_none() -> None:
    assert streams.StreamCancel() == streams.StreamCancel()
    assert streams.CompleteStream() == streams.CompleteStream()
    assert streams.StreamCompleted() == streams.StreamCompleted()
    assert streams.InputReady() == streams.InputReady()
    assert streams.Subscribe is streams.StreamSubscribe


def test_the_unions_hold_every_documented_message() -> None:
    assert set(map(_name, streams.StreamProducerMsg.__value__.__args__)) >= {
        "Push",
        "CompleteStream",
        "StreamSubscribe",
        "StreamDemand",
        "StreamCancel",
        "GetSink",
        "InputReady",
    }
    assert set(map(_name, streams.StreamConsumerMsg.__value__.__args__)) >= {
        "GetSource",
        "StreamDemand",
        "StreamCancel",
        "StreamElement",
        "StreamCompleted",
    }


def _name(message: Any) -> str:
    name: str = getattr(message, "__origin__", message).__name__
    return name


def test_a_sample_has_the_fields_of_both_references() -> None:
    first = "device address protocol parameter parameter_id instance value unit monotonic_ns requested_at received_at"
    second = "channel reading metadata error"
    known = {each.name for each in fields(acquisition.Sample)}

    assert {*first.split(), "midpoint_at", "latency_s", "raw", *second.split()} <= known
    sample = acquisition.Sample("device", monotonic_ns=5)
    assert (sample.t_mono_ns, sample.t_utc) == (5, None)


def test_a_summary_has_the_fields_of_both_references() -> None:
    summary = acquisition.AcquisitionSummary(samples_emitted=3, samples_late=1, max_drift_ms=0.5, disconnects=2)

    assert (summary.samples_emitted, summary.samples_late) == (3, 1)
    assert (summary.max_drift_ms, summary.disconnects) == (0.5, 2)
    assert (summary.started_at, summary.finished_at) == (None, None)
    assert (summary.tick_duration_ms_p50, summary.tick_duration_ms_p99) == (0.0, 0.0)


def test_choices_have_their_documented_words() -> None:
    assert {policy.value for policy in acquisition.OverflowPolicy} >= {"block", "drop_newest", "drop_oldest", "latest"}
    assert {mode.name for mode in acquisition.StreamMode} == {"AUTOPRINT", "POLL"}
    assert {sink.__name__ for sink in sinks.SINKS.values()} == {"CsvSink", "JsonlSink", "SqliteSink", "ParquetSink"}
    for module, names in (
        (streams, "SinkRef SourceRef StreamSystem StreamProducerMsg StreamConsumerMsg"),
        (acquisition, "PollSource Recording ProtocolKind OverflowPolicy AcquisitionSummary"),
        (sinks, "SampleSink InMemorySink pipe"),
    ):
        assert set(names.split()) <= set(module.__all__)
