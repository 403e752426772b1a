"""What holds for every situation, not only for those in the golden table."""

from collections.abc import Callable
from dataclasses import replace
from math import isfinite
from random import Random

import numpy as np
import pytest
from hypothesis import Phase, event, find, given, settings
from hypothesis import strategies as st

from bedrock_autoscaler.domain.decide import decide
from bedrock_autoscaler.domain.decision import (
    Action,
    Decision,
    Purchase,
    Release,
    Restore,
    Situation,
)
from bedrock_autoscaler.domain.fleet.holdings import Ownership, Status, minutes_left_paid
from bedrock_autoscaler.domain.routing.table import routing_problem
from bedrock_autoscaler.domain.target import Commitment, GuardRails, OptionKind
from bedrock_autoscaler.domain.traffic.observation import Series
from bedrock_autoscaler.domain.units import HOUR
from tests.builders import NOW, build_thresholds
from tests.unit.domain.oscillation import Replay
from tests.unit.domain.properties import period_of, quick, thorough
from tests.unit.domain.strategies import BUSY_ENDS, IDLE_ENDS, clear_situations, situations

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


def check_purchase(purchase: Purchase, situation: Situation) -> None:
    target, fleet, seen = situation.target, situation.fleet, situation.observation
    rails: GuardRails = target.guard_rails
    price, units = period_of(target), purchase.model_units
    assert (purchase.commitment, purchase.consent_id) == (Commitment.NONE, None)
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
    thresholds = target.thresholds
    notice = thresholds.draining.notice_minutes(thresholds.observing.settling_minutes)
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
    """Otherwise the properties would say nothing."""
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
