"""What goes over MQTT is JSON that means what was said."""

from datetime import UTC, datetime
from decimal import Decimal
import math
from pathlib import PurePosixPath

import numpy as np
import pytest

from custom_components.fieldbridge.bridge.payloads import to_json


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ({"a": 1.5, "b": [True, None], "ä": "°C"}, '{"a":1.5,"b":[true,null],"ä":"°C"}'),
        ({"mean": math.nan, "top": math.inf}, '{"mean":null,"top":null}'),
        ({30001: np.float64(0.5)}, '{"30001":0.5}'),
        ({"at": datetime(2026, 11, 21, tzinfo=UTC)}, '{"at":"2026-11-21T00:00:00+00:00"}'),
        ({"path": PurePosixPath("/dev/x"), "price": Decimal("1.10")}, '{"path":"/dev/x","price":"1.10"}'),
    ],
)
def test_values_are_written_compactly_and_what_json_does_not_know_as_its_text(value: object, written: str) -> None:
    assert to_json(value) == written


async def forgotten() -> float:
    return 21.5


@pytest.mark.parametrize("value", [object(), len, lambda: 1, {1, 2}])
def test_what_has_no_text_of_its_own_is_refused_by_its_type(value: object) -> None:
    with pytest.raises(TypeError) as raised:
        to_json({"it": value})
    assert str(raised.value.__cause__) == f"{type(value).__name__} has no form in JSON"


def test_a_call_that_nobody_awaited_is_no_value() -> None:
    call = forgotten()
    with pytest.raises(TypeError):
        to_json({"celsius": call})
    call.close()
