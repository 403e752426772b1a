"""What a person's number of units means beside what is held and what binds."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from bedrock_autoscaler.application.ports.settings import Settings
from bedrock_autoscaler.domain.target import Mode, Target
from bedrock_autoscaler.domain.units import units_text


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What holds all targets at the moment.

    Attributes:
        switch: what the kill switch says; None: it cannot be read.
    """

    switch: str | None
    now: datetime


def units_lines(
    target: Target, settings: Settings, number: int, held: int, *, standing: Standing
) -> Iterator[str]:
    """The bound that keeps the number from being reached, and what changes until it is.

    Args:
        target: as it is in force.
        settings: all that is in force, for the caps of the stack.
        number: of units that the person wants.
        held: reserved for the target, with those under way.
        standing: whether anything may act.
    """
    bounded = _bounded(target, settings, number)
    if bounded != number:
        yield (
            f"{units_text(number)} are out of bounds: {_bound_text(target, settings, bounded)} "
            f"binds, so {bounded} is what can be held"
        )
    if target.mode is not Mode.ACT:
        yield f"{target.name} only advises: it holds {units_text(held)}, and nothing is changed"
    elif bounded > held:
        brakes = list(_growth_brakes(target, standing))
        more = "more are needed" if brakes else "more are bought as caps, quota and pace let them"
        yield f"{units_text(held)} held; to reach {bounded}, {more}"
        yield from (f"nothing is bought as long as {brake}" for brake in brakes)
    elif bounded < held:
        brakes = list(_brakes(target.controls.shrink_problem(standing.now), standing))
        fewer = (
            "fewer are needed"
            if brakes
            else "throughputs are released, each as a whole at the end of its paid hour, and none "
            "under a term before that ends"
        )
        yield f"{units_text(held)} held; to reach {bounded}, {fewer}"
        yield from (f"nothing is released as long as {brake}" for brake in brakes)
    else:
        yield f"{units_text(held)} held, as many as that"


def _growth_brakes(target: Target, standing: Standing) -> Iterator[str]:
    if target.provisioned is None:
        yield f"{target.name} has no `provisioned`, the model whose units are bought"
    yield from _brakes(target.controls.growth_problem(standing.now), standing)


def _brakes(by_hand: str | None, standing: Standing) -> Iterator[str]:
    if standing.switch not in {None, "allow"}:
        yield f"the switch is {standing.switch} (`bedrock-autoscaler start`)"
    if by_hand is not None:
        yield by_hand


def _bounded(target: Target, settings: Settings, number: int) -> int:
    rails = target.guard_rails
    return max(min(number, rails.max_units, settings.rails.max_units), rails.min_units)


def _bound_text(target: Target, settings: Settings, bounded: int) -> str:
    rails = target.guard_rails
    if bounded == rails.min_units:
        return f"guard_rails.min_units of {target.name}, {rails.min_units},"
    if bounded == rails.max_units:
        return f"guard_rails.max_units of {target.name}, {rails.max_units},"
    return f"max_units of the stack, {settings.rails.max_units},"
