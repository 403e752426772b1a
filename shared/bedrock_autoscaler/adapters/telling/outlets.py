"""EventBridge for announcements and SNS for messages, both with little patience."""

from __future__ import annotations

import json
from time import monotonic
from typing import TYPE_CHECKING, override

from botocore.exceptions import BotoCoreError, ClientError

from bedrock_autoscaler.adapters.telling.detail import detail_of
from bedrock_autoscaler.application.errors import UnknownOutcomeError
from bedrock_autoscaler.application.telling.events import Kind, Outlets
from bedrock_autoscaler.sdk_errors import code_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import Any

    from mypy_boto3_events import EventBridgeClient
    from mypy_boto3_events.type_defs import PutEventsRequestEntryTypeDef
    from mypy_boto3_sns import SNSClient

    from bedrock_autoscaler.application.telling.events import Announcement
    from bedrock_autoscaler.application.telling.messages import Message

SOURCE = "bedrock-autoscaler"
DETAIL_TYPES = {
    Kind.DECISION: "Bedrock Autoscaler Decision",
    Kind.CHANGE: "Bedrock Autoscaler Change",
    Kind.ALARM: "Bedrock Autoscaler Alarm",
    Kind.REQUEST: "Bedrock Autoscaler Request",
}
SECONDS = 8.0
"""So long a run goes on sending events, and then messages; what is left of either is given up.

The function has 50 seconds.
"""

_BATCH = 10
_MOST_BYTES = 200_000  # PutEvents takes 256 KB in all


class AwsOutlets(Outlets):
    """One event bus and one topic; either may be absent.

    Args:
        events: makes the client of EventBridge when it is first needed.
        sns: likewise of SNS.
        bus: name of the event bus; None: nothing is announced.
        topic: ARN of the topic; None: nobody is told.
        deployment: the stack's name, which each event carries.
        elapsed: seconds on a clock that never steps back; a test may put its own here.
    """

    def __init__(
        self,
        *,
        events: Callable[[], EventBridgeClient],
        sns: Callable[[], SNSClient],
        bus: str | None,
        topic: str | None,
        deployment: str,
        elapsed: Callable[[], float] = monotonic,
    ) -> None:
        self._events = events
        self._sns = sns
        self._bus = bus
        self._topic = topic
        self._deployment = deployment
        self._elapsed = elapsed

    @override
    def announce(self, announcements: Iterable[Announcement]) -> None:
        """Ten at a time; the first failure ends it."""
        if self._bus is None:
            return
        until = self._elapsed() + SECONDS
        for batch in _batches([self._entry(one, self._bus) for one in announcements]):
            if self._elapsed() > until:
                raise UnknownOutcomeError(f"events were given up after {SECONDS:.0f} seconds")
            try:
                answer = self._events().put_events(Entries=batch)
            except (BotoCoreError, ClientError) as error:
                raise UnknownOutcomeError(f"events were not sent: {code_of(error)}") from error
            if answer["FailedEntryCount"]:
                codes = {entry.get("ErrorCode", "") for entry in answer["Entries"]} - {""}
                count = answer["FailedEntryCount"]
                raise UnknownOutcomeError(f"{count} events were refused: {', '.join(codes)}")

    @override
    def tell(self, messages: Iterable[Message]) -> Iterator[Message]:
        """One publish each; the first failure ends it, since the next would wait as long."""
        until = self._elapsed() + SECONDS
        for message in messages:
            if self._elapsed() > until:
                raise UnknownOutcomeError(f"messages were given up after {SECONDS:.0f} seconds")
            self._publish(message)
            yield message

    def _publish(self, message: Message) -> None:
        if self._topic is None:
            return
        try:
            self._sns().publish(TopicArn=self._topic, Subject=message.subject, Message=message.body)
        except (BotoCoreError, ClientError) as error:
            raise UnknownOutcomeError(f"a message was not sent: {code_of(error)}") from error

    def _entry(self, one: Announcement, bus: str) -> PutEventsRequestEntryTypeDef:
        return {
            "Source": SOURCE,
            "DetailType": DETAIL_TYPES[one.kind],
            "Detail": json.dumps(detail_of(one, self._deployment), allow_nan=False),
            "EventBusName": bus,
            "Time": one.at,
        }


def _batches(
    entries: list[PutEventsRequestEntryTypeDef],
) -> list[list[PutEventsRequestEntryTypeDef]]:
    """At most ten entries, and no more bytes than one call takes."""
    found: list[list[Any]] = []
    size = 0
    for entry in entries:
        own = len(entry["Detail"].encode()) + 300  # names, source and time besides
        if not found or len(found[-1]) == _BATCH or size + own > _MOST_BYTES:
            found.append([])
            size = 0
        found[-1].append(entry)
        size += own
    return found
