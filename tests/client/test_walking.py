"""One call's way: first by weight, then in order, each once a round, resting ones last."""

from collections import Counter
from itertools import cycle

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from bedrock_autoscaler.client.answers import Verdict
from bedrock_autoscaler.client.patience import Patience
from bedrock_autoscaler.client.walking import RouteSet
from tests.builders import pt_arn
from tests.client.refusals import INVALID, THROTTLED, UNANSWERED, UNREACHABLE, refusal
from tests.client.stage import ManualClock, route
from tests.client.walks import FIRST, PT, SECOND, THIRD, addresses_tried, walk_over

# -- the first route ---------------------------------------------------------------------------


def test_first_routes_are_drawn_by_weight() -> None:
    # A hundred even steps through 0 to 1 give each route exactly its share of hundredths.
    steps = cycle([step / 100 for step in range(100)])
    routes = RouteSet(
        (route(PT, 0.5), route(FIRST, 0.25), route(SECOND, 0.25), route(THIRD)),
        chance=lambda: next(steps),
    )

    drawn = Counter(routes.routes[routes.draw()].address for _ in range(100))

    assert drawn == {PT: 50, FIRST: 25, SECOND: 25}


def test_routes_without_weights_are_tried_from_the_top() -> None:
    assert walk_over(route(PT), route(FIRST)).route.address == PT


def test_a_resting_route_is_passed_over() -> None:
    clock = ManualClock()
    routes = (route(FIRST, 1.0), route(SECOND))
    before = RouteSet(routes)
    before.strike(0, Verdict.PRESSED, clock.now, clock.now)

    assert walk_over(*routes, clock=clock, known=before).route.address == SECOND
    clock.now += 1  # a first rest lasts 0.25 to 0.75 s
    assert walk_over(*routes, clock=clock, known=before).route.address == FIRST


def test_when_all_rest_the_one_refused_longest_ago_is_tried() -> None:
    clock = ManualClock()
    routes = (route(PT, 1.0), route(FIRST), route(SECOND))
    before = RouteSet(routes)
    before.strike(0, Verdict.GONE, clock.now, clock.now)
    before.strike(1, Verdict.PRESSED, clock.now + 10, clock.now)
    before.strike(2, Verdict.PRESSED, clock.now + 5, clock.now)

    assert walk_over(*routes, clock=clock, known=before).route.address == SECOND


def test_resting_routes_take_turns_however_long_each_rests() -> None:
    clock = ManualClock()
    routes = RouteSet((route(PT), route(FIRST), route(SECOND)))
    for _ in range(5):
        routes.strike(0, Verdict.PRESSED, clock.now, clock.now)
    routes.strike(1, Verdict.PRESSED, clock.now + 0.01, clock.now)
    routes.strike(2, Verdict.UNREACHABLE, clock.now - 0.1, clock.now - 0.1)

    # The rest of the first lasts 4 s at least, the others' 0.25 and 0.5 s. A Region that gives no
    # answer comes after those that do.
    assert routes.order(clock.now + 0.1) == [0, 1, 2]


def test_a_set_without_routes_is_refused() -> None:
    with pytest.raises(ValueError, match="no route"):
        RouteSet(())


# -- the way on --------------------------------------------------------------------------------


def test_a_refused_call_visits_each_other_route_once_from_the_top() -> None:
    walk = walk_over(route(PT), route(FIRST), route(SECOND, 1.0), route(THIRD))

    tried = addresses_tried(walk, THROTTLED, THROTTLED, THROTTLED)

    assert tried == [SECOND, PT, FIRST, THIRD]
    with pytest.raises(ClientError, match="Throttling"):
        walk.failed(THROTTLED)


def test_what_is_the_caller_s_own_fault_is_not_tried_again() -> None:
    walk = walk_over(route(FIRST), route(SECOND))

    with pytest.raises(ClientError, match="ValidationException"):
        walk.failed(INVALID)

    assert walk.route.address == FIRST


def test_a_throttle_is_shown_rather_than_a_route_that_is_denied() -> None:
    walk = walk_over(route(FIRST), route(SECOND), route(PT))
    addresses_tried(walk, THROTTLED, refusal("AccessDeniedException"))

    with pytest.raises(ClientError, match="ThrottlingException"):
        walk.failed(refusal("ResourceNotFoundException"))


