"""Traffic is written short and comes back bit by bit."""

import json

import numpy as np
import pytest
from hypothesis import given

from bedrock_autoscaler.adapters.storage.codec import decode_inputs, encode_inputs
from bedrock_autoscaler.adapters.storage.stored_traffic import traffic_from_plain, traffic_to_plain
from bedrock_autoscaler.application.errors import ObservationError
from bedrock_autoscaler.domain.traffic.observation import Traffic
from tests.builders import NOW, build_observation, build_situation, build_traffic
from tests.unit.adapters.storage.traffics import bits, traffics


@given(traffics())
def test_traffic_comes_back_bit_by_bit(traffic: Traffic) -> None:
    text = json.dumps(traffic_to_plain(traffic), allow_nan=False)

    again = traffic_from_plain(json.loads(text))

    assert again.start == traffic.start
    assert bits(again) == bits(traffic)


def test_traffic_is_written_short() -> None:
    invocations = np.array([60.0, np.nan, 0.1, 1e300])
    traffic = build_traffic(
        4, end=NOW, invocations=invocations, input_tokens=np.array([0.0, np.nan, 0.0, 0.0])
    )

    stored = traffic_to_plain(traffic)

    assert stored["start"] == "2026-11-20T11:56:00Z"
    assert stored["minutes"] == 4
    assert json.dumps(stored["invocations"]) == "[60, null, 0.1, 1e+300]"
    # A gap is a gap in all nine series, so no series is all zeros here.
    assert stored["input_tokens"] == [0.0, None, 0.0, 0.0]


def test_a_series_of_zeros_is_left_out() -> None:
    stored = traffic_to_plain(build_traffic(1000, end=NOW))

    assert set(stored) == {"start", "minutes", "invocations", "input_tokens", "output_tokens"}


def test_infinite_traffic_is_refused() -> None:
    with pytest.raises(ValueError, match="infinite"):
        traffic_to_plain(build_traffic(2, invocations=np.array([1.0, np.inf])))


@pytest.mark.parametrize(
    "spoiled",
    [
        {"minutes": 3},
        {"invocations": [1.0]},
        {"invocations": "many"},
        {"prompts": [1.0, 2.0]},
        {"start": "yesterday"},
        {"start": None},
        [1.0, 2.0],
    ],
)
def test_spoiled_traffic_is_refused(spoiled: dict[str, object] | list[float]) -> None:
    situation = build_situation(observation=build_observation(traffic=build_traffic(2)))
    document = json.loads(encode_inputs(situation, None))
    stored = document["observation"]["traffic"]
    document["observation"]["traffic"] = stored | spoiled if isinstance(spoiled, dict) else spoiled

    with pytest.raises(ObservationError, match=r"decision x cannot be read: observation\.traffic"):
        decode_inputs(json.dumps(document).encode(), situation.target, "decision x")
