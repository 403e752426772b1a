from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from bedrock_autoscaler.domain.routing.route import Route
from bedrock_autoscaler.domain.routing.table import RoutingTable
from bedrock_autoscaler.domain.target import OptionKind
from bedrock_world.demo.callers import Callers
from bedrock_world.demo.plan import MODEL, PROFILE
from bedrock_world.demo.results import Served
from bedrock_world.runtime import Call, Outcome

MINUTE = datetime(2025, 3, 17, 9, 0, tzinfo=UTC)


class FakeOffers:
    """Admits by a rule; notes each offer."""

    def __init__(self, admits: Callable[[str], bool]) -> None:
        self.seen: list[tuple[str, datetime, Call]] = []
        self._admits = admits

    def offer(self, address: str, call: Call, at: datetime | None = None) -> Outcome:
        assert at is not None
        self.seen.append((address, at, call))
        if self._admits(address):
            return Outcome(code=None, output_tokens=call.output_tokens)
        return Outcome(code="ThrottlingException")


def table(version: int, *routes: Route) -> RoutingTable:
    return RoutingTable(
        target="chat",
        version=version,
        routes=routes,
        refresh_seconds=60,
        no_fallback=False,
        decision_id="d",
        published_at=MINUTE,
    )


PT = Route(kind=OptionKind.PROVISIONED, address="pt-1", weight=1.0)
ON_DEMAND = Route(kind=OptionKind.ON_DEMAND, address=MODEL, weight=0.0)
ELSEWHERE = Route(kind=OptionKind.GEOGRAPHIC_PROFILE, address=PROFILE, weight=0.0)
ASKED = Served(requests=10, input_tokens=1003, output_tokens=205)


def test_calls_go_on_demand_before_any_table_is_published() -> None:
    offers = FakeOffers(lambda _: True)

    served = Callers(offers, seed=1).call(MINUTE, ASKED)

    assert {address for address, _, _ in offers.seen} == {MODEL}
    assert served == {OptionKind.ON_DEMAND: ASKED}


def test_calls_come_in_the_order_of_time_within_their_minute() -> None:
    offers = FakeOffers(lambda _: True)

    Callers(offers, seed=1).call(MINUTE, ASKED)

    instants = [at for _, at, _ in offers.seen]
    assert instants == sorted(instants)
    assert all(at.replace(second=0, microsecond=0) == MINUTE for at in instants)


def test_what_is_refused_goes_down_the_table_once() -> None:
    offers = FakeOffers(lambda address: address == PROFILE)
    callers = Callers(offers, seed=1)
    callers.learn(table(1, PT, ON_DEMAND, ELSEWHERE))

    served = callers.call(MINUTE, ASKED)

    assert [address for address, _, _ in offers.seen[:3]] == ["pt-1", MODEL, PROFILE]
    assert len(offers.seen) == 30
    assert served == {OptionKind.GEOGRAPHIC_PROFILE: ASKED}


def test_what_nobody_serves_is_in_no_sum() -> None:
    callers = Callers(FakeOffers(lambda _: False), seed=1)

    assert callers.call(MINUTE, ASKED) == {}


def test_first_addresses_follow_the_weights() -> None:
    offers = FakeOffers(lambda _: True)
    callers = Callers(offers, seed=1)
    other = Route(kind=OptionKind.PROVISIONED, address="pt-2", weight=0.25)
    first = Route(kind=OptionKind.PROVISIONED, address="pt-1", weight=0.75)
    callers.learn(table(1, first, other, ON_DEMAND))

    callers.call(MINUTE, Served(requests=4000, input_tokens=4000, output_tokens=0))

    counts = Counter(address for address, _, _ in offers.seen)
    # Binomial of 4,000 at 0.25: 1,000 with a deviation of 27.
    assert counts["pt-2"] == pytest.approx(1000, abs=120)
    assert counts[MODEL] == 0


def test_an_older_table_is_refused() -> None:
    callers = Callers(FakeOffers(lambda _: True), seed=1)
    callers.learn(table(3, PT, ON_DEMAND))

    callers.learn(table(2, ELSEWHERE, Route(kind=PT.kind, address="x", weight=1.0)))
    callers.learn(None)

    assert callers.table_version == 3
    assert callers.routes == (PT, ON_DEMAND)
