"""A spread does not swing: it stays until it has been calm, and small changes leave it alone."""

from math import nan

import pytest

from bedrock_autoscaler.domain.option import InferenceOption
from bedrock_autoscaler.domain.units import MINUTE
from tests.builders import MODEL, NOW, PROFILE, build_target, build_thresholds
from tests.unit.domain.spreads import IN_REGION, US, admitting, choice, weights


def test_a_load_about_what_the_next_way_carries_does_not_swing_the_table() -> None:
    target = build_target(options=(admitting(1_000.0), admitting(60.0, address="way-0")))
    found = choice(calls=50.0, throttles=3.0, target=target)
    for minute in range(1, 10):
        # Nine tenths of 60 are 54: less than 59, and more than 50.
        found = choice(
            calls=59.0 if minute % 2 else 50.0,
            throttles=0.0,
            target=target,
            memory=found.memory,
            routes=found.routes,
            at=NOW + minute * MINUTE,
        )

        assert [route.address for route in found.routes] == ["way-0", MODEL]


def test_small_changes_leave_the_shares_alone() -> None:
    first = choice()
    # 75 are wanted: 54 of 75 are 72%, which is a tenth neither way.
    again = choice(calls=60.0, throttles=45.0, memory=first.memory, at=NOW + MINUTE)

    assert weights(again) == weights(first)
    assert again.memory.spread == first.memory.spread


def test_it_stays_spread_while_the_load_would_not_fit() -> None:
    memory = choice().memory
    for minute in range(1, 120):
        found = choice(calls=80.0, throttles=0.0, memory=memory, at=NOW + minute * MINUTE)
        memory = found.memory

        assert weights(found) == {MODEL: 0.7, PROFILE: 0.3}


def test_it_stays_spread_however_short_the_calm_is() -> None:
    thresholds = build_thresholds(routing={"calm_minutes": 1})
    target = build_target(options=(IN_REGION, US), thresholds=thresholds)
    memory = choice(target=target).memory
    for minute in range(1, 10):
        at = NOW + minute * MINUTE
        found = choice(calls=80.0, throttles=0.0, memory=memory, at=at, target=target)
        memory = found.memory

        assert weights(found) == {MODEL: 0.7, PROFILE: 0.3}


def test_a_load_about_what_the_first_way_carries_does_not_swing_the_table() -> None:
    memory = choice().memory
    for minute in range(1, 60):
        # 54 of 60 calls are offered, and now more are wanted, now fewer.
        calls = 58.0 if minute % 2 else 50.0
        found = choice(calls=calls, throttles=0.0, memory=memory, at=NOW + minute * MINUTE)
        memory = found.memory

        assert found.routes[0].address == MODEL
        assert found.routes[0].weight >= 0.7


def test_it_ends_when_the_load_has_fitted_the_first_way_for_the_calm_minutes() -> None:
    memory = choice().memory

    fits = choice(calls=40.0, throttles=0.0, memory=memory, at=NOW + 14 * MINUTE)
    ended = choice(calls=40.0, throttles=0.0, memory=fits.memory, at=NOW + 15 * MINUTE)

    assert weights(fits) == {MODEL: 0.7, PROFILE: 0.3}
    (reason,) = fits.reasons
    assert reason.message == (
        f"{MODEL} can be offered all of 40 calls a minute again, and the load stays spread until "
        f"2026-11-20 12:15 UTC: {MODEL} 70%, {PROFILE} 30%"
    )
    assert weights(ended) == {MODEL: 1.0, PROFILE: 0.0}
    assert ended.memory.spread == ()
    assert ended.reasons == ()


def test_a_first_way_that_throttles_what_its_quota_admits_gives_way_at_once() -> None:
    found = choice(calls=40.0, throttles=6.0, memory=choice().memory, at=NOW + MINUTE)

    assert found.routes[0].address == PROFILE
    assert found.memory.spread == ()


@pytest.mark.parametrize("options", [(), (IN_REGION,)])
def test_with_fewer_than_two_ways_left_nothing_is_spread(
    options: tuple[InferenceOption, ...],
) -> None:
    found = choice(target=build_target(options=options), memory=choice().memory)

    assert [route.weight for route in found.routes] == [1.0] * len(options)
    assert (found.memory.spread, found.memory.pressure_until) == ((), None)


def test_minutes_that_were_not_read_end_no_spread_and_no_pressure() -> None:
    spread, reordered = choice().memory, choice(calls=30.0, throttles=3.0).memory
    for minute in range(1, 40):
        at = NOW + minute * MINUTE
        still = choice(calls=nan, memory=spread, at=at)
        behind = choice(calls=nan, memory=reordered, at=at)
        spread, reordered = still.memory, behind.memory

        assert weights(still) == {MODEL: 0.7, PROFILE: 0.3}
        assert "was not read" in still.reasons[0].message
        assert [route.address for route in behind.routes] == [PROFILE, MODEL]
