"""New ways get a small share first, and leave the table when they refuse."""

from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from bedrock_autoscaler.domain.acting.controls import Controls, RouteOverride
from bedrock_autoscaler.domain.decision import NO_MEMORY, Memory
from bedrock_autoscaler.domain.reason import ReasonCode
from bedrock_autoscaler.domain.routing.choice import RouteChoice, choose_routes
from bedrock_autoscaler.domain.routing.route import Route
from bedrock_autoscaler.domain.routing.table import routing_problem
from bedrock_autoscaler.domain.target import OptionKind
from bedrock_autoscaler.domain.traffic.observation import Traffic
from bedrock_autoscaler.domain.units import MINUTE
from tests.builders import (
    MODEL,
    NOW,
    PROFILE,
    build_fleet,
    build_observation,
    build_option,
    build_pt,
    build_situation,
    build_target,
    build_traffic,
)

HOURS = 180 * MINUTE
THIRD = "eu.amazon.nova-2-lite-v1:0"
IN_REGION = build_option()
NEW = build_option(kind=OptionKind.GEOGRAPHIC_PROFILE, address=PROFILE)
OTHER = build_option(kind=OptionKind.GEOGRAPHIC_PROFILE, address=THIRD)


def answers(calls: float = 0.0, refused: float = 0.0) -> Traffic:
    """Half an hour of so many served and refused calls a minute."""
    return build_traffic(30, invocations=calls, client_errors=refused)


def choose(
    *options: Any,
    target: Any = None,
    seen: dict[str, Traffic] | None = None,
    memory: Memory = NO_MEMORY,
    at: datetime = NOW,
    fleet: Any = None,
    routes: tuple[Route, ...] = (),
    **changes: Any,
) -> RouteChoice:
    """Routes while MODEL serves a call a second, and what else was seen."""
    by_option = {MODEL: answers(60.0)} | (seen or {})
    return choose_routes(
        build_situation(
            target=target or build_target(options=options or (NEW, IN_REGION)),
            observation=build_observation(by_option=tuple(by_option.items())),
            memory=memory,
            scheduled_at=at,
            fleet=fleet or build_fleet(),
            routes=routes,
            **changes,
        )
    )


def weights(found: RouteChoice) -> dict[str, float]:
    return {route.address: route.weight for route in found.routes}


def test_a_new_way_gets_a_small_share_first() -> None:
    found = choose()

    assert weights(found) == {PROFILE: 0.05, MODEL: 0.95}
    assert [reason.code for reason in found.reasons] == [ReasonCode.ROUTE_ON_TRIAL]
    assert found.memory.trial == (PROFILE, NOW)
    assert routing_problem(found.routes, no_fallback=False) is None


def test_once_it_served_it_gets_all() -> None:
    found = choose(seen={PROFILE: answers(3.0)})

    assert weights(found) == {PROFILE: 1.0, MODEL: 0.0}
    assert found.memory.proven == (MODEL, PROFILE)
    assert found.memory.trial is None


def test_what_served_once_stays_proven() -> None:
    found = choose(memory=replace(NO_MEMORY, proven=(MODEL, PROFILE)))

    assert weights(found) == {PROFILE: 1.0, MODEL: 0.0}


def test_where_nothing_is_proven_the_operators_order_stands() -> None:
    found = choose(seen={MODEL: answers()})

    assert weights(found) == {PROFILE: 1.0, MODEL: 0.0}
    assert found.reasons == ()


def test_the_first_proven_way_has_the_rest() -> None:
    found = choose(NEW, OTHER, IN_REGION)

    assert weights(found) == {PROFILE: 0.05, THIRD: 0.0, MODEL: 0.95}


def test_behind_paid_units_nothing_is_on_trial() -> None:
    found = choose(fleet=build_fleet(build_pt()))

    assert [route.weight for route in found.routes] == [1.0, 0.0, 0.0]


@pytest.mark.parametrize(
    ("calls", "refused", "is_left_out"),
    [
        (0.0, 0.1, True),  # 3 refusals in half an hour
        (0.0, 0.06, False),  # less than 3
        (1.0, 1.0, True),  # half of all
        (1.1, 1.0, False),
    ],
)
def test_a_new_way_that_mostly_refuses_leaves_the_table_for_an_hour(
    calls: float,
    refused: float,
    is_left_out: bool,  # noqa: FBT001 - a table's column
) -> None:
    found = choose(seen={PROFILE: answers(calls, refused)})

    assert (PROFILE not in weights(found)) is is_left_out
    if is_left_out:
        assert [reason.code for reason in found.reasons] == [ReasonCode.ROUTE_REFUSED]
        assert found.memory.refused == ((PROFILE, NOW + 60 * MINUTE),)


def test_it_may_try_again_when_the_hour_is_over() -> None:
    refused = replace(NO_MEMORY, refused=((PROFILE, NOW),), proven=(MODEL,))

    assert PROFILE not in weights(choose(memory=refused, at=NOW - MINUTE))
    assert weights(choose(memory=refused)) == {PROFILE: 0.05, MODEL: 0.95}


@pytest.mark.parametrize(
    ("calls", "refused", "is_left_out"),
    [(1.0, 9.0, True), (1.0, 8.9, False), (0.0, 0.6, False)],
)
def test_a_proven_way_leaves_only_when_almost_all_of_many_are_refused(
    calls: float,
    refused: float,
    is_left_out: bool,  # noqa: FBT001 - a table's column
) -> None:
    proven = replace(NO_MEMORY, proven=(MODEL, PROFILE))

    found = choose(seen={PROFILE: answers(calls, refused)}, memory=proven)

    assert (PROFILE not in weights(found)) is is_left_out


