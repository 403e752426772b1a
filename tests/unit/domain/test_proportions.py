"""What an output token weighs, from minutes in which units were full."""

import numpy as np
import pytest

from bedrock_autoscaler.domain.target import RateCombination
from bedrock_autoscaler.domain.unit_rates.proportions import measured_proportions
from bedrock_autoscaler.domain.unit_rates.rates import Proportions

SHARES = np.linspace(0.2, 0.8, 200)


def test_without_a_token_there_is_nothing_to_measure() -> None:
    assert measured_proportions(np.zeros(100), np.zeros(100)) is None
    assert measured_proportions(np.zeros(100), np.ones(100)) is None


def test_few_minutes_tell_their_mix_alone() -> None:
    found = measured_proportions(np.full(79, 50_000.0), np.full(79, 4_000.0))

    # Half of a unit by input and half by output: such a minute fills it.
    assert found is not None
    rate, proportions = found
    assert proportions is Proportions.OBSERVED_MIX
    assert (rate.input_tokens_per_minute, rate.output_tokens_per_minute) == (100_000.0, 8_000.0)
    assert rate.combination is RateCombination.SUM


def test_one_limit_over_a_weighted_sum_is_recognised() -> None:
    # 100,000 = input + 5 x output.
    found = measured_proportions(100_000 * SHARES, 20_000 * (1 - SHARES))

    assert found is not None
    rate, proportions = found
    assert proportions is Proportions.MEASURED
    assert rate.combination is RateCombination.SUM
    assert rate.input_tokens_per_minute == pytest.approx(100_000)
    assert rate.output_tokens_per_minute == pytest.approx(20_000)


def test_two_limits_are_recognised() -> None:
    # Either input stands at 100,000 or output at 20,000, the other one below.
    inputs = np.where(SHARES > 0.5, 100_000.0, 200_000 * SHARES)
    outputs = np.where(SHARES > 0.5, 40_000 * (1 - SHARES), 20_000.0)

    found = measured_proportions(inputs, outputs)

    assert found is not None
    rate, proportions = found
    assert proportions is Proportions.MEASURED
    assert rate.combination is RateCombination.LARGER
    assert rate.input_tokens_per_minute == pytest.approx(100_000, rel=0.02)
    assert rate.output_tokens_per_minute == pytest.approx(20_000, rel=0.02)


def test_output_that_grows_with_input_has_no_weight_of_its_own() -> None:
    # More of both in some minutes fits no limit: a weight below 0 would be needed.
    chance = np.random.default_rng(1)
    inputs = 50_000 * (1 + 0.2 * chance.random(200))
    outputs = 4_000 * (inputs / 50_000) ** 3

    found = measured_proportions(inputs, outputs)

    assert found is not None
    assert found[0].output_tokens_per_minute is not None
    assert found[0].output_tokens_per_minute > 0
