"""What would have changed a decision, found by deciding again on another situation."""

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal

from bedrock_autoscaler.application.ports import RecordedDecision
from bedrock_autoscaler.cli.wording import summary
from bedrock_autoscaler.domain.decide import decide
from bedrock_autoscaler.domain.decision import Decision, Situation
from bedrock_autoscaler.domain.observation import METRICS, Traffic
from bedrock_autoscaler.domain.target import Loop


def what_would_change(recorded: RecordedDecision) -> Iterator[str]:
    """The first step of each kind that turns the verdict, found by deciding again."""
    if recorded.decision.loop is Loop.ROUTING:
        return
    before = _essence(recorded.decision)
    for name, steps in _steps(recorded.situation):
        for step, situation in steps:
            after = decide(situation)
            if _essence(after) != before:
                yield f"{step}: {summary(after)}"
                break
        else:
            yield f"not {name}"


def _essence(decision: Decision) -> tuple[object, ...]:
    """What is done, whatever it costs."""
    actions = tuple((type(action), action.model_units) for action in decision.actions)
    return actions, decision.allowed_units


def _steps(
    situation: Situation,
) -> Iterator[tuple[str, list[tuple[str, Situation]]]]:
    yield (
        "up to three times the traffic",
        [
            (f"{factor:g} times the traffic", _with_traffic(situation, factor))
            for factor in (1.1, 1.25, 1.5, 2.0, 3.0)
        ],
    )
    yield (
        "down to a tenth of the traffic",
        [
            (f"{factor:g} times the traffic", _with_traffic(situation, factor))
            for factor in (0.9, 0.75, 0.5, 0.25, 0.1)
        ],
    )
    if situation.target.provisioned and situation.target.provisioned.price:
        yield (
            "a unit at half its price",
            [
                (f"a unit at {share} of its price", _with_price(situation, share))
                for share in (Decimal("0.9"), Decimal("0.75"), Decimal("0.5"))
            ],
        )


def _with_traffic(situation: Situation, factor: float) -> Situation:
    traffic = situation.observation.traffic
    scaled = Traffic(
        start=traffic.start, **{name: getattr(traffic, name) * factor for name in METRICS}
    )
    return replace(situation, observation=replace(situation.observation, traffic=scaled))


def _with_price(situation: Situation, share: Decimal) -> Situation:
    target = situation.target
    if target.provisioned is None or target.provisioned.price is None:
        return situation
    price = target.provisioned.price
    price = replace(price, usd_per_hour=price.usd_per_hour * share)
    provisioned = replace(target.provisioned, price=price)
    return replace(situation, target=replace(target, provisioned=provisioned))
