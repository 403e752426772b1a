"""A reporter that keeps what it was told."""

from dataclasses import dataclass, field

from bedrock_autoscaler.domain.consents.consent import Request
from bedrock_autoscaler.domain.decision import Decision


@dataclass(frozen=True, slots=True)
class Happening:
    """One call of `happened`."""

    event: str
    target: str
    fields: dict[str, str | float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Alarm:
    """One call of `alarm`."""

    alarm: str
    target: str
    message: str


class RecordingReporter:
    """Keeps every report in the order in which it came."""

    def __init__(self) -> None:
        self.decisions: list[Decision] = []
        self.happenings: list[Happening] = []
        self.alarms: list[Alarm] = []
        self.requests: list[Request] = []
        self.flushes = 0

    def decided(self, decision: Decision) -> None:
        """Keep the decision."""
        self.decisions.append(decision)

    def happened(self, event: str, target: str, **fields: str | float) -> None:
        """Keep the event with its fields."""
        self.happenings.append(Happening(event, target, fields))

    def alarm(self, alarm: str, target: str, message: str) -> None:
        """Keep the alarm."""
        self.alarms.append(Alarm(alarm, target, message))

    def asks(self, request: Request) -> None:
        """Keep the request."""
        self.requests.append(request)

    def flush(self) -> None:
        """Count the ends of runs."""
        self.flushes += 1

    @property
    def events(self) -> list[tuple[str, str]]:
        """(event, target) of every happening."""
        return [(happening.event, happening.target) for happening in self.happenings]

    @property
    def alarm_names(self) -> list[tuple[str, str]]:
        """(alarm, target) of every alarm."""
        return [(alarm.alarm, alarm.target) for alarm in self.alarms]
