"""The queue between dispatcher and workers: SQS FIFO, the message group being the target."""

from __future__ import annotations

from dataclasses import replace
from itertools import batched
from typing import TYPE_CHECKING, Any, override

from botocore.exceptions import BotoCoreError, ClientError
from pydantic import TypeAdapter, ValidationError

from bedrock_autoscaler.application.errors import ConfigurationError
from bedrock_autoscaler.application.fleets.assigning import Assignment, Assignments
from bedrock_autoscaler.domain.units import as_utc, compact
from bedrock_autoscaler.sdk_errors import code_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import SendMessageBatchRequestEntryTypeDef

    from bedrock_autoscaler.application.ticking import Summary

# The most that SendMessageBatch takes.
_BATCH = 10
_ASSIGNMENT = TypeAdapter(Assignment)


class SqsAssignments(Assignments):
    """Sends ten messages a call; SQS drops one that it has had within five minutes."""

    def __init__(self, client: SQSClient, url: str) -> None:
        self._client = client
        self._url = url
        self._codes: set[str] = set()

    @property
    @override
    def trouble(self) -> str:
        """AWS's codes."""
        return ", ".join(sorted(self._codes))

    @override
    def send(self, assignments: Sequence[Assignment]) -> tuple[Assignment, ...]:
        """In the order given, as far as SQS keeps one between groups."""
        unsent: list[Assignment] = []
        self._codes = set()
        for batch in batched(assignments, _BATCH, strict=False):
            try:
                answer = self._client.send_message_batch(
                    QueueUrl=self._url,
                    Entries=[_entry(str(i), each) for i, each in enumerate(batch)],
                )
            except (BotoCoreError, ClientError) as error:
                unsent += batch
                self._codes.add(code_of(error))
                continue
            refused = answer.get("Failed", ())
            unsent += [batch[int(failed["Id"])] for failed in refused]
            self._codes |= {failed["Code"] for failed in refused}
        return tuple(unsent)


def read_assignment(body: str) -> Assignment:
    """The assignment of a message's body.

    Raises:
        ConfigurationError: it is none; the message quotes nothing of it.
    """
    try:
        found = _ASSIGNMENT.validate_json(body)
    except ValidationError as error:
        fault = error.errors(include_url=False, include_input=False, include_context=False)[0]
        raise ConfigurationError(f"message: {fault['msg']}") from None
    try:
        return replace(
            found,
            scheduled_at=as_utc(found.scheduled_at),
            capacity_at=found.capacity_at and as_utc(found.capacity_at),
            acting_until=found.acting_until and as_utc(found.acting_until),
            last_call_at=found.last_call_at and as_utc(found.last_call_at),
        )
    except (ValueError, OverflowError):
        raise ConfigurationError("message: a time of it is none in UTC") from None


def answered(
    event: Mapping[str, Any], visit: Callable[[Sequence[Assignment]], Summary]
) -> dict[str, object]:
    """Visit the messages of an SQS event; which of them SQS shall hand out again.

    A message that is no assignment fails alone, is handed out again, and ends as a dead letter. All
    messages of a target that failed fail together, so that their order is kept.

    Args:
        event: as Lambda gives it.
        visit: decides a batch.
    """
    by_message: dict[str, Assignment] = {}
    failed = []
    for record in event["Records"]:
        try:
            by_message[record["messageId"]] = read_assignment(record["body"])
        except ConfigurationError:
            failed.append(record["messageId"])
    lost = set(visit(tuple(by_message.values())).failed)
    failed += [message for message, each in by_message.items() if each.target in lost]
    return {"batchItemFailures": [{"itemIdentifier": message} for message in failed]}


def _entry(name: str, assignment: Assignment) -> SendMessageBatchRequestEntryTypeDef:
    return {
        "Id": name,
        "MessageBody": _ASSIGNMENT.dump_json(assignment).decode(),
        "MessageGroupId": assignment.target,
        "MessageDeduplicationId": f"{assignment.target}-{compact(assignment.scheduled_at)}",
    }
