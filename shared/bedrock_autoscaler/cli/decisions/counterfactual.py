"""What would have changed a decision, found by deciding again on another situation."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from decimal import Decimal

from bedrock_autoscaler.application.ports.decisions import RecordedDecision
from bedrock_autoscaler.domain.decide import decide
from bedrock_autoscaler.domain.decision import Decision, Situation
from bedrock_autoscaler.domain.target import Loop
from bedrock_autoscaler.domain.traffic.observation import METRICS, Traffic
from bedrock_autoscaler.report.wording import summary

_HALVINGS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class _Lever:
    """Something that might have been otherwise.

    Attributes:
        steps: factors that are tried in turn, away from 1.
        apply: the situation with this factor.
        describe: what stands before the verdict, given the factor where it turned.
        unturned: what stands instead when no step turned it.
    """

    steps: tuple[float, ...]
    apply: Callable[[Situation, float], Situation]
    describe: Callable[[Situation, float], str]
    unturned: str


def what_would_change(recorded: RecordedDecision) -> Iterator[str]:
    """Where the verdict turns as traffic and price change, found by deciding again."""
    if recorded.decision.loop is Loop.ROUTING:
        return
    situation = recorded.situation
    for lever in _levers(situation):
        turned = _turn(situation, lever, _essence(recorded.decision))
        if turned is None:
            yield lever.unturned
            continue
        factor, after = turned
        cause = f"{lever.describe(situation, factor)}{_use(recorded.decision, after)}"
        yield f"{cause}: {summary(after)}"


def _turn(
    situation: Situation, lever: _Lever, before: tuple[object, ...]
) -> tuple[float, Decision] | None:
    """The factor nearest to 1 at which the verdict is another one, and that verdict.

    Between the first step that turns it and the one before the place is halved in.
    """
    unturned = 1.0
    for step in lever.steps:
        turned = step, decide(lever.apply(situation, step))
        if _essence(turned[1]) == before:
            unturned = step
            continue
        for _ in range(_HALVINGS):
            middle = (unturned + turned[0]) / 2
            after = decide(lever.apply(situation, middle))
            if _essence(after) == before:
                unturned = middle
            else:
                turned = middle, after
        return turned
    return None


def _essence(decision: Decision) -> tuple[object, ...]:
    """What is done, whatever it costs."""
    actions = tuple((type(action), action.model_units) for action in decision.actions)
    return actions, decision.allowed_units


def _use(before: Decision, after: Decision) -> str:
    """How far the unit on which the verdicts differ would then be used."""
    unit = max(before.allowed_units, after.allowed_units)
    use = dict(after.numbers).get(f"use_of_unit_{unit}")
    return "" if use is None else f" (unit {unit} in use {use:.2f})"


def _levers(situation: Situation) -> Iterator[_Lever]:
    more, less = "more than {:.2f} times the traffic", "less than {:.2f} times the traffic"
    yield _Lever(
        steps=(1.1, 1.25, 1.5, 2.0, 3.0),
        apply=_with_traffic,
        describe=lambda _, factor: more.format(factor),
        unturned="not up to three times the traffic",
    )
    yield _Lever(
        steps=(0.9, 0.75, 0.5, 0.25, 0.1),
        apply=_with_traffic,
        describe=lambda _, factor: less.format(factor),
        unturned="not down to a tenth of the traffic",
    )
    if situation.target.provisioned and situation.target.provisioned.price:
        yield _Lever(
            steps=(1.1, 1.25, 1.5, 2.0, 3.0),
            apply=_with_price,
            describe=lambda at, factor: f"a unit price above {_price(at, factor)} USD an hour",
            unturned="not a unit at three times its price",
        )
        yield _Lever(
            steps=(0.9, 0.75, 0.5),
            apply=_with_price,
            describe=lambda at, factor: f"a unit price below {_price(at, factor)} USD an hour",
            unturned="not a unit at half its price",
        )


def _with_traffic(situation: Situation, factor: float) -> Situation:
    traffic = situation.observation.traffic
    scaled = Traffic(
        start=traffic.start, **{name: getattr(traffic, name) * factor for name in METRICS}
    )
    return replace(situation, observation=replace(situation.observation, traffic=scaled))


def _price(situation: Situation, factor: float) -> str:
    """The price of a unit times this factor."""
    provisioned = situation.target.provisioned
    price = provisioned.price if provisioned else None
    return f"{float(price.usd_per_hour) * factor:,.2f}" if price else ""


def _with_price(situation: Situation, factor: float) -> Situation:
    target = situation.target
    if target.provisioned is None or target.provisioned.price is None:
        return situation
    price = target.provisioned.price
    price = replace(price, usd_per_hour=price.usd_per_hour * Decimal(str(factor)))
    provisioned = replace(target.provisioned, price=price)
    return replace(situation, target=replace(target, provisioned=provisioned))
