"""The unit rate of a decision in one line."""

from dataclasses import replace

import pytest

from bedrock_autoscaler.domain.target import RateCombination
from bedrock_autoscaler.domain.unit_rates.rates import RateBasis, RateInUse, RateKind
from bedrock_autoscaler.report.rates import rate_line
from tests.builders import UNIT_RATE, build_rate_measurement

BOUND = build_rate_measurement(kind=RateKind.LOWER_BOUND, low=1.0, high=None)
EMBEDDING = replace(UNIT_RATE, output_tokens_per_minute=None)
SUM = replace(UNIT_RATE, combination=RateCombination.SUM)


@pytest.mark.parametrize(
    ("use", "line"),
    [
        (
            RateInUse(basis=RateBasis.UNKNOWN, rate=None, measurement=None),
            "unit rate: unknown; own units: nothing yet",
        ),
        (
            RateInUse(basis=RateBasis.STATED, rate=UNIT_RATE, measurement=BOUND),
            (
                "unit rate: stated, 1,000,000 input and 300,000 output tokens a minute (test); own "
                "units: at least 1,000,000 input and 300,000 output tokens a minute"
            ),
        ),
        (
            RateInUse(
                basis=RateBasis.MEASURED, rate=SUM, measurement=build_rate_measurement(rate=SUM)
            ),
            (
                "unit rate: measured, 1,000,000 input or 300,000 output tokens a minute (test); "
                "own units: 1,000,000 input or 300,000 output tokens a minute, -5.0% to +5.0%, "
                "proportions stated"
            ),
        ),
        (
            RateInUse(basis=RateBasis.STATED, rate=EMBEDDING, measurement=None),
            "unit rate: stated, 1,000,000 input tokens a minute (test); own units: nothing yet",
        ),
    ],
    ids=["unknown", "bound", "measured sum", "embedding"],
)
def test_says_whose_rate_it_is_and_what_own_units_showed(use: RateInUse, line: str) -> None:
    assert rate_line(use) == line
