"""What holds for every situation, not only for those in the golden table."""

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from math import isfinite
from random import Random

import numpy as np
import pytest
from hypothesis import Phase, event, find, given, settings
from hypothesis import strategies as st

from bedrock_autoscaler.domain.acting.gate import release_notice
from bedrock_autoscaler.domain.decide import decide
from bedrock_autoscaler.domain.decision import (
    Action,
    Decision,
    Purchase,
    Release,
    Restore,
    Situation,
)
from bedrock_autoscaler.domain.fleet.holdings import (
    Fleet,
    Ownership,
    ProvisionedThroughput,
    Status,
    minutes_left_paid,
)
from bedrock_autoscaler.domain.routing.table import routing_problem
from bedrock_autoscaler.domain.sizing.balance import Balance
from bedrock_autoscaler.domain.target import Commitment, GuardRails, OptionKind, Target
from bedrock_autoscaler.domain.traffic.observation import METRICS, Observation, Series, Traffic
from bedrock_autoscaler.domain.units import HOUR
from tests.builders import NOW, build_pt, build_thresholds
from tests.unit.domain.oscillation import Replay
from tests.unit.domain.strategies import (
    BUSY_ENDS,
    IDLE_ENDS,
    PIECES,
    Verge,
    clear_situations,
    situations,
    traffic_of,
    verges,
)