def test_errors_of_callers_everywhere_withdraw_nothing() -> None:
    proven = replace(NO_MEMORY, proven=(MODEL, PROFILE))

    bad = answers(0.0, 60.0)
    found = choose(seen={PROFILE: bad, MODEL: bad}, memory=proven)

    assert set(weights(found)) == {PROFILE, MODEL}


def test_the_last_way_stays_whatever_it_answers() -> None:
    found = choose(NEW, seen={PROFILE: answers(0.0, 60.0)})

    assert weights(found) == {PROFILE: 1.0}


ON_TRIAL = choose().routes
"""The table in force while the new way is on trial."""


def test_a_trial_that_shows_nothing_fails_after_a_quarter_of_an_hour() -> None:
    running = replace(NO_MEMORY, proven=(MODEL,), trial=(PROFILE, NOW - 15 * MINUTE))

    early = choose(memory=running, at=NOW - MINUTE, routes=ON_TRIAL)
    late = choose(memory=running, routes=ON_TRIAL)

    assert weights(early) == {PROFILE: 0.05, MODEL: 0.95}
    assert early.memory.trial == (PROFILE, NOW - 15 * MINUTE)
    assert weights(late) == {MODEL: 1.0}
    assert late.memory.refused == ((PROFILE, NOW + 60 * MINUTE),)
    assert [reason.code for reason in late.reasons] == [ReasonCode.ROUTE_REFUSED]


def test_when_a_trial_fails_that_of_the_next_new_way_begins() -> None:
    running = replace(NO_MEMORY, proven=(MODEL,), trial=(PROFILE, NOW - 15 * MINUTE))

    found = choose(NEW, OTHER, IN_REGION, memory=running, routes=ON_TRIAL)

    assert weights(found) == {THIRD: 0.05, MODEL: 0.95}
    assert found.memory.trial == (THIRD, NOW)
    assert [reason.code for reason in found.reasons] == [
        ReasonCode.ROUTE_REFUSED,
        ReasonCode.ROUTE_ON_TRIAL,
    ]


@pytest.mark.parametrize(
    "in_force",
    [
        (),
        tuple(replace(route, weight=0.0) for route in ON_TRIAL),
        tuple(route for route in ON_TRIAL if route.address != PROFILE),
    ],
)
def test_no_trial_runs_while_callers_are_not_sent_there(in_force: tuple[Route, ...]) -> None:
    # The switch is closed, the mode is advise, or units or a person's choice came first.
    running = replace(NO_MEMORY, proven=(MODEL,), trial=(PROFILE, NOW - HOURS))

    found = choose(memory=running, routes=in_force)

    assert weights(found) == {PROFILE: 0.05, MODEL: 0.95}
    assert found.memory.trial == (PROFILE, NOW)


@pytest.mark.parametrize(("calls", "fails"), [(5.9, False), (6.0, True)])
def test_a_trial_fails_only_where_three_of_its_calls_could_have_shown(
    calls: float,
    fails: bool,  # noqa: FBT001 - a table's column
) -> None:
    # Of 15 minutes callers may have kept the old table for 2, and the newest 3 are not settled:
    # in the other 10 a twentieth of 6 calls a minute are 3 calls.
    running = replace(NO_MEMORY, proven=(MODEL,), trial=(PROFILE, NOW - 15 * MINUTE))

    found = choose(memory=running, routes=ON_TRIAL, seen={MODEL: answers(calls)})

    assert bool(found.memory.refused) is fails


def test_nothing_is_on_trial_behind_units_or_what_a_person_put_first() -> None:
    running = replace(NO_MEMORY, proven=(MODEL,), trial=(PROFILE, NOW))
    override = RouteOverride(address=MODEL, until=NOW + HOURS, by="jane")
    target = build_target(options=(NEW, IN_REGION), controls=Controls(route=override))

    assert choose(memory=running, fleet=build_fleet(build_pt())).memory.trial is None
    assert choose(memory=running, target=target).memory.trial is None


def test_a_refused_way_comes_back_although_its_refusals_still_show() -> None:
    refused = choose(seen={PROFILE: answers(0.0, 1.0)}).memory
    at = NOW + 25 * MINUTE

    later = choose(seen={PROFILE: answers(0.0, 1.0)}, memory=refused, at=at)

    assert later.memory.refused == refused.refused == ((PROFILE, NOW + 60 * MINUTE),)


def test_silence_of_everybody_fails_no_trial() -> None:
    running = replace(NO_MEMORY, proven=(MODEL,), trial=(PROFILE, NOW - HOURS))

    found = choose(seen={MODEL: answers()}, memory=running, routes=ON_TRIAL)

    assert weights(found) == {PROFILE: 0.05, MODEL: 0.95}


def test_the_trial_of_another_way_starts_anew() -> None:
    running = replace(NO_MEMORY, proven=(MODEL,), trial=(THIRD, NOW - HOURS))

    assert choose(memory=running).memory.trial == (PROFILE, NOW)


def test_a_way_put_first_by_hand_that_refuses_calls_is_passed_over_with_a_word() -> None:
    override = RouteOverride(address=PROFILE, until=NOW + HOURS, by="jane")
    target = build_target(options=(NEW, IN_REGION), controls=Controls(route=override))
    refusing = replace(NO_MEMORY, refused=((PROFILE, NOW + HOURS),))

    found = choose_routes(build_situation(target=target, memory=refusing))

    assert [route.address for route in found.routes] == [MODEL]
    (said,) = [one for one in found.reasons if one.code is ReasonCode.ROUTE_OVERRIDE]
    assert said.message == (
        f"jane puts {PROFILE} first until 2026-11-20 15:00 UTC, but it cannot be used now: the "
        "rules decide"
    )
