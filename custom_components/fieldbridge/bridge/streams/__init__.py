"""Push meets pull: a hardware callback puts, consumers iterate, each at its own pace."""

from .consumer import ConsumerRef, stream_consumer
from .ends import EndReason, OverflowPolicy, StreamEnd
from .fanout import Fanout, Subscription
from .messages import (
    CompleteStream,
    GetSink,
    GetSource,
    InputReady,
    Push,
    StreamCancel,
    StreamChunk,
    StreamCompleted,
    StreamConsumerMsg,
    StreamDemand,
    StreamElement,
    StreamProducerMsg,
    StreamSubscribe,
    Subscribe,
)
from .producer import ProducerRef, stream_producer
from .refs import SinkRef, SourceRef
from .stream import Backpressure, Stream, StreamFullError
from .system import StreamContext, StreamRef, StreamSystem

__all__ = [
    "Backpressure",
    "CompleteStream",
    "ConsumerRef",
    "EndReason",
    "Fanout",
    "GetSink",
    "GetSource",
    "InputReady",
    "OverflowPolicy",
    "ProducerRef",
    "Push",
    "SinkRef",
    "SourceRef",
    "Stream",
    "StreamCancel",
    "StreamChunk",
    "StreamCompleted",
    "StreamConsumerMsg",
    "StreamContext",
    "StreamDemand",
    "StreamElement",
    "StreamEnd",
    "StreamFullError",
    "StreamProducerMsg",
    "StreamRef",
    "StreamSubscribe",
    "StreamSystem",
    "Subscribe",
    "Subscription",
    "stream_consumer",
    "stream_producer",
]
