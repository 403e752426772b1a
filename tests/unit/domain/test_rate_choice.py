"""Which unit rate is used, and what is said of it."""

import pytest

from bedrock_autoscaler.domain.decide import decide
from bedrock_autoscaler.domain.decision import Situation
from bedrock_autoscaler.domain.reason import ReasonCode
from bedrock_autoscaler.domain.target import RateSource, UnitRate
from bedrock_autoscaler.domain.unit_rates.rate_choice import rate_in_use, rate_reasons, with_rate
from bedrock_autoscaler.domain.unit_rates.rates import (
    Proportions,
    RateBasis,
    RateInUse,
    RateKind,
    RateMeasurement,
    scaled,
)
from tests.builders import (
    UNIT_RATE,
    build_observation,
    build_provisioned,
    build_rate_measurement,
    build_situation,
    build_target,
)

HALF = build_rate_measurement(rate=scaled(UNIT_RATE, 0.5), low=0.9, high=1.1)


def situation(
    measurement: RateMeasurement | None,
    *,
    stated: UnitRate | None = UNIT_RATE,
    source: RateSource = RateSource.MEASURED,
) -> Situation:
    provisioned = build_provisioned(unit_rate=stated, unit_rate_from=source)
    return build_situation(
        target=build_target(provisioned=provisioned),
        observation=build_observation(unit_rate=measurement),
    )


def in_use(given: Situation) -> RateInUse:
    return rate_in_use(given.target.provisioned, given.observation.unit_rate)


def test_a_measured_rate_is_used_at_its_lower_end() -> None:
    use = in_use(situation(HALF))

    assert use.basis is RateBasis.MEASURED
    assert use.rate is not None
    # 1,000,000 x 0.5 x 0.9 and 300,000 x 0.5 x 0.9.
    assert use.rate.input_tokens_per_minute == pytest.approx(450_000)
    assert use.rate.output_tokens_per_minute == pytest.approx(135_000)


def test_a_measured_rate_is_not_used_unasked() -> None:
    use = in_use(situation(HALF, source=RateSource.STATED))

    assert use.basis is RateBasis.STATED
    assert use.rate == UNIT_RATE
    assert use.measurement is HALF


def test_without_a_stated_rate_an_unasked_measurement_leaves_it_unknown() -> None:
    use = in_use(situation(HALF, stated=None, source=RateSource.STATED))

    assert use.basis is RateBasis.UNKNOWN
    assert use.rate is None


@pytest.mark.parametrize("stated", [UNIT_RATE, None])
def test_a_lower_bound_is_no_rate(stated: UnitRate | None) -> None:
    bound = build_rate_measurement(kind=RateKind.LOWER_BOUND, low=1.0, high=None)

    use = in_use(situation(bound, stated=stated))

    assert use.rate == stated
    assert use.basis is (RateBasis.UNKNOWN if stated is None else RateBasis.STATED)


def test_the_measurement_of_another_model_is_none() -> None:
    use = in_use(situation(build_rate_measurement(model_id="another")))

    assert use.basis is RateBasis.STATED
    assert use.measurement is None


def test_a_target_that_may_hold_no_units_has_no_rate() -> None:
    bare = build_situation(target=build_target(provisioned=None))

    use = in_use(bare)

    assert use.basis is RateBasis.UNKNOWN
    assert with_rate(bare.target, use) is bare.target
    assert rate_reasons(bare, use) == ()


@pytest.mark.parametrize(
    ("measurement", "expected"),
    [
        (HALF, [ReasonCode.UNIT_RATE_DIFFERS]),
        (build_rate_measurement(), []),
        (build_rate_measurement(rate=scaled(UNIT_RATE, 2.0)), [ReasonCode.UNIT_RATE_DIFFERS]),
        # What was measured without the stated proportions cannot be held against them.
        (build_rate_measurement(rate=HALF.rate, proportions=Proportions.MEASURED), []),
        (None, []),
    ],
)
def test_a_stated_rate_outside_of_the_interval_is_contradicted(
    measurement: RateMeasurement | None, expected: list[ReasonCode]
) -> None:
    stated = situation(measurement, source=RateSource.STATED)

    assert [reason.code for reason in rate_reasons(stated, in_use(stated))] == expected


def test_the_decision_says_which_rate_it_used() -> None:
    decision = decide(situation(HALF))

    assert decision.unit_rate is not None
    assert decision.unit_rate.basis is RateBasis.MEASURED
    assert decision.unit_rate.measurement == HALF
    assert ReasonCode.UNIT_RATE_MEASURED in [reason.code for reason in decision.reasons]
