"""Purchases that run short where throttling is dear: fewer of them, and larger ones."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from bedrock_autoscaler.domain.decide import decide
from bedrock_autoscaler.domain.decision import Situation
from bedrock_autoscaler.domain.economics.costs import Economics, Tier
from bedrock_autoscaler.domain.forecasting.use import curves_of, one_set
from bedrock_autoscaler.domain.reason import Reason, ReasonCode
from bedrock_autoscaler.domain.sizing.margins import Margins
from bedrock_autoscaler.domain.sizing.worth import wanted_units
from tests.builders import build_fleet, build_observation, build_situation
from tests.unit.domain.properties import quick
from tests.unit.domain.worlds import HALF, ON_DEMAND_USD, half_price_target, units_traffic

ALONE = replace(HALF, tiers=())
"""Units are the only way; a throttled unit costs 693 USD an hour, one that serves it 34.65."""
QUOTA = replace(
    HALF, tiers=(Tier(address="a", capacity_units=1.0, usd_per_unit_hour=ON_DEMAND_USD),)
)
UNITS = 12


def wanted(
    *minutes: float, held: int = 0, purchase: float, economics: Economics = ALONE
) -> tuple[int, tuple[Reason, ...]]:
    """Of these minutes, equally likely; what a purchase must be worth is in unit prices."""
    margins = Margins(first=1.15, grow=1.15, keep=0.95, purchase=purchase)
    rows = curves_of(one_set(np.array(minutes)), economics, UNITS)
    return wanted_units(rows.mixed(np.ones(1)), margins, economics, held)


def test_while_there_are_purchases_a_unit_that_pays_is_bought() -> None:
    # Worth 0.1 x 693 = 69.30, from 39.85 on.
    assert wanted(0.1, purchase=0.0) == (1, ())


def test_where_they_run_short_one_unit_that_just_pays_waits_and_the_decision_says_why() -> None:
    # Worth 69.30 and 10.40 more, which is 39.85 above 39.85; 69.30 are needed.
    units, (reason,) = wanted(0.1, purchase=2.0)

    assert units == 0
    assert reason.code is ReasonCode.PURCHASES_SHORT
    assert reason.message == (
        "purchases of the day run short: 1 further unit is worth 39.85 USD per hour more than it "
        "must be, 69.30 are needed for one more purchase"
    )
    assert dict(reason.numbers) == pytest.approx(
        {"units": 1.0, "surplus_usd_per_hour": 39.8475, "needed_usd_per_hour": 69.30}
    )


def test_several_units_are_together_worth_the_purchase() -> None:
    assert wanted(0.1, 3.1, purchase=4.0)[0] == 4


def test_units_join_that_would_not_be_bought_alone() -> None:
    # The second unit is worth 0.05 x 693 = 34.65 an hour: enough once 0.15 x 2 x 34.65 is added.
    minutes = (1.0,) * 19 + (2.0,)

    assert wanted(*minutes, purchase=0.0) == (1, ())
    assert wanted(*minutes, purchase=2.0) == (2, ())


def only_way(units: float, *, purchases: int) -> Situation:
    """Two days of this demand, which nothing but units serves, after so many purchases."""
    return build_situation(
        target=replace(half_price_target(), options=()),
        fleet=build_fleet(purchases_last_day=purchases),
        observation=build_observation(traffic=units_traffic((2880, units)), by_option=()),
    )


def test_a_decision_that_waits_does_not_call_its_size_right() -> None:
    decision = decide(only_way(0.2, purchases=3))

    (size,) = (
        reason.message for reason in decision.reasons if reason.code is ReasonCode.AT_DESIRED_SIZE
    )
    assert size == (
        "0 units held, for now: a further one avoids 69.30 USD per hour, costs 34.65 and is bought "
        "from 39.85, if nothing else holds it back"
    )


def test_a_purchase_with_units_that_join_says_what_they_are_for() -> None:
    # 1.08 units: the second one is worth 0.08 x 346.50 = 27.72 USD, less than its price of 34.65.
    decision = decide(only_way(1.08, purchases=5))

    assert decision.desired_units == 2
    (because,) = (
        reason.message for reason in decision.reasons if reason.code is ReasonCode.UNITS_PAY_OFF
    )
    assert because == (
        "units 1 to 2 each avoid at least 27.72 USD per hour and cost 34.65, the last of them for "
        "what may follow"
    )


def test_throttling_counts_at_most_twice() -> None:
    # 19.80 USD an hour is less than half of 39.85, however dear a purchase is.
    minutes = (9.0,) * 34 + (10.0,)

    assert wanted(*minutes, purchase=50.0) == (9, ())


def test_a_unit_that_pays_by_use_alone_needs_not_be_worth_a_purchase() -> None:
    # Up to 1 unit is served on demand at 69.30, so a unit used to 60 % is worth 41.58.
    assert wanted(0.6, purchase=50.0, economics=QUOTA) == (1, ())
    assert wanted(1.6, purchase=50.0, economics=QUOTA)[0] == 2


def test_where_all_can_be_called_on_demand_nothing_changes() -> None:
    for demand in (0.3, 0.6, 2.4, 5.9):
        assert wanted(demand, purchase=50.0, economics=HALF) == wanted(
            demand, purchase=0.0, economics=HALF
        )


@quick
@given(
    st.lists(st.tuples(st.floats(0, 8), st.floats(0, 3)), min_size=1, max_size=6),
    st.integers(0, 6),
    st.sampled_from([0.0, 0.1, 1.0, 5.0, 50.0]),
    st.sampled_from([ALONE, QUOTA, HALF]),
)
def test_more_demand_never_wants_fewer_units(
    demands: Sequence[tuple[float, float]], held: int, purchase: float, economics: Economics
) -> None:
    less, _ = wanted(
        *(demand for demand, _ in demands), held=held, purchase=purchase, economics=economics
    )
    more, _ = wanted(
        *(demand + added for demand, added in demands),
        held=held,
        purchase=purchase,
        economics=economics,
    )

    event(f"bought {less > held}, more of it {more > max(less, held)}")
    assert max(more, held) >= max(less, held)