# In shares of the profile's number, so that `make soak` asks for more of each.
_EXAMPLES = settings().max_examples
quick = settings(max_examples=_EXAMPLES * 3 // 10, deadline=None)
thorough = settings(max_examples=_EXAMPLES * 6 // 10, deadline=None)
subtle = settings(max_examples=_EXAMPLES, deadline=None)


# -- total and deterministic -------------------------------------------------------------------


def all_numbers(decision: Decision) -> list[float]:
    numbers = [value for _, value in decision.numbers]
    numbers += [value for reason in decision.reasons for _, value in reason.numbers]
    numbers += [entry.total_usd for entry in decision.alternatives]
    numbers += [entry.utilization for entry in decision.alternatives]
    learned, balance = decision.memory.learned, decision.memory.balance
    numbers += [*learned.products, *learned.ordered, *learned.kept]
    numbers += [*learned.order_weights, *learned.keep_weights]
    numbers += [balance.traffic_usd, balance.saved_usd]
    if decision.classification is not None:
        numbers += [value for _, value in decision.classification.features]
        numbers += [value for _, value in decision.classification.margins]
        numbers.append(decision.classification.confidence)
    return [*numbers, decision.expected_saving_usd_per_hour]


@thorough
@given(situations())
def test_every_situation_has_a_decision_with_finite_numbers_and_a_reason(
    situation: Situation,
) -> None:
    decision = decide(situation)

    assert all(map(isfinite, all_numbers(decision)))
    assert decision.reasons
    assert len(decision.actions) <= 1


@quick
@given(situations())
def test_the_same_situation_gives_the_same_decision(situation: Situation) -> None:
    assert decide(situation) == decide(situation)


@quick
@given(situations())
def test_every_wanted_table_may_be_published_or_is_empty(situation: Situation) -> None:
    routes = decide(situation).routes

    only_paid = all(route.kind is OptionKind.PROVISIONED for route in routes)
    assert not routes or routing_problem(routes, no_fallback=only_paid) is None


# -- guard rails -------------------------------------------------------------------------------


def period_of(target: Target) -> Decimal:
    assert target.provisioned is not None
    assert target.provisioned.price is not None
    return target.provisioned.price.usd_per_hour * target.thresholds.sizing.billing_minutes / 60


def check_purchase(purchase: Purchase, situation: Situation) -> None:
    target, fleet, seen = situation.target, situation.fleet, situation.observation
    rails: GuardRails = target.guard_rails
    price, units = period_of(target), purchase.model_units
    assert 1 <= units <= target.thresholds.sizing.max_units_per_purchase
    assert fleet.held_units + units <= rails.max_units
    assert (fleet.held_units + units) * price <= rails.max_usd_per_hour
    assert fleet.spend.day_usd + (fleet.held_units + units) * price <= rails.max_usd_per_day
    assert fleet.spend.month_usd + (fleet.held_units + units) * price <= rails.max_usd_per_month
    assert fleet.purchases_last_day < rails.max_purchases_per_day
    assert fleet.open_purchase_units == 0
    assert not fleet.failed
    assert seen.model_is_active is True
    assert seen.model_unit_quota is not None
    assert seen.model_units_used is not None
    assert seen.model_units_used + units <= seen.model_unit_quota
    assert all(option.price and option.quota for option in target.options)


def check_release(release: Release, situation: Situation) -> None:
    target, fleet = situation.target, situation.fleet
    (pt,) = (pt for pt in fleet.throughputs if pt.arn == release.arn)
    assert pt.ownership is Ownership.OWNED
    assert pt.commitment is Commitment.NONE
    assert pt.is_routable
    assert any(seen.arn == pt.arn and seen.seen for seen in situation.observation.provisioned)
    assert fleet.complete
    assert not target.uses_mantle
    assert fleet.in_service_units - pt.model_units >= target.guard_rails.min_units
    assert fleet.releases_last_day < target.guard_rails.max_releases_per_day
    notice = release_notice(
        target.thresholds.draining, target.thresholds.observing.settling_minutes
    )
    assert notice <= minutes_left_paid(pt, NOW, HOUR) < notice + 5
    known = np.count_nonzero(~np.isnan(situation.observation.traffic.invocations))
    assert known >= 120


@thorough
@given(st.one_of(situations(), clear_situations(BUSY_ENDS), clear_situations(IDLE_ENDS)))
def test_no_guard_rail_is_ever_crossed(situation: Situation) -> None:
    for action in decide(situation).actions:
        event(type(action).__name__)
        match action:
            case Purchase():
                check_purchase(action, situation)
            case Release():
                check_release(action, situation)
            case Restore():
                assert any(
                    pt.arn == action.arn and pt.draining and pt.status is Status.IN_SERVICE
                    for pt in situation.fleet.owned
                )


@thorough
@given(clear_situations(IDLE_ENDS))
def test_committed_and_unmanaged_units_are_never_released(situation: Situation) -> None:
    untouchable = {
        pt.arn
        for pt in situation.fleet.throughputs
        if pt.ownership is Ownership.UNMANAGED or pt.commitment is not Commitment.NONE
    }

    assert not any(
        isinstance(action, Release) and action.arn in untouchable
        for action in decide(situation).actions
    )


# -- missing data ------------------------------------------------------------------------------


@st.composite
def deletions(draw: st.DrawFn) -> list[tuple[float, int]]:
    """Where to delete, as a share of the history, and how many minutes."""
    spot = st.tuples(st.floats(0, 1), st.sampled_from([1, 3, 30, 60, 700, 1500]))
    return draw(st.lists(spot, min_size=1, max_size=8))


def without(traffic: Traffic, spots: list[tuple[float, int]], thinned: int) -> Traffic:
    """The traffic with these minutes deleted, and every so many-th one (0: none)."""
    gone = np.zeros(len(traffic), dtype=bool)
    for share, minutes in spots:
        begin = round(share * len(traffic))
        gone[begin : begin + minutes] = True
    if thinned:
        gone[::thinned] = True
    series = {}
    for name in METRICS:
        values = getattr(traffic, name).copy()
        values[gone] = np.nan
        series[name] = values
    return Traffic(start=traffic.start, **series)


def releases_of(decision: Decision) -> bool:
    return any(isinstance(action, Release) for action in decision.actions)


def releases(situation: Situation) -> bool:
    return releases_of(decide(situation))


@subtle
@given(clear_situations(IDLE_ENDS), deletions(), st.sampled_from([0, 0, 0, 5, 7, 61]))
def test_deleting_any_points_never_turns_a_hold_or_a_growth_into_a_release(
    situation: Situation, spots: list[tuple[float, int]], thinned: int
) -> None:
    """Holds at a constant mix of tokens, since prices per unit follow the mix that was read.

    It holds as shipped; a target whose class decides on its units (`bursty_may_hold_units` is
    false) may be classified otherwise on fewer points.
    """
    before = releases(situation)
    traffic = without(situation.observation.traffic, spots, thinned)
    fewer = replace(situation, observation=replace(situation.observation, traffic=traffic))

    after = releases(fewer)

    event(f"release before {before}, after {after}")
    assert before or not after


@subtle
@given(verges(), st.data())
def test_deleting_what_speaks_for_a_unit_never_releases_it(
    verge: Verge, data: st.DataObject
) -> None:
    situation = verge.situation
    length = len(situation.observation.traffic)
    spots = data.draw(st.lists(st.sampled_from(verge.spots), min_size=1, max_size=5))
    traffic = without(
        situation.observation.traffic, [(begin / length, count) for begin, count in spots], 0
    )
    fewer = replace(situation, observation=replace(situation.observation, traffic=traffic))

    before, after = releases(situation), releases(fewer)

    event(f"release before {before}, after {after}")
    assert before or not after


@quick
@given(clear_situations(), deletions())
def test_deleting_points_never_makes_a_purchase_cross_what_was_seen(
    situation: Situation, spots: list[tuple[float, int]]
) -> None:
    traffic = without(situation.observation.traffic, spots, 0)
    fewer = replace(situation, observation=replace(situation.observation, traffic=traffic))
    known = traffic.invocations[~np.isnan(traffic.invocations)] / 100.0
    peak = float(known.max(initial=0.0))

    decision = decide(fewer)

    if decision.desired_units > situation.fleet.staying_units:
        assert decision.desired_units <= np.ceil(peak) + 1


# -- deciding again ----------------------------------------------------------------------------


def carried_out(action: Action, situation: Situation, decision: Decision) -> Situation:
    """The same moment after an action took effect."""
    fleet, seen = situation.fleet, situation.observation
    if isinstance(action, Purchase):
        fleet, seen = _bought(action, situation)
    else:
        drains = isinstance(action, Release)
        fleet = replace(
            fleet,
            throughputs=tuple(
                replace(pt, draining=drains) if pt.arn == action.arn else pt
                for pt in fleet.throughputs
            ),
            last_release_at=NOW if drains else fleet.last_release_at,
            releases_last_day=fleet.releases_last_day + int(drains),
        )
    return replace(situation, fleet=fleet, observation=seen, memory=decision.memory)


def _bought(action: Purchase, situation: Situation) -> tuple[Fleet, Observation]:
    fleet, seen = situation.fleet, situation.observation
    cost = action.model_units * period_of(situation.target)
    pt: ProvisionedThroughput = build_pt(
        900 + fleet.purchases_last_day,
        model_units=action.model_units,
        status=Status.CREATING,
        in_service_since=None,
        created_at=NOW,
    )
    fleet = replace(
        fleet,
        throughputs=(*fleet.throughputs, pt),
        purchases_last_day=fleet.purchases_last_day + 1,
        last_grow_at=NOW,
        spend=replace(
            fleet.spend,
            day_usd=fleet.spend.day_usd + cost,
            month_usd=fleet.spend.month_usd + cost,
        ),
    )
    used = (seen.model_units_used or 0) + action.model_units
    return fleet, replace(seen, model_units_used=used)


def one_purchase(situation: Situation) -> Situation:
    """The same without a limit on the size of one purchase."""
    thresholds = situation.target.thresholds
    sizing = replace(thresholds.sizing, max_units_per_purchase=1000)
    thresholds = replace(thresholds, sizing=sizing)
    return replace(situation, target=replace(situation.target, thresholds=thresholds))


def learned(situation: Situation) -> Situation:
    """The same where all that can be learned by now has been.

    A first decision rests on nothing learned. Two weeks of history may make the second one want
    more; it is another world then.
    """
    return replace(situation, memory=decide(situation).memory)


@thorough
@given(clear_situations(BUSY_ENDS).map(one_purchase).map(learned))
def test_deciding_again_after_a_purchase_holds(situation: Situation) -> None:
    decision = decide(situation)
    if not any(isinstance(action, Purchase) for action in decision.actions):
        return

    again = decide(carried_out(decision.actions[0], situation, decision))

    event("bought")
    assert again.actions == ()


@thorough
@given(
    st.one_of(situations(), clear_situations(BUSY_ENDS), clear_situations(IDLE_ENDS)).map(learned)
)
def test_deciding_again_and_again_comes_to_rest_and_never_turns_back(
    situation: Situation,
) -> None:
    directions = set()
    for _ in range(20):
        decision = decide(situation)
        if not decision.actions:
            break
        (action,) = decision.actions
        directions.add(isinstance(action, Release))
        situation = carried_out(action, situation, decision)

    event(f"{len(directions)} directions")
    assert decide(situation).actions == ()
    assert len(directions) <= 1


# -- more demand -------------------------------------------------------------------------------


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
    dearer = Balance(traffic_usd=balance.traffic_usd * factor, saved_usd=balance.saved_usd * factor)
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


# -- the order of the input --------------------------------------------------------------------


@quick
@given(
    st.one_of(situations(), clear_situations(BUSY_ENDS), clear_situations(IDLE_ENDS)),
    st.randoms(use_true_random=False),
)
def test_the_order_of_the_input_does_not_matter(situation: Situation, random: Random) -> None:
    """Except that of the on-demand ways, which is the operator's word at equal prices."""

    def shuffled[Value](values: tuple[Value, ...]) -> tuple[Value, ...]:
        return tuple(random.sample(values, len(values)))

    fleet, seen = situation.fleet, situation.observation
    other = replace(
        situation,
        fleet=replace(fleet, throughputs=shuffled(fleet.throughputs)),
        observation=replace(
            seen, provisioned=shuffled(seen.provisioned), by_option=shuffled(seen.by_option)
        ),
    )

    first, second = decide(situation), decide(other)

    assert second.actions == first.actions
    assert second.desired_units == first.desired_units
    assert second.classification == first.classification
    assert second.memory == first.memory
    assert set(second.routes) == set(first.routes)
    assert {reason.code for reason in second.reasons} == {reason.code for reason in first.reasons}


# -- changes per day ---------------------------------------------------------------------------


WAVES: dict[str, Callable[[Series], Series]] = {
    "sine": lambda phase: 1.5 + 1.5 * np.sin(2 * np.pi * phase),
    "square": lambda phase: np.where(phase % 1 < 0.5, 3.0, 0.0),
    "sawtooth": lambda phase: 3.0 * (phase % 1),
}


@pytest.mark.parametrize("hours", [2, 5])
@pytest.mark.parametrize("wave", WAVES)
def test_changes_a_day_are_bounded_under_oscillating_load(wave: str, hours: int) -> None:
    load = WAVES[wave](np.arange(3 * 1440) / (60.0 * hours))
    bought, freed = simulate(load)

    # Something happens, and in no 24 hours more than 6 purchases and 4 releases.
    assert bought
    for times, most in ((bought, 6), (freed, 4)):
        for start in times:
            assert sum(start <= at < start + 1440 for at in times) <= most


def simulate(load: Series) -> tuple[list[int], list[int]]:
    """Minutes at which units were bought and released over the last two days of this load.

    Units enter service after 15 minutes and leave at the end of the hour in which a release is
    decided.
    """
    replay = Replay(load=load)
    for minute in range(1440, len(load), 5):
        replay.tick(minute)
    return replay.bought, replay.freed


def test_these_situations_lead_to_purchases_and_releases() -> None:
    """Otherwise the properties above would say nothing."""
    thresholds = build_thresholds(gating={"shrink_cooldown_minutes": 0})
    search = settings(max_examples=600, database=None, derandomize=True, phases=[Phase.generate])

    def leads_to(kind: type[Action]) -> Callable[[Situation], bool]:
        def check(situation: Situation) -> bool:
            target = replace(situation.target, thresholds=thresholds)
            actions = decide(replace(situation, target=target)).actions
            return any(isinstance(action, kind) for action in actions)

        return check

    # Each raises an error where it finds none.
    find(clear_situations(BUSY_ENDS), leads_to(Purchase), settings=search)
    find(clear_situations(IDLE_ENDS), leads_to(Release), settings=search)
