"""Push meets pull: a hardware callback puts, consumers iterate, each at its own pace.

Every app has a Stream; the demand streams are imported with the first use of one of their names.
"""

import importlib
from typing import TYPE_CHECKING

from .stream import BackpressurePolicy, Stream, StreamFullError

if TYPE_CHECKING:
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
    from .system import StreamContext, StreamRef, StreamSystem

__all__ = [
    "BackpressurePolicy",
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

_MODULES = ("consumer", "ends", "fanout", "messages", "producer", "refs", "system")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    modules = (importlib.import_module(f".{module}", __name__) for module in _MODULES)
    return next(getattr(module, name) for module in modules if hasattr(module, name))
