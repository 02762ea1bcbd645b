"""Lists of filters that people have already: pasted from ESPHome, or from Home Assistant's filter platform."""

import math
from typing import Any

import pytest

from custom_components.fieldbridge.bridge.errors import ProfileError
from custom_components.fieldbridge.bridge.filters import chain_from_list, from_home_assistant, from_pasted
from custom_components.fieldbridge.bridge.filters.esphome import CONVERTERS

# All of ESPHome's sensor filters, written as in its documentation (esphome.io/components/sensor).
EVERYTHING = """
    filters:
      - offset: 2.0
      - multiply: 1.2
      - filter_out: 85.0
      - quantile:
          window_size: 7
          send_every: 4
          send_first_at: 3
          quantile: .9
      - median:
          window_size: 7
          send_every: 4
      - min:
          window_size: 7
      - max:
      - skip_initial: 3
      - sliding_window_moving_average:
          window_size: 15
          send_every: 15
      - exponential_moving_average:
          alpha: 0.1
          send_every: 15
      - throttle_average: 60s
      - delta: 5.0
      - or:
          - throttle: 1s
          - delta: 5%
      - throttle: 1s
      - throttle_with_priority: 1s
      - heartbeat: 5s
      - timeout: 10s
      - debounce: 0.1s
      - calibrate_linear:
          method: least_squares
          datapoints:
            - 0.0 -> 0.0
            - 7.0 -> 10.0
      - calibrate_polynomial:
          degree: 2
          datapoints:
            - 0.0 -> 0.0
            - 10.0 -> 12.1
            - 13.0 -> 14.0
      - clamp:
          min_value: 10
          max_value: 75
      - round: 1
      - round_to_multiple_of: 0.25
      - round_to_significant_digits: 2
      - to_ntc_resistance:
          calibration:
            - 10.0kOhm -> 25°C
            - 27.219kOhm -> 0°C
            - 14.674kOhm -> 15°C
      - to_ntc_temperature:
          calibration:
            b_constant: 3950
            reference_temperature: 25°C
            reference_resistance: 10kOhm
"""


def ours(text: str) -> list[dict[str, Any]]:
    return from_pasted(text)


def run(text: str, samples: list[float]) -> list[float]:
    chain = chain_from_list(from_pasted(text))
    return [out for raw in samples if (out := chain.update(raw)) is not None]


def test_every_filter_of_esphome_but_the_lambda_is_understood() -> None:
    chain = chain_from_list(ours(EVERYTHING))

    assert set(CONVERTERS) | {"or", "lambda"} == {
        *("offset multiply filter_out quantile median min max skip_initial sliding_window_moving_average").split(),
        *("exponential_moving_average throttle_average lambda delta or throttle throttle_with_priority").split(),
        *("heartbeat timeout debounce calibrate_linear calibrate_polynomial clamp round").split(),
        *("round_to_multiple_of round_to_significant_digits to_ntc_resistance to_ntc_temperature").split(),
    }
    assert all(name in EVERYTHING for name in CONVERTERS)
    assert chain_from_list(chain.to_list()).to_list() == chain.to_list()


@pytest.mark.parametrize("text", ["- offset: 1\n- round: 2", "filters:\n  - offset: 1\n  - round: 2"])
def test_a_list_is_taken_with_and_without_its_heading(text: str) -> None:
    assert ours(text) == [{"kind": "offset", "amount": 1.0}, {"kind": "round", "decimals": 2}]


def test_a_whole_sensor_is_taken_for_its_filters() -> None:
    text = """
      sensor:
        - platform: adc
          pin: !secret adc_pin
          filters: &tame
            - offset: 1
          on_value:
            then:
              - lambda: !lambda return;
    """

    assert ours(text) == [{"kind": "offset", "amount": 1.0}]
    assert ours("tame: &tame [offset: 1]\nfilters: *tame") == [{"kind": "offset", "amount": 1.0}]


