"""The verifier, of changes of the instances of endpoints."""

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

import pytest

from bedrock_autoscaler.domain.target import Loop, StackRails
from bedrock_autoscaler.domain.units import MINUTE
from tests.builders import build_target
from tests.endpoints import ENDPOINT, build_endpoint, build_endpoint_state, build_scaling_intent
from tests.staging import Stage
from tests.unit.application.looks import findings, oracles


@pytest.fixture
def scaled() -> Stage:
    """A decision asked for a third instance of an endpoint at 12:00; the actor died at its call."""
    target = build_target(options=(build_endpoint(),), model_ids=(ENDPOINT,), provisioned=None)
    made = Stage(target, history_hours=30)
    made.endpoints.states[ENDPOINT] = build_endpoint_state()
    made.decide()
    ((decision_id, _),) = made.decisions.kept.items()
    nothing = made.scalings.record_of("chat", ENDPOINT)
    made.scalings.write(nothing, nothing.begun(build_scaling_intent(decision_id=decision_id)))
    return made


def bedrock_is_at_it(made: Stage) -> None:
    made.endpoints.states[ENDPOINT] = replace(made.endpoints.states[ENDPOINT], is_settled=False)


def bedrock_does_not_show_it(made: Stage) -> None:
    made.endpoints.states.clear()


def no_option_names_it(made: Stage) -> None:
    made.targets = (build_target(),)


def nothing(made: Stage) -> None:
    """Leave all as it is."""


@pytest.mark.parametrize(
    ("minutes", "spoil", "finding"),
    [
        (28, nothing, "notice: it is being looked up"),
        (29, nothing, "violation: it stands at 2 instances, and scale_endpoint has not said so"),
        (90, bedrock_is_at_it, "notice: Bedrock is still at it"),
        (90, bedrock_does_not_show_it, "notice: Bedrock does not show the endpoint"),
        (90, no_option_names_it, "notice: no option of the settings names its instances any more"),
    ],
)
def test_an_open_change_of_an_endpoint_has_the_grace_and_three_ticks(
    scaled: Stage, minutes: int, spoil: Callable[[Stage], None], finding: str
) -> None:
    severity, why = finding.split(": ", 1)
    spoil(scaled)
    scaled.clock.advance(minutes * MINUTE)

    ((_, found, message),) = [each for each in findings(scaled) if each[0] == "O10"]

    assert found == severity
    assert f"{ENDPOINT} from 2 to 3 instances, has had no outcome for {minutes} minutes" in message
    assert why in message


def test_a_change_that_was_settled_leaves_no_finding(scaled: Stage) -> None:
    scaled.endpoints.states[ENDPOINT] = replace(scaled.endpoints.states[ENDPOINT], instances=3)
    scaled.clock.advance(2 * MINUTE)

    scaled.scale_endpoint()

    assert findings(scaled) == []


def test_a_change_without_its_decision_or_beyond_a_days_bound_is_a_breach(scaled: Stage) -> None:
    scaled.decide(Loop.ROUTING)
    scaled.decisions.kept = {
        name: kept
        for name, kept in scaled.decisions.kept.items()
        if kept.decision.loop is Loop.ROUTING
    }
    (option,) = scaled.targets[0].options
    assert option.instances is not None
    rails = replace(option.instances, max_changes_per_day=0)
    scaled.targets = (replace(scaled.targets[0], options=(replace(option, instances=rails),)),)

    assert oracles(scaled) == ["O10 violation", "O10 notice", "O13 violation"]


def with_cap(made: Stage, cap: int) -> list[str]:
    """What is found of dollars under this cap."""
    (target,) = made.targets
    rails = replace(target.guard_rails, max_usd_per_hour=Decimal(cap))
    made.targets = (replace(target, guard_rails=rails),)
    return [message for oracle, _, message in findings(made) if oracle == "O2"]


def test_units_and_instances_above_the_cap_together_are_a_notice(scaled: Stage) -> None:
    """Two run and a third is asked for; somebody may have added them by hand."""
    words = "units and instances cost 6.000000 USD per hour together, max_usd_per_hour is 5"

    assert with_cap(scaled, 6) == []
    assert with_cap(scaled, 5) == [words]


def test_what_endpoints_cost_is_told_to_be_unknown_where_one_cannot_be_read(
    scaled: Stage,
) -> None:
    scaled.endpoints.states.clear()

    (told,) = with_cap(scaled, 5)

    assert told.startswith("what endpoints cost could not be read")


def test_what_units_and_instances_have_booked_together_is_a_notice(scaled: Stage) -> None:
    """Two instances ran since midnight: 48 USD today, and 19 days more of this month."""
    (target,) = scaled.targets
    rails = replace(
        target.guard_rails, max_usd_per_day=Decimal(47), max_usd_per_month=Decimal(1_000_000)
    )
    scaled.targets = (replace(target, guard_rails=rails),)

    assert [message for oracle, _, message in findings(scaled) if oracle == "O2"] == [
        "48.000000 USD are booked this day, max_usd_per_day is 47"
    ]


def test_units_and_instances_above_a_cap_of_the_stack_are_a_notice(scaled: Stage) -> None:
    """Two run and a third is asked for: 6 USD an hour; 48 USD were booked today."""
    wide = Decimal(1_000_000)
    scaled.stack = StackRails(
        max_units=10,
        max_usd_per_hour=Decimal(5),
        max_usd_per_day=Decimal(47),
        max_usd_per_month=wide,
    )

    assert [message for oracle, _, message in findings(scaled) if oracle == "O2"] == [
        "all targets cost 6.000000 USD per hour, the stack's max_usd_per_hour is 5",
        "all targets have booked 48.000000 USD this day, the stack's max_usd_per_day is 47",
    ]
