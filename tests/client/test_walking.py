"""One call's way: first by weight, then in order, each once a round, resting ones last."""

from collections import Counter
from itertools import cycle

import pytest
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionClosedError,
    EndpointConnectionError,
    NoCredentialsError,
    ReadTimeoutError,
)

from bedrock_autoscaler.client.answers import CallError, Verdict, code_of, judge
from bedrock_autoscaler.client.patience import Budget, Health, Patience
from bedrock_autoscaler.client.walking import RouteSet, Walk
from bedrock_autoscaler.domain.routing.route import Route
from tests.builders import pt_arn
from tests.client.stage import ManualClock, route

PT, FIRST, SECOND, THIRD = pt_arn(1), "model-a", "us.model-a", "global.model-a"
UNREACHABLE = EndpointConnectionError(endpoint_url="https://bedrock.invalid")
UNANSWERED = ReadTimeoutError(endpoint_url="https://bedrock.invalid")


def refusal(code: str, message: str = "", status: int = 400) -> ClientError:
    return ClientError(
        {
            "Error": {"Code": code, "Message": message},
            "ResponseMetadata": {
                "HTTPStatusCode": status,
                "RequestId": "1",
                "HostId": "",
                "HTTPHeaders": {},
                "RetryAttempts": 0,
            },
        },
        "Converse",
    )


THROTTLED = refusal("ThrottlingException", status=429)
INVALID = refusal("ValidationException")


def walk_over(
    *routes: Route,
    clock: ManualClock | None = None,
    patience: Patience | None = None,
    known: RouteSet | None = None,
) -> Walk:
    patience = patience or Patience(rounds=1)
    return Walk(RouteSet(routes, known), patience, Budget(patience), clock or ManualClock())


def addresses_tried(walk: Walk, *errors: CallError) -> list[str]:
    """Where a call goes while each attempt ends in the next of these errors."""
    tried = []
    for error in errors:
        tried.append(walk.route.address)
        walk.failed(error)
    return [*tried, walk.route.address]


# -- what an error means -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "verdict"),
    [
        (THROTTLED, Verdict.PRESSED),
        (refusal("ServiceUnavailableException", status=503), Verdict.PRESSED),
        (refusal("ModelNotReadyException", status=429), Verdict.PRESSED),
        (refusal("InternalServerException", status=500), Verdict.PRESSED),
        (refusal("SomethingNew", status=502), Verdict.PRESSED),
        (refusal("SomethingNew", status=429), Verdict.PRESSED),
        (refusal("throttlingException"), Verdict.PRESSED),  # as an event of a stream names it
        (ConnectionClosedError(endpoint_url="x"), Verdict.PRESSED),
        (UNREACHABLE, Verdict.UNREACHABLE),
        (UNANSWERED, Verdict.TIMED_OUT),
        (refusal("AccessDeniedException", status=403), Verdict.DENIED),
        (refusal("ServiceQuotaExceededException"), Verdict.DENIED),
        (refusal("ResourceNotFoundException", status=404), Verdict.GONE),
        (refusal("ValidationException", "The provided model identifier is invalid."), Verdict.GONE),
        (INVALID, Verdict.FINAL),
        (refusal("ModelTimeoutException", status=408), Verdict.FINAL),
        (refusal("ModelErrorException", status=424), Verdict.FINAL),
        (refusal("ExpiredTokenException", status=403), Verdict.FINAL),
        (NoCredentialsError(), Verdict.FINAL),
    ],
)
def test_an_error_says_what_is_to_be_done(
    error: ClientError | BotoCoreError, verdict: Verdict
) -> None:
    assert judge(error, route(FIRST)) is verdict


@pytest.mark.parametrize(
    "asked", [route(PT), route(FIRST, tier="flex"), route(FIRST, latency="optimized")]
)
def test_a_route_that_asks_for_more_may_itself_be_what_is_invalid(asked: Route) -> None:
    assert judge(INVALID, asked) is Verdict.SUSPECT


@pytest.mark.parametrize("code", ["UnrecognizedClientException", "InvalidClientTokenId"])
def test_credentials_that_another_region_does_not_know_are_no_fault_of_the_call(code: str) -> None:
    unknown = refusal(code, status=403)

    assert judge(unknown, route(FIRST, region="us-west-2"), "us-east-1") is Verdict.DENIED
    assert judge(unknown, route(FIRST, region="us-east-1"), "us-east-1") is Verdict.FINAL
    assert judge(unknown, route(FIRST), "us-east-1") is Verdict.FINAL


def test_an_error_is_named_without_its_message() -> None:
    assert code_of(refusal("ValidationException", "the prompt")) == "ValidationException"
    assert code_of(UNREACHABLE) == "EndpointConnectionError"


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
