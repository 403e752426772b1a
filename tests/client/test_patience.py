"""How long a route rests, and how often a call is tried again."""

import heapq
import random
from itertools import count

import pytest
from botocore.exceptions import ClientError

from bedrock_autoscaler.client.answers import Verdict
from bedrock_autoscaler.client.patience import Budget, Health, Patience
from bedrock_autoscaler.client.walking import RouteSet, Walk
from tests.client.refusals import THROTTLED, refusal
from tests.client.stage import ManualClock, route
from tests.client.walks import FIRST, PT, SECOND, addresses_tried, walk_over
from tests.world.support import NOVA_LITE

# -- rounds and the budget ---------------------------------------------------------------------


def test_a_later_round_waits_and_leaves_out_what_cannot_recover() -> None:
    clock = ManualClock()
    walk = walk_over(route(PT), route(FIRST), clock=clock, patience=Patience(rounds=2))
    walk.failed(refusal("ResourceNotFoundException"))

    pause = walk.failed(THROTTLED)
    clock.sleep(pause)

    assert 0 <= pause <= 1
    assert walk.route.address == FIRST
    with pytest.raises(ClientError, match="Throttling"):
        walk.failed(THROTTLED)


def test_pauses_double_up_to_the_longest() -> None:
    patience = Patience(first_pause_seconds=1, longest_pause_seconds=3)

    assert [patience.pause(done, lambda: 1.0) for done in (1, 2, 3)] == [1, 2, 3]
    assert patience.pause(2, lambda: 0.25) == 0.5
    assert patience.pause(5000, lambda: 1.0) == 3


def test_without_budget_a_call_makes_one_attempt_at_resting_routes() -> None:
    clock = ManualClock()
    patience = Patience(rounds=3, budget=0)
    routes = (route(FIRST), route(SECOND))
    before = RouteSet(routes)
    for index in (0, 1):
        before.strike(index, Verdict.PRESSED, clock.now, clock.now)
    walk = walk_over(*routes, clock=clock, patience=patience, known=before)

    with pytest.raises(ClientError, match="Throttling"):
        walk.failed(THROTTLED)


@pytest.mark.parametrize("verdict", [Verdict.GONE, Verdict.DENIED])
def test_a_route_in_a_lasting_rest_is_asked_when_no_other_is_left(verdict: Verdict) -> None:
    clock = ManualClock()
    before = RouteSet((route(PT), route(FIRST), route(SECOND)))
    before.strike(0, verdict, clock.now, clock.now)
    before.strike(2, Verdict.PRESSED, clock.now, clock.now)
    patience = Patience(rounds=1, budget=2)
    walk = walk_over(*before.routes, clock=clock, patience=patience, known=before)

    assert addresses_tried(walk, THROTTLED, THROTTLED) == [FIRST, SECOND, PT]

    patience = Patience(rounds=1, budget=1)
    walk = walk_over(*before.routes, clock=clock, patience=patience, known=before)
    walk.failed(THROTTLED)
    with pytest.raises(ClientError, match="Throttling"):
        walk.failed(THROTTLED)


def test_served_calls_save_up_the_budget() -> None:
    budget = Budget(Patience(budget=1, budget_per_success=0.25))
    assert [budget.take(), budget.take()] == [True, False]

    for _ in range(3):
        budget.served()
    assert not budget.take()
    for _ in range(10):
        budget.served()

    # Never more than was allowed at first.
    assert [budget.take(), budget.take()] == [True, False]


# -- rest --------------------------------------------------------------------------------------


def test_rests_double_with_each_refusal_and_end_with_a_served_call() -> None:
    health, now, rests = Health(), 1000.0, []
    for _ in range(6):
        health.strike(Verdict.PRESSED, now, started=now)
        rests.append(health.resting_until - now)
        now = health.resting_until

    # 0.5, 1, 2, 4, 8, 8 seconds, each by a factor from 0.5 to 1.5
    for rest, middle in zip(rests, (0.5, 1, 2, 4, 8, 8), strict=True):
        assert 0.5 * middle <= rest <= 1.5 * middle
    health.served(now=now, started=now)
    assert not health.is_resting(now)


def test_calls_refused_together_count_once() -> None:
    health = Health()
    for _ in range(10):
        health.strike(Verdict.PRESSED, 1000.2, started=1000.0)

    assert health.strikes == 1


def test_a_call_that_began_before_the_refusal_does_not_end_the_rest() -> None:
    health = Health()
    health.strike(Verdict.PRESSED, 1000.0, started=1000.0)

    health.served(now=999.5, started=999.0)

    assert health.is_resting(1000.1)


def test_after_a_rest_one_call_goes_ahead_of_the_others() -> None:
    health = Health()
    health.strike(Verdict.PRESSED, 1000.0, started=1000.0)
    assert not health.is_resting(1002.0)

    health.claim(1002.0)

    assert health.is_resting(1002.5)
    assert not health.is_resting(1003.5)


