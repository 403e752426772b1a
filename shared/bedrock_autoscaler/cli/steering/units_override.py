"""What a person's number of units means beside what is held and what binds."""

from collections.abc import Iterator

from bedrock_autoscaler.application.ports.settings import Settings
from bedrock_autoscaler.domain.target import Mode, Target
from bedrock_autoscaler.domain.units import units_text


def units_lines(target: Target, settings: Settings, number: int, held: int) -> Iterator[str]:
    """The bound that keeps the number from being reached, and what changes until it is.

    Args:
        target: as it is in force.
        settings: all that is in force, for the caps of the stack.
        number: of units that the person wants.
        held: reserved for the target, with those under way.
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
        yield (
            f"{units_text(held)} held; to reach {bounded}, more are bought as caps, quota and pace "
            "let them"
        )
    elif bounded < held:
        yield (
            f"{units_text(held)} held; to reach {bounded}, throughputs are released, each as a "
            "whole at the end of its paid hour, and none under a term before that ends"
        )
    else:
        yield f"{units_text(held)} held, as many as that"


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