def test_a_call_without_an_answer_is_sent_once_more_and_counts_against_no_route() -> None:
    clock = ManualClock()
    walk = walk_over(*(route(each) for each in (PT, FIRST, SECOND, THIRD)), clock=clock)

    # A refusal is not billed, so it does not count as the other attempt.
    assert addresses_tried(walk, UNANSWERED, THROTTLED) == [PT, FIRST, SECOND]
    with pytest.raises(ReadTimeoutError):
        walk.failed(UNANSWERED)

    assert [health.is_resting(clock.now) for health in walk.routes.health] == [
        False,
        True,
        False,
        False,
    ]


def test_a_call_without_an_answer_takes_its_other_attempt_from_the_budget() -> None:
    walk = walk_over(route(FIRST), route(SECOND), patience=Patience(budget=0))

    with pytest.raises(ReadTimeoutError):
        walk.failed(UNANSWERED)


def test_the_only_route_is_not_paid_twice_for_one_call() -> None:
    walk = walk_over(route(FIRST), patience=Patience(rounds=3))

    with pytest.raises(ReadTimeoutError):
        walk.failed(UNANSWERED)


def test_an_unreachable_region_is_passed_over_as_a_whole() -> None:
    walk = walk_over(
        route(FIRST, region="us-west-2"), route(SECOND, region="us-west-2"), route(THIRD)
    )

    assert addresses_tried(walk, UNREACHABLE) == [FIRST, THIRD]


def test_a_pt_that_calls_the_request_invalid_is_gone_when_another_route_takes_it() -> None:
    clock = ManualClock()
    walk = walk_over(route(PT), route(FIRST), clock=clock)
    addresses_tried(walk, INVALID)

    walk.served()

    assert walk.routes.health[0].is_resting(clock.now)
    assert walk.routes.health[0].reason is Verdict.GONE


def test_a_request_that_two_routes_call_invalid_is_at_fault_itself() -> None:
    clock = ManualClock()
    walk = walk_over(route(PT), route(FIRST), route(SECOND), clock=clock)
    addresses_tried(walk, INVALID)

    with pytest.raises(ClientError, match="ValidationException"):
        walk.failed(INVALID)

    assert not walk.routes.health[0].is_resting(clock.now)


def test_pts_that_vanished_together_leave_the_call_to_what_cannot_vanish() -> None:
    clock = ManualClock()
    walk = walk_over(route(PT), route(pt_arn(2)), route(SECOND), clock=clock)

    assert addresses_tried(walk, INVALID, INVALID) == [PT, pt_arn(2), SECOND]
    walk.served()

    assert [health.is_resting(clock.now) for health in walk.routes.health] == [True, True, False]


@pytest.mark.parametrize(
    "refused",
    [
        INVALID,
        refusal("ResourceNotFoundException", status=404),
        refusal("AccessDeniedException", status=403),
    ],
)
def test_pts_that_serve_others_are_not_gone_for_a_request_that_they_cannot_take(
    refused: ClientError,
) -> None:
    clock = ManualClock()
    known = RouteSet((route(PT, 0.5), route(pt_arn(2), 0.5), route(FIRST)))
    for health in known.health:
        health.served(now=clock.now, started=clock.now)
    clock.now += 10
    walk = walk_over(*known.routes, clock=clock, known=known)

    addresses_tried(walk, refused, refused)
    walk.served()

    assert not any(health.is_resting(clock.now) for health in known.health)


def test_a_pt_that_served_nobody_for_longer_than_that_is_gone() -> None:
    clock = ManualClock()
    known = RouteSet((route(PT, 1.0), route(FIRST)))
    known.health[0].served(now=clock.now, started=clock.now)
    clock.now += 10.1
    walk = walk_over(*known.routes, clock=clock, known=known)

    addresses_tried(walk, INVALID)
    walk.served()

    assert known.health[0].is_resting(clock.now)


def test_a_request_that_every_route_calls_invalid_is_shown_as_that() -> None:
    walk = walk_over(route(PT), route(pt_arn(2)))
    addresses_tried(walk, INVALID)

    with pytest.raises(ClientError, match="ValidationException"):
        walk.failed(INVALID)
