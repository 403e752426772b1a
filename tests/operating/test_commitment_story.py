"""A commitment's whole life by the real rules, in the functions' handlers, over moto."""

import json
from functools import cached_property
from typing import Any, override

import boto3
import pytest
from moto.sns.models import sns_backends

from bedrock_autoscaler.application.assembling import Application
from bedrock_autoscaler.application.ports.decisions import RecordedDecision
from bedrock_autoscaler.application.ports.history import History
from bedrock_autoscaler.application.ports.ledger import LedgerState
from bedrock_autoscaler.application.ports.persons import Reporter
from bedrock_autoscaler.domain.target import Loop
from tests.builders import NOW, REGION
from tests.commitment_story import POLICY, WEEKS, Story, is_told_to_the_end, keep
from tests.fakes.memory_history import MemoryHistory
from tests.functions.account import DEPLOYMENT, Account
from tests.functions.account import _Adapters as Adapters


class Telling(Adapters):
    """Those of the account, with the bus and the topic of a deployed stack.

    The history stands in memory: weeks of it take moto some minutes.
    """

    def __init__(self, account: Account, kept: History) -> None:
        super().__init__(account)
        self._kept = kept

    @cached_property
    @override
    def reporter(self) -> Reporter:
        return self._telling(super().reporter)

    @cached_property
    @override
    def history(self) -> History:
        return self._kept


class StoryOnMoto(Story):
    """The four handlers in this process."""

    def __init__(
        self, account: Account, topic: str, kept: History, capsys: pytest.CaptureFixture[str]
    ) -> None:
        super().__init__(DEPLOYMENT, account.world, kept, capsys)
        self._account, self._topic, self._kept = account, topic, kept
        self._read = 0

    @override
    def fire(self, function: str, **event: str) -> Any:
        return self._account.run(function, **event)

    @override
    def mails(self) -> list[tuple[str, str]]:
        topic = sns_backends["123456789012"][REGION].topics[self._topic]
        found = [(one[2] or "", one[1]) for one in topic.sent_notifications]
        new, self._read = found[self._read :], len(found)
        return new

    @override
    def newest(self) -> RecordedDecision:
        found = Telling(self._account, self._kept).decisions.latest("chat", Loop.CAPACITY)
        assert found is not None
        return found

    @override
    def ledger(self) -> LedgerState:
        return self._account.ledger()


@pytest.fixture
def story(
    deployed_account: Account,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Story:
    """A target at the end of five even weeks."""
    topic = boto3.client("sns", region_name=REGION).create_topic(Name="alerts")["TopicArn"]
    boto3.client("events", region_name=REGION).create_event_bus(Name="bus")
    monkeypatch.setenv("ALERT_TOPIC_ARN", topic)
    monkeypatch.setenv("EVENT_BUS", "bus")
    deployed_account.put_setting("settings/targets/chat", json.dumps(POLICY))
    history = MemoryHistory()
    for name in deployed_account.applications:
        deployed_account.applications[name] = Application(
            Telling(deployed_account, history), deployment=DEPLOYMENT, code_version="1.2.3"
        )
    keep(history, NOW - WEEKS, NOW)
    return StoryOnMoto(deployed_account, topic, history, capsys)


def test_a_commitment_from_advice_to_its_end(story: Story) -> None:
    is_told_to_the_end(story)