def test_the_yaml_of_a_filter_helper_is_taken_as_well() -> None:
    text = """
      sensor:
        - platform: filter
          entity_id: sensor.power
          filters:
            - filter: time_throttle
              window_size: "00:02"
    """

    assert ours(text)[0] == {"kind": "throttle", "seconds": 120.0}


def test_windows_send_every_so_many_samples_with_esphomes_defaults() -> None:
    samples = [float(x) for x in range(1, 12)]

    assert run("- median", samples) == [1.0, 4.0, 9.0]
    assert run("- max: {window_size: 3, send_every: 3, send_first_at: 3}", samples) == [3.0, 6.0, 9.0]
    assert run("- quantile: {window_size: 4, send_every: 4, send_first_at: 4, quantile: 0.5}", samples) == [2.0, 6.0]
    assert run("- sliding_window_moving_average: {window_size: 2, send_every: 1}", [1.0, 2.0, 4.0]) == [1.0, 1.5, 3.0]
    assert run("- exponential_moving_average: {alpha: 0.5, send_every: 2}", [1.0, 2.0, 4.0]) == [1.0, 2.75]


def test_missing_values_do_not_count_in_windows_and_pass_through_gates() -> None:
    assert run("- median: {window_size: 3, send_every: 1}", [1.0, math.nan, 3.0]) == [1.0, 1.0, 2.0]
    assert math.isnan(run("- delta: 5", [1.0, math.nan])[1])
    assert run("- filter_out: [nan, 85]", [1.0, math.nan, 85.0, 2.0]) == [1.0, 2.0]


def test_delta_takes_a_value_a_share_or_limits() -> None:
    assert ours("- delta: 5%") == [{"kind": "dead_band", "missing": "pass", "percent": 5.0}]
    assert ours("- delta: {min_value: 0.5, max_value: 10%}") == [
        {"kind": "dead_band", "missing": "pass", "absolute": 0.5, "most_percent": 10.0}
    ]


def test_timeout_clamp_and_calibration_take_their_other_forms() -> None:
    assert ours("- timeout: {timeout: 1min, value: last}")[0]["last"] is True
    assert ours("- timeout: {timeout: 500ms, value: 0}") == [
        {"kind": "timeout", "seconds": 0.5, "missing": "pass", "substitute": 0.0}
    ]
    assert ours("- clamp: {max_value: 5, ignore_out_of_range: true}") == [{"kind": "range_reject", "high": 5.0}]
    assert ours("- calibrate_linear: {method: exact, datapoints: [{from: 0, to: 1}, 2 -> 3]}") == [
        {"kind": "piecewise", "points": [[0.0, 1.0], [2.0, 3.0]]}
    ]
    assert ours("- throttle_with_priority: {timeout: 2h, value: [1, 2]}") == [
        {"kind": "throttle", "seconds": 7200.0, "priority": [1.0, 2.0], "missing": "skip"}
    ]
    assert ours("- to_ntc_temperature: {calibration: {a: 1, b: 2, c: 3}}") == [
        {"kind": "ntc_temperature", "a": 1.0, "b": 2.0, "c": 3.0}
    ]


def test_thermistor_calibrations_take_every_unit() -> None:
    celsius, other = (
        ours(f"- to_ntc_temperature: {{calibration: {{b_constant: 3950, {reference}}}}}")
        for reference in (
            "reference_temperature: 25°C, reference_resistance: 10kOhm",
            "reference_temperature: 77 °F, reference_resistance: 0.01MΩ",
        )
    )

    assert other[0]["a"] == pytest.approx(celsius[0]["a"])


