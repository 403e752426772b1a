"""Events and messages as the SDK sends them, against EventBridge and SNS of moto."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

import boto3
import pytest
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from botocore.exceptions import ConnectTimeoutError
from moto import mock_aws
from moto.sns.models import sns_backends

from bedrock_autoscaler.adapters.telling.outlets import SECONDS, AwsOutlets
from bedrock_autoscaler.application.errors import UnknownOutcomeError
from bedrock_autoscaler.application.telling.events import Announcement, Kind
from bedrock_autoscaler.application.telling.messages import Message
from bedrock_autoscaler.domain.decision import Decision, Purchase
from tests.builders import NOW, REGION, build_decision

MESSAGE = Message(subject="s", body="b")


@dataclass(slots=True)
class Account:
    """An account with a bus and a topic; what was put on the bus is kept."""

    topic: str
    events: Any
    sns: Any
    sent: list[list[dict[str, Any]]] = field(default_factory=list)
    refused: str = ""
    seconds: Iterator[float] = field(default_factory=lambda: iter([0.0] * 1_000))

    def outlets(self, *, bus: str | None = "prod", topic: bool = True) -> AwsOutlets:
        return AwsOutlets(
            events=lambda: self.events,
            sns=lambda: self.sns,
            bus=bus,
            topic=self.topic if topic else None,
            deployment="prod",
            elapsed=lambda: next(self.seconds),
        )

    def keep(self, params: dict[str, Any], **_: Any) -> tuple[AWSResponse, Any] | None:
        entries = json.loads(params["body"])["Entries"]
        self.sent.append(entries)
        if not self.refused:
            return None
        answer = {"Entries": [{"ErrorCode": self.refused}] * len(entries)}
        parsed = {"FailedEntryCount": len(entries), **answer, "ResponseMetadata": {}}
        return AWSResponse("", 200, HTTPHeaders(), None), parsed

    def mails(self) -> list[tuple[str, str]]:
        """(subject, text) of all messages."""
        topic = sns_backends["123456789012"][REGION].topics[self.topic]
        return [(one[2] or "", one[1]) for one in topic.sent_notifications]


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    with mock_aws():
        session = boto3.Session(region_name=REGION)
        events, sns = session.client("events"), session.client("sns")
        events.create_event_bus(Name="prod")
        made = Account(topic=sns.create_topic(Name="alerts")["TopicArn"], events=events, sns=sns)
        hooks: Any = events.meta.events  # the published stub forgets that a hook may answer
        hooks.register("before-call.events.PutEvents", made.keep)
        yield made


def announcement(number: int = 0, text: str = "") -> Announcement:
    return Announcement(
        kind=Kind.CHANGE, id=f"d-{number}", name="published", target="chat", at=NOW, text=text
    )


def test_an_event_has_source_type_bus_time_and_detail(account: Account) -> None:
    purchase = Purchase(model_id="m", model_units=1, usd_per_hour=Decimal("60.5"))
    decision = build_decision(actions=(purchase,))

    account.outlets().announce(
        [
            Announcement(
                kind=Kind.DECISION,
                id=decision.id,
                name="decided",
                target="chat",
                at=NOW,
                decision=decision,
            )
        ]
    )

    ((entry,),) = account.sent
    detail = json.loads(entry.pop("Detail"))
    assert entry == {
        "Source": "bedrock-autoscaler",
        "DetailType": "Bedrock Autoscaler Decision",
        "EventBusName": "prod",
        "Time": NOW.timestamp(),
    }
    assert detail["id"] == decision.id
    assert detail["decision"]["actions"][0]["usd_per_hour"] == "60.5"


def test_events_go_ten_at_a_time_and_never_too_many_bytes(account: Account) -> None:
    # A text is cut at 1,000 characters, so that ten of four bytes each still fit.
    many = [announcement(number, "\N{GRINNING FACE}" * 2_000) for number in range(21)]

    account.outlets().announce(many)

    assert [len(batch) for batch in account.sent] == [10, 10, 1]
    assert max(len(json.dumps(batch)) for batch in account.sent) < 256 * 1024


def test_a_large_batch_is_split(account: Account) -> None:
    reason = build_decision().reasons[0]
    large = build_decision(reasons=(reason,) * 50)
    long_reasons = [
        Announcement(
            kind=Kind.DECISION, id=str(number), name="decided", target="chat", at=NOW, decision=one
        )
        for number, one in enumerate([_padded(large)] * 8)
    ]

    account.outlets().announce(long_reasons)

    sizes = [sum(len(entry["Detail"]) for entry in batch) for batch in account.sent]
    assert len(sizes) > 1
    assert max(sizes) <= 200_000


def _padded(decision: Decision) -> Decision:
    reasons = tuple(replace(reason, message="x" * 1_000) for reason in decision.reasons)
    return replace(decision, reasons=reasons)


def test_refused_entries_are_trouble(account: Account) -> None:
    account.refused = "ThrottlingException"

    with pytest.raises(UnknownOutcomeError, match="2 events were refused: ThrottlingException"):
        account.outlets().announce([announcement(1), announcement(2)])


def test_a_call_that_hangs_is_trouble(account: Account) -> None:
    def hang(**_: Any) -> None:
        raise ConnectTimeoutError(endpoint_url="x")

    account.events.meta.events.register("before-send.events", hang)
    account.sns.meta.events.register("before-send.sns", hang)

    with pytest.raises(UnknownOutcomeError, match="events were not sent: ConnectTimeoutError"):
        account.outlets().announce([announcement()])
    with pytest.raises(UnknownOutcomeError, match="not sent: ConnectTimeoutError"):
        list(account.outlets().tell([MESSAGE]))


def test_a_run_gives_up_sending_after_some_seconds(account: Account) -> None:
    account.seconds = iter([0.0, 1.0, SECONDS + 1])

    with pytest.raises(UnknownOutcomeError, match="given up after 8 seconds"):
        account.outlets().announce([announcement(number) for number in range(25)])

    assert len(account.sent) == 1


def test_messages_are_given_up_after_as_many_seconds(account: Account) -> None:
    """The topic answers, but slowly: a failure alone would never end it."""
    # The beginning, and before each message.
    account.seconds = iter([0.0, 0.0, SECONDS / 2, SECONDS + 1])

    with pytest.raises(UnknownOutcomeError, match="messages were given up after 8 seconds"):
        list(account.outlets().tell([MESSAGE] * 9))

    assert len(account.mails()) == 2


def test_a_message_reaches_the_topic(account: Account) -> None:
    list(account.outlets().tell([Message(subject="[prod] chat: idle", body="do this\n")]))

    assert account.mails() == [("[prod] chat: idle", "do this\n")]


def test_a_topic_that_is_gone_is_trouble(account: Account) -> None:
    account.sns.delete_topic(TopicArn=account.topic)

    with pytest.raises(UnknownOutcomeError, match="not sent: NotFound"):
        list(account.outlets().tell([MESSAGE]))


def test_without_a_bus_or_a_topic_nothing_is_sent(account: Account) -> None:
    account.outlets(bus=None).announce([announcement()])
    assert list(account.outlets(topic=False).tell([MESSAGE])) == [MESSAGE]

    assert (account.sent, account.mails()) == ([], [])
