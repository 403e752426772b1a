"""The four handlers, driven by the events of the schedules, over fakes."""

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bedrock_autoscaler.adapters.invocation import PLACEHOLDER
from bedrock_autoscaler.application.errors import ConfigurationError, TargetsFailedError
from bedrock_autoscaler.bootstrap import application, replaced_by
from bedrock_autoscaler.domain.fleet.intent import PurchaseState
from bedrock_autoscaler.domain.target import Loop, Mode
from bedrock_autoscaler.domain.units import MINUTE
from functions.observe_decide import app as observe_decide
from functions.publish import app as publish
from functions.purchase import app as purchase
from functions.refresh_prices import app as refresh_prices
from functions.release import app as release
from functions.scale_endpoint import app as scale_endpoint
from tests.builders import MODEL, REGION, build_target
from tests.endpoints import build_endpoint
from tests.intents import TWO_UNITS
from tests.staging import Script, Stage
from tests.unit.application.scenes import interrupt

EVENTS = Path(__file__).parents[2] / "events"
TICK = datetime.fromisoformat("2025-04-01T09:15:00+00:00")


class Context:
    """Lambda's context of an invocation with so much time left."""

    invoked_function_arn = "arn:aws:lambda:us-east-1:111122223333:function:stack-purchase:live"

    def __init__(self, left: timedelta = timedelta(seconds=50)) -> None:
        self._left = left

    def get_remaining_time_in_millis(self) -> int:
        return int(self._left.total_seconds() * 1000)


def event(name: str) -> dict[str, Any]:
    parsed: dict[str, Any] = json.loads((EVENTS / f"{name}.json").read_text(encoding="utf-8"))
    return parsed


@pytest.fixture
def scene() -> Iterator[Stage]:
    """A stage at the scheduled time of the events, in place of the deployed application."""
    script = Script()
    script.actions[TICK] = (TWO_UNITS,)
    staged = Stage(core=script, history_hours=0)
    staged.clock.set(TICK)
    with replaced_by(staged.application):
        yield staged


def test_the_ticks_of_a_minute_in_their_order(scene: Stage) -> None:
    context = Context()

    routing = observe_decide.handler(event("observe_decide_routing"), context)
    capacity = observe_decide.handler(event("observe_decide_capacity"), context)
    scene.clock.advance(MINUTE)
    bought = purchase.handler(event("purchase"), context)
    released = release.handler(event("release"), context)
    published = publish.handler(event("publish"), context)

    assert routing == {"chat": "hold"}
    assert capacity == {"chat": "purchase 2"}
    assert bought == {"chat": "bought 2"}
    assert released == {"chat": "nothing to release"}
    assert published == {"chat": "published 1"}
    assert scene.decisions.exists("chat-capacity-20250401T091500Z", "chat", Loop.CAPACITY)
    table = scene.tables.current("chat")
    assert table is not None
    assert [route.address for route in table.routes] == [MODEL]


def test_a_heartbeat_decides_nothing(scene: Stage) -> None:
    scene.clock.set(datetime.fromisoformat("2026-11-20T12:01:30+00:00"))

    answer = observe_decide.handler(event("observe_decide_heartbeat"), Context())

    assert answer == {}
    assert scene.metrics.beats == {datetime.fromisoformat("2026-11-20T12:01:00+00:00")}
    assert scene.reporter.decisions == []


def test_answers_are_json(scene: Stage) -> None:
    answer = observe_decide.handler(event("observe_decide_routing"), Context())

    assert json.loads(json.dumps(answer)) == answer


def test_the_same_event_twice_has_one_effect(scene: Stage) -> None:
    for _ in range(2):
        observe_decide.handler(event("observe_decide_capacity"), Context())
    for _ in range(2):
        purchase.handler(event("purchase"), Context())

    assert len(scene.capacity.calls) == 1
    assert len(scene.reporter.decisions) == 1


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize(
    ("port", "method"), [("fleets", "begin_purchase"), ("capacity", "buy")], ids=str
)
def test_the_same_event_while_its_first_run_is_under_way_has_one_effect(
    scene: Stage, port: str, method: str, *, after: bool
) -> None:
    """It comes right before the intent is written or the call is sent, or right after."""
    observe_decide.handler(event("observe_decide_capacity"), Context())
    again: list[object] = []

    def come_again() -> None:
        again.append(purchase.handler(event("purchase"), Context()))

    interrupt(getattr(scene, port), method, come_again, after=after)
    purchase.handler(event("purchase"), Context())

    assert len(again) == 1
    assert len(scene.capacity.calls) == 1
    (intent,) = scene.fleets.purchases("chat")
    assert intent.state is PurchaseState.BOUGHT
    assert scene.fleets.record_of("chat").reserved_units == 2


