"""Refusals of input, and their way out of a worker process."""

import pickle

import pytest

from bedrock_autoscaler.backtest.errors import InputError, ScenarioError, TraceError


@pytest.mark.parametrize("kind", [InputError, TraceError, ScenarioError])
def test_a_refusal_crosses_processes_as_it_was_raised(kind: type[InputError]) -> None:
    refusal = kind("week.csv", 7, "tokens are negative,\n  0 or more are allowed")

    crossed = pickle.loads(pickle.dumps(refusal))  # noqa: S301 - made right here

    assert type(crossed) is kind
    assert str(crossed) == "week.csv: line 7: tokens are negative, 0 or more are allowed"
    assert (crossed.path, crossed.line, crossed.reason) == (
        "week.csv",
        7,
        "tokens are negative, 0 or more are allowed",
    )
