"""What a target may spend once it acts, in words."""

from datetime import datetime

from bedrock_autoscaler.application.ports.settings import Settings
from bedrock_autoscaler.domain.target import Mode, Target
from bedrock_autoscaler.domain.units import units_text


def spending_lines(target: Target, settings: Settings, now: datetime) -> list[str]:
    """The bounds of a target's spend, tightest first to read, and those on all targets.

    Args:
        target: whose spend it is.
        settings: all that would be in force, for the caps of the stack.
        now: of the command, for the pauses.
    """
    rails, bought = target.guard_rails, target.provisioned
    if target.mode is not Mode.ACT:
        return [f"{target.name} only advises: it buys nothing"]
    if bought is None or rails.max_units == 0:
        return [f"{target.name} acts on routes alone: it may buy no units"]
    each = (
        f"{bought.price.usd_per_hour} USD an hour each"
        if bought.price
        else "of unknown price, which blocks every purchase"
    )
    may = (
        f"{target.name} acts: it may hold {units_text(rails.max_units)} of {bought.model_id} "
        f"({each}), for at most {rails.max_usd_per_hour:,.2f} USD an hour, "
        f"{rails.max_usd_per_day:,.2f} a day, {rails.max_usd_per_month:,.2f} a month, in "
        f"{rails.max_purchases_per_day} purchases a day, without any commitment"
    )
    lines = [may]
    brake = target.controls.growth_problem(now)
    if brake is not None:
        lines = [f"{target.name} buys nothing as long as {brake}; without that:", may]
    if settings.stack is not None:
        stack = settings.stack
        lines.append(
            f"all targets together: at most {units_text(stack.max_units)}, "
            f"{stack.max_usd_per_hour:,.2f} USD an hour, {stack.max_usd_per_day:,.2f} a day, "
            f"{stack.max_usd_per_month:,.2f} a month"
        )
    return lines