@pytest.mark.parametrize("left", [timedelta(0), timedelta(seconds=29)])
def test_no_purchase_starts_shortly_before_the_function_is_stopped(
    scene: Stage, left: timedelta
) -> None:
    observe_decide.handler(event("observe_decide_capacity"), Context())

    answer = purchase.handler(event("purchase"), Context(left))

    assert answer == {"chat": "purchase held"}
    assert scene.capacity.calls == []


@pytest.mark.parametrize("scheduled", [{}, {"scheduled_time": PLACEHOLDER}])
def test_without_a_scheduled_time_the_clock_tells_the_period(
    scene: Stage, scheduled: dict[str, str]
) -> None:
    scene.clock.advance(timedelta(minutes=3, seconds=20))

    observe_decide.handler({"loop": "capacity", **scheduled}, Context())
    observe_decide.handler({"loop": "routing", **scheduled}, Context())
    purchase.handler(scheduled, Context())

    assert [decision.id for decision in scene.reporter.decisions] == [
        "chat-capacity-20250401T091500Z",
        "chat-routing-20250401T091800Z",
    ]
    assert len(scene.capacity.calls) == 1


def test_a_late_event_changes_nothing(scene: Stage) -> None:
    observe_decide.handler(event("observe_decide_capacity"), Context())
    scene.clock.advance(10 * MINUTE)

    for handler in (purchase.handler, release.handler, publish.handler):
        assert handler(event("purchase"), Context()) == {}

    assert scene.capacity.calls == []
    assert scene.tables.published == []


def test_every_run_ends_with_a_line_in_the_log(scene: Stage) -> None:
    observe_decide.handler(event("observe_decide_routing"), Context())
    purchase.handler(event("purchase"), Context())
    release.handler(event("release"), Context())
    publish.handler(event("publish"), Context())

    lines = [h.fields["outcome"] for h in scene.reporter.happenings if h.event == "tick"]
    assert lines == [
        "chat: hold",
        "chat: nothing to buy",
        "chat: nothing to release",
        "chat: published 1",
    ]


def test_a_run_without_targets_has_its_line_too(scene: Stage) -> None:
    scene.targets = ()

    assert purchase.handler(event("purchase"), Context()) == {}
    assert scene.reporter.happenings[-1].fields == {"outcome": "nothing to do"}


def test_a_failed_pass_fails_the_run(scene: Stage) -> None:
    scene.fleets.fail_next(KeyError("x"), method="purchases")

    with pytest.raises(TargetsFailedError, match="chat"):
        purchase.handler(event("purchase"), Context())


@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        ({"scheduled_time": "yesterday, a secret"}, "event: scheduled_time: "),
        ({"scheduled_time": "2025-04-01T09:16:00"}, "event: scheduled_time: "),
        ({"a secret": "x"}, "event: an unknown field: Extra inputs are not permitted"),
    ],
)
def test_an_event_of_another_form_is_refused_without_quoting_its_values(
    scene: Stage, wrong: dict[str, str], text: str
) -> None:
    with pytest.raises(ConfigurationError) as refused:
        purchase.handler(wrong, Context())

    assert text in str(refused.value)
    assert "yesterday" not in str(refused.value)
    assert "secret" not in str(refused.value)
    assert refused.value.__cause__ is None


def test_the_loop_must_be_named(scene: Stage) -> None:
    with pytest.raises(ConfigurationError, match="event: loop"):
        observe_decide.handler({}, Context())


def test_advise_sends_nothing(scene: Stage) -> None:
    scene.targets = (build_target(mode=Mode.ADVISE),)
    scene.run(3)
    observe_decide.handler(event("observe_decide_capacity"), Context())

    purchase.handler(event("purchase"), Context())
    publish.handler(event("publish"), Context())

    assert scene.capacity.calls == []
    assert scene.tables.published == []
    assert ("would_buy", "chat") in scene.events


def test_an_endpoint_is_scaled_in_the_minute_after_the_decision(scene: Stage) -> None:
    scene.targets = (build_target(options=(build_endpoint(),), provisioned=None),)
    observe_decide.handler(event("observe_decide_capacity"), Context())
    scene.clock.advance(MINUTE)

    assert scale_endpoint.handler(event("scale_endpoint"), Context()) == {
        "chat": "nothing to scale"
    }


def test_prices_are_refreshed_once_a_day(scene: Stage) -> None:
    outcome = refresh_prices.handler(event("refresh_prices"), Context())

    assert outcome == {REGION: "0 prices in use, 0 blocked"}
    assert scene.offers.asked == [(REGION, scene.now.date())]


def test_a_replaced_application_gives_way_afterwards(
    scene: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = Stage(history_hours=0)
    with replaced_by(other.application):
        assert application(Context.invoked_function_arn) is other.application

    assert application(Context.invoked_function_arn) is scene.application
