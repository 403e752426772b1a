"""What holds between a situation and the same with more demand, or with other units of measure."""

from dataclasses import replace
from decimal import Decimal

import numpy as np
from hypothesis import event, given
from hypothesis import strategies as st

from bedrock_autoscaler.domain.decide import decide
from bedrock_autoscaler.domain.decision import Situation
from bedrock_autoscaler.domain.sizing.balance import Balance
from bedrock_autoscaler.domain.traffic.observation import METRICS, Traffic
from tests.unit.domain.properties import quick, releases_of, subtle
from tests.unit.domain.strategies import BUSY_ENDS, IDLE_ENDS, PIECES, clear_situations, traffic_of

FACTORS = st.sampled_from([1.001, 1.5, 2.0, 10.0])


@st.composite
def increases(draw: st.DrawFn) -> list[tuple[float, int, float]]:
    """Where demand grows, as a share of the history, for how many minutes and how manifold."""
    spot = st.tuples(st.floats(0, 1), st.sampled_from([1, 5, 30, 60, 700]), FACTORS)
    return draw(st.lists(spot, max_size=6))


def increased(traffic: Traffic, spots: list[tuple[float, int, float]]) -> Traffic:
    """The traffic with calls and tokens of these minutes multiplied."""
    factors = np.ones(len(traffic))
    for share, minutes, factor in spots:
        begin = round(share * len(traffic))
        factors[begin : begin + minutes] *= factor
    return Traffic(
        start=traffic.start, **{name: getattr(traffic, name) * factors for name in METRICS}
    )


@subtle
@given(
    st.one_of(clear_situations(), clear_situations(BUSY_ENDS), clear_situations(IDLE_ENDS)),
    increases(),
    st.one_of(st.just(1.0), FACTORS),
)
def test_more_demand_never_wants_fewer_units(
    situation: Situation, spots: list[tuple[float, int, float]], factor: float
) -> None:
    """Holds for any minutes with more calls of the same mix, given the same memory."""
    traffic = increased(situation.observation.traffic, [*spots, (0.0, 1_000_000, factor)])
    more = replace(situation, observation=replace(situation.observation, traffic=traffic))

    before, after = decide(situation), decide(more)

    event(f"more wanted {after.desired_units > before.desired_units}")
    assert after.desired_units >= before.desired_units
    # Nor is a unit released that less demand would have kept.
    assert releases_of(before) or not releases_of(after)


@quick
@given(
    PIECES.filter(lambda pieces: len(pieces) > 0),
    st.sampled_from([0.125, 2.0, 64.0]),
    clear_situations(),
)
def test_scaling_tokens_unit_rate_and_unit_price_alike_keeps_the_verdict(
    pieces: list[tuple[int, float]], factor: float, situation: Situation
) -> None:
    """A unit that serves so many times more at so many times the price is the same bargain."""
    provisioned = situation.target.provisioned
    assert provisioned is not None
    assert provisioned.unit_rate is not None
    assert provisioned.price is not None
    assert provisioned.unit_rate.output_tokens_per_minute is not None
    rate = replace(
        provisioned.unit_rate,
        input_tokens_per_minute=provisioned.unit_rate.input_tokens_per_minute * factor,
        output_tokens_per_minute=provisioned.unit_rate.output_tokens_per_minute * factor,
    )
    dollars = Decimal(str(factor))
    price = replace(provisioned.price, usd_per_hour=provisioned.price.usd_per_hour * dollars)
    rails = situation.target.guard_rails
    target = replace(
        situation.target,
        provisioned=replace(provisioned, unit_rate=rate, price=price),
        guard_rails=replace(
            rails,
            max_usd_per_hour=rails.max_usd_per_hour * dollars,
            max_usd_per_day=rails.max_usd_per_day * dollars,
            max_usd_per_month=rails.max_usd_per_month * dollars,
        ),
    )
    traffic = traffic_of(pieces)
    larger = replace(
        traffic,
        input_tokens=traffic.input_tokens * factor,
        output_tokens=traffic.output_tokens * factor,
    )
    small = replace(
        situation,
        fleet=replace(
            situation.fleet,
            spend=replace(situation.fleet.spend, day_usd=Decimal(0), month_usd=Decimal(0)),
        ),
        observation=replace(situation.observation, traffic=traffic),
    )
    balance = situation.memory.balance
    dearer = Balance(
        traffic_usd=balance.traffic_usd * factor,
        saved_usd=balance.saved_usd * factor,
        day_traffic_usd=balance.day_traffic_usd * factor,
        day_saved_usd=balance.day_saved_usd * factor,
    )
    large = replace(
        small,
        target=target,
        observation=replace(small.observation, traffic=larger),
        memory=replace(small.memory, balance=dearer),
    )

    first, second = decide(small), decide(large)

    assert first.classification is not None
    assert second.classification is not None
    assert second.classification.label is first.classification.label
    assert second.desired_units == first.desired_units
    assert [type(action) for action in second.actions] == [type(action) for action in first.actions]
