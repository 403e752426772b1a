"""Replay: the same decision on the same inputs, and a readable difference otherwise."""

from dataclasses import replace
from decimal import Decimal

import pytest

from bedrock_autoscaler.application.ports.decisions import RecordedDecision
from bedrock_autoscaler.application.reviewing.replaying import replay
from bedrock_autoscaler.domain.decision import Decision, Situation
from bedrock_autoscaler.domain.reason import Reason, ReasonCode
from tests.builders import NOW, build_situation
from tests.intents import TWO_UNITS
from tests.staging import Script

REASON = Reason(
    code=ReasonCode.UNITS_PAY_OFF,
    message="unit 2 avoids 12.35 USD per hour and costs 60.50 (at 3 units)",
    numbers=(("worth_usd_per_hour", 12.345678), ("units", float("nan"))),
)


def decided() -> Decision:
    script = Script()
    script.actions[NOW] = (TWO_UNITS,)
    return replace(script(build_situation()), reasons=(REASON,), numbers=(("load", 1 / 3),))


def replayed(decision: Decision) -> str:
    """The difference to `decided()` as text, empty when there is none."""
    recorded = RecordedDecision(
        decision=decided(), situation=build_situation(), history=None, code_version="0.9"
    )

    def decide(situation: Situation) -> Decision:
        assert situation is recorded.situation
        return decision

    return str(replay(recorded, decide) or "")


def with_reason(**changes: object) -> Decision:
    return replace(decided(), reasons=(replace(REASON, **changes),))  # type: ignore[arg-type]  # members by name


def test_the_same_decision_has_no_difference() -> None:
    assert replayed(decided()) == ""


@pytest.mark.parametrize(
    "same",
    [
        replace(decided(), numbers=(("load", 1 / 3 + 1e-12),)),
        replace(decided(), expected_saving_usd_per_hour=-0.0),
        with_reason(numbers=(("worth_usd_per_hour", 12.3456781), ("units", float("nan")))),
        # 12.345 printed to cents falls on either side by the last bit.
        with_reason(message="unit 2 avoids 12.34 USD per hour and costs 60.50 (at 3 units)"),
    ],
    ids=["last bits", "zero", "seventh digit", "last printed digit"],
)
def test_numbers_count_to_six_digits(same: Decision) -> None:
    assert replayed(same) == ""


@pytest.mark.parametrize(
    ("other", "line"),
    [
        (replace(decided(), numbers=(("load", 0.333334),)), "numbers[0][1]: was 0.3333333"),
        (replace(decided(), numbers=(("load", float("nan")),)), "is nan"),
        (replace(decided(), numbers=()), "numbers: was 1 of them: (('load', 0.333"),
        (replace(decided(), desired_units=9), "desired_units: was 0, is 9"),
        (replace(decided(), actions=()), "actions: was 1 of them: (Purchase("),
        (
            replace(
                decided(),
                actions=(replace(TWO_UNITS, usd_per_hour=Decimal("121.01")),),
            ),
            "actions[0].usd_per_hour: was 121.0, is 121.01",
        ),
        (
            with_reason(code=ReasonCode.AT_DESIRED_SIZE),
            "reasons[0].code: was units_pay_off, is at_desired_size",
        ),
        (replace(decided(), classification=decided().memory), "classification: was None"),  # type: ignore[arg-type]  # another type
    ],
)
def test_every_difference_is_a_readable_line(other: Decision, line: str) -> None:
    text = replayed(other)

    first, *rest = text.splitlines()
    assert first == f"{decided().id}, decided by version 0.9, replays differently:"
    assert len(rest) == 1
    assert line in rest[0]


@pytest.mark.parametrize(
    ("message", "line"),
    [
        (
            "unit 2 avoids 12.37 USD per hour and costs 60.50 (at 3 units)",
            "reasons[0].message: was unit 2 avoids 12.35",
        ),
        ("unit 2 avoids 12.35 USD per hour and costs 60.50 (at 4 units)", "(at 4 units)"),
        ("unit 2 is dear", "is unit 2 is dear"),
    ],
)
def test_another_sentence_of_the_same_reason_is_the_same_decision(message: str, line: str) -> None:
    first, told = replayed(with_reason(message=message)).splitlines()

    assert first == f"{decided().id}, decided by version 0.9, says the same in other words:"
    assert line in told


def test_another_sentence_hides_no_other_difference() -> None:
    other = replace(with_reason(message="unit 2 is dear"), desired_units=9)

    assert "replays differently:" in replayed(other)


def test_all_differences_are_listed() -> None:
    assert len(replayed(replace(decided(), desired_units=9, allowed_units=8)).splitlines()) == 3
