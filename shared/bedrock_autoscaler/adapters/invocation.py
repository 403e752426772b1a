"""What Lambda hands to a function: the schedule's event, and the time that is left."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Literal, Protocol, Self

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, ValidationError

from bedrock_autoscaler.application.errors import ConfigurationError
from bedrock_autoscaler.domain.target import Loop

PLACEHOLDER = "<aws.scheduler.scheduled-time>"
"""EventBridge Scheduler puts the scheduled time here; an emulator may send it as it stands."""


def _known_time(value: object) -> object:
    return None if value == PLACEHOLDER else value


class TickEvent(BaseModel):
    """The input of a schedule.

    Attributes:
        scheduled_time: None when the schedule does not tell.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    scheduled_time: Annotated[AwareDatetime | None, BeforeValidator(_known_time)] = None

    @classmethod
    def read(cls, event: Mapping[str, object]) -> Self:
        """The event of this form.

        Raises:
            ConfigurationError: it has another form; the message quotes nothing of it.
        """
        try:
            return cls.model_validate(event)
        except ValidationError as error:
            fault = error.errors(include_url=False, include_input=False, include_context=False)[0]
            name = str(fault["loc"][0]) if fault["loc"] else "all of it"
            # An unknown field's name is the event's text too, as is what the chained error holds.
            place = name if name in {*cls.model_fields, "all of it"} else "an unknown field"
            raise ConfigurationError(f"event: {place}: {fault['msg']}") from None


class DecidingEvent(TickEvent):
    """The input of the schedules of `observe_decide`.

    Attributes:
        loop: which loop ticks; `heartbeat` decides nothing and only proves the minute.
    """

    loop: Loop | Literal["heartbeat"]


class InvocationContext(Protocol):
    """The part of Lambda's context object that is used."""

    invoked_function_arn: str

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until the function is stopped."""


class InvocationDeadline:
    """The Deadline port over an invocation's context."""

    def __init__(self, context: InvocationContext) -> None:
        self._context = context

    def remaining(self) -> timedelta:
        """Time until the function is stopped."""
        return timedelta(milliseconds=self._context.get_remaining_time_in_millis())