@pytest.mark.parametrize(
    ("text", "path", "message"),
    [
        ("- offset: 1\n- lambda: return x * 2;", "filters[1]", "a lambda is C++"),
        ("- offset: !lambda return 3;", "filters", "a lambda is C++"),
        ("- delta: {min_value: 1, baseline: return 3;}", "filters[0]", "a lambda is C++"),
        ("- offset: !secret x", "filters", "the tag !secret cannot be resolved here"),
        ("- or:\n    - nonsense: 3", "filters[0].or[0]", "unknown filter 'nonsense' of ESPHome"),
        ("- throttle: 5", "filters[0]", "not a time with a unit such as 500ms"),
        ("- throttle: true", "filters[0]", "not a time"),
        ("- heartbeat: {optimistic: true}", "filters[0]", "period is missing"),
        ("- median: {window: 3}", "filters[0]", "has no window; it has window_size"),
        ("- median: 3", "filters[0]", "must be a mapping"),
        ("- multiply: much", "filters[0]", "could not convert"),
        ("- multiply: [1]", "filters[0]", "not a number"),
        ("- clamp: {}", "filters[0]", "min_value or max_value"),
        ("- calibrate_linear: [1.0, 2.0]", "filters[0]", "must be of the form 1.5 -> 2.0"),
        ("- calibrate_linear: {method: best, datapoints: [0 -> 1, 1 -> 2]}", "filters[0]", "least_squares or exact"),
        ("- to_ntc_temperature: {calibration: [1kOhm -> 25°C]}", "filters[0]", "exactly three points"),
        ("- to_ntc_temperature: {calibration: [1k -> 1, 1k -> 2, 2k -> 3]}", "filters[0]", "three different"),
        ("- to_ntc_temperature: {calibration: [1km -> 1, 1k -> 2, 2k -> 3]}", "filters[0]", "not a resistance"),
        ("- to_ntc_temperature: {calibration: [1k -> 1X, 1k -> 2, 2k -> 3]}", "filters[0]", "not a temperature"),
        ("- {offset: 1, multiply: 2}", "filters[0]", "one filter name"),
        ("a: {filters: [median]}\nb: {filters: [median]}", "filters", "2 lists of filters"),
        ("[", "filters", "not YAML"),
        ("[" * 5000, "filters", "not YAML"),
        ("- multiply: 2026-13-01", "filters", "not YAML"),
        ("", "filters", "must be a list"),
    ],
)
def test_what_cannot_be_taken_is_named_with_its_place(text: str, path: str, message: str) -> None:
    with pytest.raises(ProfileError) as caught:
        from_pasted(text)

    assert caught.value.path == path
    assert message in str(caught.value)


def test_the_six_filters_of_home_assistant_are_understood() -> None:
    theirs = [
        {"filter": "outlier", "window_size": 4, "radius": 4.0},
        {"filter": "lowpass", "time_constant": 10, "precision": 3},
        {"filter": "range", "lower_bound": -5},
        {"filter": "throttle", "window_size": 3},
        {"filter": "time_throttle", "window_size": "00:01:30"},
        {"filter": "time_simple_moving_average", "window_size": {"minutes": 5}, "type": "last"},
    ]

    items = from_home_assistant(theirs)

    assert items[::2] == [
        {"kind": "hampel", "window": 4, "threshold": 0.0, "least": 4.0},
        {"kind": "exponential_average", "alpha": 0.1},
        {"kind": "clamp", "low": -5},
        {"kind": "every", "count": 3},
        {"kind": "throttle", "seconds": 90.0},
        {"kind": "time_mean", "seconds": 300.0},
    ]
    assert [item["decimals"] for item in items[1::2]] == [2, 3, 2, 2, 2, 2]
    assert len(chain_from_list(items).to_list()) == 12


@pytest.mark.parametrize(
    ("items", "message"),
    [
        ({}, "must be a list"),
        ([{"filter": "kalman"}], r"filters\[0\]: must have a filter out of lowpass"),
        ([{"filter": "time_throttle"}], r"filters\[0\]: time_throttle needs window_size"),
        ([{"filter": "lowpass", "time_constant": 0}], r"filters\[0\]: lowpass: division by zero"),
    ],
)
def test_what_cannot_be_taken_from_home_assistant_is_named(items: Any, message: str) -> None:
    with pytest.raises(ProfileError, match=message):
        from_home_assistant(items)
