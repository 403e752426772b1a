"""Hours of minute history as bytes and back."""

import json
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from bedrock_autoscaler.adapters.storage.blocks import assemble, pack, unpack
from bedrock_autoscaler.adapters.storage.hours import cut_hour, is_blank, patched, whole_hours
from bedrock_autoscaler.application.errors import ObservationError
from bedrock_autoscaler.domain.traffic.observation import METRICS
from bedrock_autoscaler.domain.units import HOUR, MINUTE
from tests.builders import MODEL, NOW, build_traffic, pt_arn
from tests.comparing import plain

SHAPE = (len(METRICS), 60)


def rows(value: float) -> NDArray[np.float64]:
    return np.full(SHAPE, value)


@given(st.lists(st.floats(), min_size=1, max_size=20), st.text(min_size=1))
def test_an_hour_comes_back_equal(values: list[float], name: str) -> None:
    stored = {name: np.resize(np.array(values), SHAPE), MODEL: rows(0.1)}

    again = unpack(pack(stored), "hour")

    assert set(again) == {name, MODEL}
    assert np.array_equal(again[MODEL], rows(0.1))
    if name != MODEL:
        assert np.array_equal(again[name], stored[name], equal_nan=True)


def test_equal_values_are_equal_bytes() -> None:
    # The sign of a NaN and of a zero says nothing, but shows in the bytes.
    one = {"a": rows(0.0), "b": rows(np.nan)}
    other = {"b": -rows(np.nan), "a": -rows(0.0)}

    assert pack(one) == pack(other)
    assert pack(one) != pack({"a": rows(1.0), "b": rows(np.nan)})


def test_a_busy_hour_is_small() -> None:
    generator = np.random.default_rng(7)
    values = {
        f"model-{index}": generator.integers(0, 1_000_000, SHAPE).astype(float)
        for index in range(3)
    }

    # Three random bytes of eight cannot be compressed away: 3 * 540 * 3 is 4,860 bytes.
    assert len(pack(values)) < 8_000


def test_a_metric_that_an_old_hour_lacks_is_zero_and_an_unknown_one_is_ignored() -> None:
    stored = np.stack([np.full(60, 5.0), np.full(60, 6.0)])
    stored[1, 30] = np.nan
    header = json.dumps({"model_ids": [MODEL], "metrics": ["temperature", "throttles"]})
    content = zlib.compress(header.encode() + b"\n" + stored.astype("<f8").tobytes())

    found = unpack(content, "hour")[MODEL]

    by_name = dict(zip(METRICS, found, strict=True))
    assert plain(by_name["throttles"]) == (*[6.0] * 30, None, *[6.0] * 29)
    assert plain(by_name["invocations"]) == (*[0.0] * 30, None, *[0.0] * 29)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no zlib",
        zlib.compress(b"no line"),
        zlib.compress(b"no json\n"),
        zlib.compress(b'{"model_ids": ["a"]}\n'),
        zlib.compress(b'{"model_ids": ["a"], "metrics": ["throttles"]}\nshort'),
    ],
)
def test_damaged_content_is_refused(content: bytes) -> None:
    with pytest.raises(ObservationError, match="hour 9 is damaged"):
        unpack(content, "hour 9")


def test_what_was_known_fills_gaps_and_missing_model_ids() -> None:
    known = {"a": rows(1.0), "b": rows(2.0)}
    fresh = {"a": rows(np.nan), "c": rows(3.0)}
    fresh["a"][:, 10] = 9.0

    merged = patched(known, fresh)

    assert plain(merged["a"][0]) == (*[1.0] * 10, 9.0, *[1.0] * 49)
    assert np.array_equal(merged["b"], rows(2.0))
    assert np.array_equal(merged["c"], rows(3.0))
    assert not is_blank(merged)
    assert is_blank({"a": rows(np.nan)})


def test_whole_hours_are_those_that_all_cover() -> None:
    long = build_traffic(300, end=NOW)
    short = build_traffic(100, end=NOW - MINUTE)

    assert whole_hours({MODEL: long}) == [NOW - index * HOUR for index in (5, 4, 3, 2, 1)]
    # 10:19 to 11:59 holds no whole hour but 11:00, which lacks its last minute.
    assert whole_hours({MODEL: long, pt_arn(1): short}) == []
    assert whole_hours({}) == []


def test_hours_are_cut_and_assembled_to_the_same_minutes() -> None:
    traffic = build_traffic(150, end=NOW, invocations=np.arange(150.0))
    hours = [
        (hour, pack(cut_hour({MODEL: traffic}, hour))) for hour in whole_hours({MODEL: traffic})
    ]

    assembly = assemble(hours, NOW - 110 * MINUTE, NOW - 20 * MINUTE, "history")

    assert plain(assembly.total.invocations) == tuple(range(40, 130))
    assert plain(assembly.traffic[MODEL]) == plain(assembly.total)
