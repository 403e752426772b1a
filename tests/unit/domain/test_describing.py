from dataclasses import replace
from math import isfinite

import pytest

from bedrock_autoscaler.domain.decide import decide
from bedrock_autoscaler.domain.decision import Alternative, Situation
from bedrock_autoscaler.domain.describing import expected_saving, remarks
from bedrock_autoscaler.domain.fleet.holdings import Ownership
from bedrock_autoscaler.domain.reason import ReasonCode
from bedrock_autoscaler.domain.target import Mode
from tests.builders import (
    build_fleet,
    build_observation,
    build_provisioned,
    build_pt,
    build_situation,
    build_target,
)
from tests.unit.domain.worlds import half_price_target, units_traffic

NAN = float("nan")


def alternative(units: int, usd: float) -> Alternative:
    return Alternative(
        units=units,
        units_usd=0.0,
        overflow_usd=usd,
        throttle_usd=0.0,
        total_usd=usd,
        utilization=0.0,
    )


TABLE = (alternative(0, 50.0), alternative(1, 40.0))


def test_the_saving_is_the_difference_of_two_alternatives_by_the_hour() -> None:
    assert expected_saving(TABLE, 60, held=0, after=1) == 10.0
    assert expected_saving(TABLE, 30, held=0, after=1) == 20.0
    assert expected_saving(TABLE, 60, held=1, after=0) == -10.0


@pytest.mark.parametrize(("held", "after"), [(1, 1), (0, 2), (3, 1)])
def test_without_a_change_or_a_figure_no_saving_is_claimed(held: int, after: int) -> None:
    assert expected_saving(TABLE, 60, held=held, after=after) == 0.0


def test_a_reader_is_told_what_stands_beside_the_decision() -> None:
    foreign = build_pt(1, model_units=3, ownership=Ownership.UNMANAGED, decision_id=None)
    situation = build_situation(
        target=build_target(mode=Mode.ADVISE, uses_mantle=True), fleet=build_fleet(foreign)
    )

    found = remarks(situation)

    assert [reason.code for reason in found] == [
        ReasonCode.ADVISE_MODE,
        ReasonCode.UNMANAGED_PT,
        ReasonCode.MANTLE_UNSEEN,
    ]
    assert "not ours: 1 provisioned throughput of 3 units" in found[1].message
    assert remarks(build_situation()) == ()


def test_a_decision_carries_what_it_rests_on() -> None:
    # 45 hours at 1 unit, then three hours at 2.
    traffic = units_traffic((2700, 1.0), (180, 2.0))
    situation = build_situation(
        target=half_price_target(), observation=build_observation(traffic=traffic)
    )

    numbers = dict(decide(situation).numbers)

    assert numbers["known_minutes"] == 2880
    assert numbers["demand_last_hour_units"] == pytest.approx(2.0)
    # 1,260 minutes at 1 and 180 at 2.
    assert numbers["demand_last_day_units"] == pytest.approx(1.125)
    assert numbers["break_even_utilization"] == pytest.approx(0.5)
    # What is trusted before anything is learned: 0.4 of it windows of up to half an hour.
    assert numbers["weight_last_hour"] == 0.2
    assert numbers["use_of_unit_1"] == pytest.approx(1.0)
    assert numbers["worth_of_unit_1_usd_per_hour"] == pytest.approx(69.30)
    # Of the second unit 0.4 + 0.2 + 0.1 of the trust say that it is full, six hours (0.5) have
    # none, the day says 1/8 with 0.05, the history 1/16 with 0.03; earlier days say none.
    assert numbers["use_of_unit_2"] == pytest.approx(0.7 + 0.05 / 8 + 0.03 / 16)
    assert numbers["trust_that_unit_2_pays"] == pytest.approx(0.7)
    assert numbers["keeping_unit_2_usd_per_hour"] == pytest.approx(numbers["use_of_unit_2"] * 69.30)
    assert numbers["first_unit_is_bought_from_usd_per_hour"] == pytest.approx(1.15 * 34.65)
    assert numbers["units_are_bought_from_usd_per_hour"] == pytest.approx(1.15 * 34.65)
    assert numbers["units_are_kept_from_usd_per_hour"] == pytest.approx(0.95 * 34.65)


@pytest.mark.parametrize(
    "situation",
    [
        build_situation(observation=build_observation(traffic=units_traffic((120, NAN)))),
        build_situation(observation=build_observation(traffic=units_traffic((0, 0.0)))),
        build_situation(observation=build_observation(traffic=units_traffic((2880, 0.0)))),
        build_situation(target=build_target(provisioned=build_provisioned(price=None))),
        build_situation(target=build_target(options=())),
        build_situation(
            target=build_target(
                options=(),
                slo=replace(build_target().slo, throttle_cost_factor=0.0),
            )
        ),
    ],
)
def test_every_number_is_finite(situation: Situation) -> None:
    decision = decide(situation)

    assert all(isfinite(value) for _, value in decision.numbers)
    assert isfinite(decision.expected_saving_usd_per_hour)
