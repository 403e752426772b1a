"""What a pause until a moment means beside the pauses in force."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from bedrock_autoscaler.domain.acting.controls import Controls
from bedrock_autoscaler.domain.target import Target
from bedrock_autoscaler.domain.units import moment_text

_WHAT = {"pause_growth": ("purchases", "grow"), "pause_shrink": ("releases", "shrink")}
"""What a field pauses, and the direction by which commands know it."""


def shortened(
    controls: Controls, fields: Sequence[str], moment: datetime, now: datetime
) -> Iterator[str]:
    """The pauses in force that would end earlier than they do, each in a sentence.

    Args:
        controls: in force.
        fields: `pause_growth`, `pause_shrink`, or both.
        moment: the wanted end.
        now: of the command.
    """
    for field in fields:
        until: datetime | None = getattr(controls, f"{field}_until")
        is_endless: bool = getattr(controls, field)
        if until is not None and until > max(now, moment) and not is_endless:
            yield (
                f"{_WHAT[field][0]} are paused until {moment_text(until)}; that would end earlier, "
                f"at {moment_text(moment)}"
            )


def outlasted(controls: Controls, fields: Sequence[str], now: datetime) -> Iterator[str]:
    """The pauses with an end that one without an end outlasts, each in a sentence.

    Args:
        controls: as they were in force before.
        fields: as of `shortened`.
        now: of the command.
    """
    for field in fields:
        until: datetime | None = getattr(controls, f"{field}_until")
        if until is not None and until > now:
            yield (
                f"{_WHAT[field][0]} were paused until {moment_text(until)}; now they stay paused "
                "beyond that, until `bedrock-autoscaler resume` ends both pauses"
            )


def lasting(target: Target, fields: Sequence[str], stack: str) -> Iterator[str]:
    """The pauses without an end that stay beside one with an end, and the command against each.

    Args:
        target: as it was in force before.
        fields: as of `shortened`.
        stack: its name, for the command.
    """
    for field in fields:
        if getattr(target.controls, field):
            what, direction = _WHAT[field]
            yield (
                f"{what} stay paused beyond that, since controls.{field} is set, until "
                f"`bedrock-autoscaler resume {target.name} --direction {direction} --stack {stack}`"
            )
