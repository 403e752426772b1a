"""Targets of a place that cannot be reached hold, and hold up no other."""

from bedrock_autoscaler.domain.cadence import WATCHFUL
from bedrock_autoscaler.domain.decide import decide
from bedrock_autoscaler.domain.reason import ReasonCode
from tests.builders import NOW
from tests.unit.application.visits import Fleet, named


def test_a_place_that_cannot_be_reached_holds_up_no_other() -> None:
    away = named("away", account="999988887777")
    fleet = Fleet(named("a"), away)
    fleet.lost = {"999988887777"}

    fleet.dispatch()
    summary = fleet.visit()

    assert dict(summary.outcomes) == {"a": "hold", "away": "hold"}
    assert summary.failed == ()
    unreachable = {
        situation.target.name: situation.unreachable for situation in fleet.script.situations
    }
    assert unreachable == {"a": "", "away": "999988887777/us-east-1 is lost"}
    alarms = [(told.alarm, told.target) for told in fleet.scene.reporter.alarms]
    # Of the dispatcher and of the worker.
    assert alarms.count(("place_unreachable", "999988887777/us-east-1")) == 2
    assert fleet.scene.metrics.beats >= {NOW}


def test_a_place_that_cannot_be_reached_is_asked_for_every_five_minutes() -> None:
    fleet = Fleet(named("away", account="999988887777"))
    fleet.lost = {"999988887777"}
    fleet.minutes(1)

    assert sum(fleet.minutes(20)) == 20 // WATCHFUL


def test_a_lost_place_holds_with_its_reason() -> None:
    fleet = Fleet(named("away", account="999988887777"))
    fleet.lost, fleet.scene.core = {"999988887777"}, decide
    fleet.dispatch()
    fleet.visit()

    for decision in fleet.scene.reporter.decisions:
        assert decision.actions == ()
        (reason,) = [r for r in decision.reasons if r.code is ReasonCode.PLACE_UNREACHABLE]
        assert "account 999988887777, us-east-1 cannot be reached" in reason.message
    assert len(fleet.scene.reporter.decisions) == 2