def test_where_calls_are_served_one_probe_is_enough() -> None:
    health = Health()
    health.served(now=999.0, started=994.0)
    health.strike(Verdict.PRESSED, 1000.0, started=1000.0)
    health.claim(1002.0)

    health.claim(1003.5)

    assert not health.is_resting(1003.6)


def test_what_serves_nobody_gets_one_call_a_second() -> None:
    health = Health()
    health.strike(Verdict.PRESSED, 1000.0, started=1000.0)
    went = []
    for step in range(100):
        now = 1002.0 + step / 10
        if not health.is_resting(now):
            went.append(now)
            health.claim(now)

    # The attempts take longer than these ten seconds.
    assert len(went) == 10


def test_a_call_that_began_before_the_refusal_takes_its_doubling_back() -> None:
    health = Health()
    for now in (1000.0, 1010.0, 1020.0, 1030.0):
        health.strike(Verdict.PRESSED, now, started=now)

    health.served(now=1031.0, started=1026.0)
    assert health.is_resting(1031.0)
    health.strike(Verdict.PRESSED, 1040.0, started=1040.0)

    # The second of its rests, 1 s by half up or down; the fifth would be 8 s.
    assert not health.is_resting(1041.6)


def test_a_rest_has_its_bound_after_any_number_of_refusals() -> None:
    health = Health()
    for second in range(5000):
        health.strike(Verdict.UNREACHABLE, 1000.0 + second, started=1000.0 + second)

    assert health.resting_until - 5999.0 <= 1.5 * 30


@pytest.mark.parametrize(
    ("verdict", "middle"), [(Verdict.GONE, 60.0), (Verdict.DENIED, 300.0), (Verdict.UNREACHABLE, 1)]
)
def test_another_verdict_counts_anew(verdict: Verdict, middle: float) -> None:
    health = Health()
    for now in (1000.0, 1010.0, 1020.0, 1030.0):
        health.strike(Verdict.PRESSED, now, started=now)

    health.strike(verdict, 1040.0, started=1040.0)

    assert 0.5 * middle <= health.resting_until - 1040.0 <= 1.5 * middle


def test_a_region_that_gives_no_answer_shortens_no_lasting_rest() -> None:
    health = Health()
    health.strike(Verdict.DENIED, 1000.0, started=1000.0)
    rest = health.resting_until

    health.strike(Verdict.UNREACHABLE, 1001.0, started=1001.0)

    assert health.resting_until == rest
    assert health.reason is Verdict.DENIED


def test_a_probe_after_a_lasting_rest_may_find_the_route_pressed() -> None:
    health = Health()
    health.strike(Verdict.GONE, 1000.0, started=1000.0)
    health.claim(1100.0)

    health.strike(Verdict.PRESSED, 1100.1, started=1100.0)

    assert health.reason is Verdict.PRESSED
    assert health.resting_until - 1100.1 <= 0.75


def used_share(*, call_seconds: float, minutes: int = 20) -> float:
    """How much of a PT is used that admits 5 calls a second and is offered 6.25; 0 to 1.

    It has a second of room for bursts; on demand takes what it refuses. Calls come at random.
    """
    chance, clock, ids = random.Random(1), ManualClock(0.0), count()  # noqa: S311 - no secret
    routes = RouteSet((route("pt", 1.0), route(NOVA_LITE)), chance=chance.random)
    patience = Patience()
    budget = Budget(patience)
    underway: list[tuple[float, int, Walk]] = []
    room, filled_at, taken = 5.0, 0.0, 0
    while clock.now < 60 * minutes:
        coming = clock.now + chance.expovariate(6.25)
        while underway and underway[0][0] <= coming:
            clock.now, _, done = heapq.heappop(underway)
            done.served()
        clock.now = coming
        walk = Walk(routes, patience, budget, clock)
        if walk.route.address == "pt":
            room, filled_at = min(5.0, room + 5.0 * (coming - filled_at)), coming
            if room >= 1.0:
                room, taken = room - 1.0, taken + 1
            else:
                walk.failed(THROTTLED)
        heapq.heappush(
            underway, (coming + call_seconds * chance.uniform(0.7, 1.3), next(ids), walk)
        )
    return taken / (5.0 * 60 * minutes)


@pytest.mark.parametrize("call_seconds", [1.0, 5.0, 20.0])
def test_a_pt_at_its_limit_is_used_however_long_its_calls_take(call_seconds: float) -> None:
    # About 0.78, 0.71 and 0.69; 0.49 and 0.30 for the long ones where each of the calls that are
    # still under way holds the others back.
    assert used_share(call_seconds=call_seconds) > 0.63
