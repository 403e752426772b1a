"""Any traffic, and its exact floats."""

import numpy as np
from hypothesis import strategies as st

from bedrock_autoscaler.domain.traffic.observation import METRICS, Traffic
from bedrock_autoscaler.domain.units import MINUTE
from tests.builders import NOW

VALUES = st.floats(allow_infinity=False) | st.integers(0, 10**9).map(float)


@st.composite
def traffics(draw: st.DrawFn) -> Traffic:
    minutes = draw(st.integers(0, 6))
    start = NOW + MINUTE * draw(st.integers(-(10**6), 10**6))
    series = st.lists(VALUES, min_size=minutes, max_size=minutes)
    return Traffic(
        start=start, **{name: np.array(draw(series), dtype=np.float64) for name in METRICS}
    )


def bits(traffic: Traffic) -> dict[str, list[str | None]]:
    """The exact floats; `plain` takes -0.0 and 0.0 for equal."""
    return {
        name: [None if np.isnan(value) else value.hex() for value in getattr(traffic, name)]
        for name in METRICS
    }
