"""The queue: one group for each target, ten messages a call, what fails is told."""

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any, cast

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from bedrock_autoscaler.adapters.queue import SqsAssignments, _entry, answered, read_assignment
from bedrock_autoscaler.application.errors import ConfigurationError
from bedrock_autoscaler.application.fleets.assigning import Assignment
from bedrock_autoscaler.application.ticking import Summary
from bedrock_autoscaler.domain.target import Loop
from tests.builders import NOW
from tests.deployment.template import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mypy_boto3_sqs import SQSClient


def assignment(name: str) -> Assignment:
    return Assignment(
        target=name,
        settings_version="0123456789abcdef",
        roster="0123456789abcdef",
        loops=(Loop.CAPACITY, Loop.ROUTING),
        scheduled_at=NOW,
        capacity_at=NOW + timedelta(minutes=5),
        silent_together=True,
    )


@pytest.fixture
def sqs() -> "Iterator[SQSClient]":
    with mock_aws():
        yield boto3.client(
            "sqs",
            region_name="us-east-1",
            aws_access_key_id="testing",
            aws_secret_access_key="testing",  # noqa: S106 - nobody checks it
        )


@pytest.fixture
def url(sqs: "SQSClient") -> str:
    return sqs.create_queue(QueueName="work.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]


def test_an_assignment_comes_back_equal(sqs: "SQSClient", url: str) -> None:
    assert SqsAssignments(sqs, url).send([assignment("chat")]) == ()

    (message,) = sqs.receive_message(QueueUrl=url, AttributeNames=["All"])["Messages"]

    assert read_assignment(message["Body"]) == assignment("chat")
    assert message["Attributes"]["MessageGroupId"] == "chat"


def test_the_same_assignment_sent_twice_is_handed_out_once(sqs: "SQSClient", url: str) -> None:
    queue = SqsAssignments(sqs, url)
    queue.send([assignment("chat")])
    queue.send([assignment("chat")])

    found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"])[
        "Attributes"
    ]

    assert found["ApproximateNumberOfMessages"] == "1"


class Refusing:
    """Refuses every third message of a call, and the second call altogether."""

    def __init__(self) -> None:
        self.sizes: list[int] = []

    def send_message_batch(self, **request: Any) -> dict[str, Any]:
        self.sizes.append(len(request["Entries"]))
        if len(self.sizes) == 2:
            raise ClientError({"Error": {"Code": "RequestThrottled", "Message": ""}}, "x")
        failed = [entry for entry in request["Entries"] if int(entry["Id"]) % 3 == 0]
        return {"Failed": [entry | {"Code": "InternalError"} for entry in failed]}


def test_what_is_refused_is_told_and_holds_up_nothing() -> None:
    client = Refusing()
    names = [f"t{index}" for index in range(24)]

    queue = SqsAssignments(cast("SQSClient", client), "url")
    unsent = queue.send([assignment(name) for name in names])

    assert client.sizes == [10, 10, 4]
    assert [each.target for each in unsent] == [
        *("t0", "t3", "t6", "t9"),
        *names[10:20],
        *("t20", "t23"),
    ]
    assert queue.trouble == "InternalError, RequestThrottled"
    assert (queue.send(()), queue.trouble) == ((), "")


@pytest.mark.parametrize("body", ["", "no json", "{}", json.dumps({"target": "secret"})])
def test_a_body_that_is_no_assignment_is_refused_and_not_quoted(body: str) -> None:
    with pytest.raises(ConfigurationError, match="message: ") as caught:
        read_assignment(body)

    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("member", ["scheduled_at", "capacity_at", "acting_until", "last_call_at"])
@pytest.mark.parametrize("time", ["2026-11-20T12:00:00", "9999-12-31T23:59:59-05:00"])
def test_a_time_that_is_none_in_utc_makes_no_assignment(member: str, time: str) -> None:
    """A worker would stumble over it with all of its batch."""
    body = json.loads(_entry("0", assignment("chat"))["MessageBody"]) | {member: time}

    with pytest.raises(ConfigurationError, match="message: a time"):
        read_assignment(json.dumps(body))


def record(message: str, body: str) -> dict[str, str]:
    return {"messageId": message, "body": body, "receiptHandle": "opaque"}


def test_what_failed_is_told_message_by_message() -> None:
    sample = json.loads((ROOT / "events" / "visit.json").read_text(encoding="utf-8"))
    (chat,) = sample["Records"]
    search = chat["body"].replace("chat", "search")
    event = {
        "Records": [
            chat,
            record("2", search),
            record("3", "poison"),
            record("4", search.replace("09:16", "09:17")),
        ]
    }
    visited: list[Assignment] = []

    def visit(batch: "Sequence[Assignment]") -> Summary:
        visited.extend(batch)
        return Summary(outcomes=(), failed=("search",))

    answer = answered(event, visit)

    assert [each.target for each in visited] == ["chat", "search", "search"]
    failures = answer["batchItemFailures"]
    assert failures == [{"itemIdentifier": message} for message in ("3", "2", "4")]


def test_a_batch_without_failures_is_done() -> None:
    sample = json.loads((ROOT / "events" / "visit.json").read_text(encoding="utf-8"))

    assert answered(sample, lambda _: Summary(outcomes=())) == {"batchItemFailures": []}
