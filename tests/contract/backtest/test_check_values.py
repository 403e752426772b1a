"""Our replay, target tracking and clairvoyant against the benchmark's published values."""

import pytest

from bedrock_autoscaler.backtest.trace import read_trace
from benchmarks.check_values import EXPECTED, TRACES, computed


@pytest.mark.skipif(not TRACES.is_dir(), reason="the folder ../shared/traces is not there")
@pytest.mark.parametrize(("trace_name", "scenario_name"), EXPECTED)
def test_agrees_with_the_published_values_to_the_cent(trace_name: str, scenario_name: str) -> None:
    trace = read_trace(TRACES / f"{trace_name}.csv.gz")

    values = computed(trace, scenario_name)

    assert values == EXPECTED[trace_name, scenario_name]
