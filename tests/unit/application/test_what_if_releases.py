"""Releases among decisions that are decided again: what serves, what is billed, what counts."""

from typing import override

import pytest

from bedrock_autoscaler.application.reviewing.what_if import what_if
from bedrock_autoscaler.domain.decision import Decision, Release, Restore, Situation
from bedrock_autoscaler.domain.units import MINUTE
from tests.builders import NOW, build_decision, build_fleet, build_pt
from tests.holds import ON_DEMAND_USD_PER_HOUR, Greedy, limited, ticks


class Releasing(Greedy):
    """Releases the one unit in its first decision, and restores it in the third."""

    def __init__(self, *, restores: bool) -> None:
        super().__init__()
        self.restores = restores

    @override
    def __call__(self, situation: Situation) -> Decision:
        self.seen.append(situation)
        age = (situation.scheduled_at - NOW) // (5 * MINUTE)
        actions: tuple[Release | Restore, ...] = ()
        for pt in situation.fleet.owned:
            if age == 0 and situation.target.guard_rails.max_units == 0:
                actions = (Release(arn=pt.arn, model_units=1),)
            if age == 2 and self.restores and pt.draining:
                actions = (Restore(arn=pt.arn, model_units=1),)
        return build_decision(scheduled_at=situation.scheduled_at, actions=actions)


def test_a_release_ends_service_at_once_and_the_bill_with_its_paid_period() -> None:
    # Bought 100 minutes before: its second hour ends 20 minutes after the first decision.
    fleet = build_fleet(build_pt())

    found = what_if(limited(0), ticks(2, limited(1), fleet), Releasing(restores=False))

    assert (found.after.releases, found.before.releases) == (1, 0)
    assert found.after.unit_hours == pytest.approx(20 / 60)
    assert found.after.units_usd == 0.0
    # Hours that start at 20 and 80 minutes.
    assert found.before.units_usd == pytest.approx(2 * 60.5)
    assert found.after.overflow_usd == pytest.approx(ON_DEMAND_USD_PER_HOUR * 117 / 60)
    assert found.before.overflow_usd == pytest.approx(ON_DEMAND_USD_PER_HOUR / 2 * 117 / 60)


def test_a_restored_unit_serves_on_and_is_paid_on() -> None:
    fleet = build_fleet(build_pt())

    found = what_if(limited(0), ticks(2, limited(1), fleet), Releasing(restores=True))

    assert found.after.units_usd == found.before.units_usd
    # Ten minutes went by without it.
    assert found.after.overflow_usd - found.before.overflow_usd == pytest.approx(
        ON_DEMAND_USD_PER_HOUR / 2 * 10 / 60
    )


def left_within_the_hour(script: Greedy, minutes: int) -> tuple[int, int]:
    """Units of the last hour, and releases of the day, so many minutes after the first decision."""
    (shown,) = (
        situation.fleet
        for situation in script.seen
        if situation.target == limited(0) and situation.scheduled_at == NOW + minutes * MINUTE
    )
    return shown.released_last_hour, shown.releases_last_day


def test_a_release_counts_until_the_next_delete_would_come_an_hour_after_it() -> None:
    script = Releasing(restores=False)

    what_if(limited(0), ticks(2, limited(1), build_fleet(build_pt())), script)

    # It is gone after 20 minutes, and what is released then is deleted 13 minutes later at first.
    assert left_within_the_hour(script, 5) == (1, 1)
    assert left_within_the_hour(script, 65) == (1, 1)
    assert left_within_the_hour(script, 70) == (0, 1)


def test_a_release_that_was_taken_back_counts_no_more() -> None:
    script = Releasing(restores=True)

    what_if(limited(0), ticks(2, limited(1), build_fleet(build_pt())), script)

    assert left_within_the_hour(script, 10) == (1, 1)
    assert left_within_the_hour(script, 15) == (0, 0)


def test_what_left_within_the_hour_before_the_first_decision_counts_for_that_hour() -> None:
    script = Greedy()

    what_if(limited(0), ticks(2, limited(1), build_fleet(released_last_hour=3)), script)

    assert left_within_the_hour(script, 55) == (3, 0)
    assert left_within_the_hour(script, 60) == (0, 0)
