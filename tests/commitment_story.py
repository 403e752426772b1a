"""A commitment's whole life: advised, asked for, agreed to, bought, kept, warned of, ended.

A person's commands are those that the messages tell, word for word. Where it plays is a stage of
its own: moto in this process, or the deployed stack on the emulator.
"""

import re
import shlex
from abc import ABC, abstractmethod
from datetime import datetime, timedelta
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from bedrock_autoscaler.application.ports.decisions import RecordedDecision
from bedrock_autoscaler.application.ports.history import History
from bedrock_autoscaler.application.ports.ledger import LedgerState
from bedrock_autoscaler.cli.app import run
from bedrock_autoscaler.domain.commitments.renewal import MILESTONE_DAYS
from bedrock_autoscaler.domain.decision import Decision
from bedrock_autoscaler.domain.fleet.intent import PurchaseState
from bedrock_autoscaler.domain.reason import ReasonCode
from bedrock_autoscaler.domain.units import HOUR, MINUTE, count_text, floor_hour
from bedrock_world.world import World
from tests.builders import MODEL, NOW, REGION, build_traffic
from tests.functions.account import SETTINGS

DAY = timedelta(days=1)
WEEKS = 5 * 7 * DAY
# A minute of 60,000 input and 12,000 output tokens fills a unit. On demand it costs 3.17 USD an
# hour (60 * (60,000 * 0.00033 + 12,000 * 0.00275) / 1,000), so that a unit at 3.00 never repays
# the growing margin of 1.15, and a month's term at 2.50 does by more than its margin of 1.03.
POLICY: dict[str, Any] = SETTINGS | {
    "provisioned": {
        "model_id": SETTINGS["provisioned"]["model_id"],
        "unit_rate": {
            "input_tokens_per_minute": 60_000,
            "output_tokens_per_minute": 12_000,
            "source": "test",
        },
        "price": {
            "usd_per_hour": 3.0,
            "one_month_usd_per_hour": 2.5,
            "source": "test",
            "as_of": NOW.date().isoformat(),
        },
    },
    "options": [
        {
            "kind": "on_demand",
            "address": MODEL,
            "price": {
                "input_usd_per_1k": 0.00033,
                "output_usd_per_1k": 0.00275,
                "source": "test",
                "as_of": NOW.date().isoformat(),
            },
            "quota": "unlimited",
        }
    ],
}


class Story(ABC):
    """A stack by the world's clock, its mail, and its person.

    Attributes:
        stack: its name.
    """

    def __init__(
        self, stack: str, world: World, history: History, capsys: pytest.CaptureFixture[str]
    ) -> None:
        self.stack, self.world = stack, world
        self._history, self._capsys = history, capsys

    @abstractmethod
    def fire(self, function: str, **event: str) -> Any:
        """One tick of a function."""

    @abstractmethod
    def mails(self) -> list[tuple[str, str]]:
        """(subject, text) of the messages since the last look."""

    @abstractmethod
    def newest(self) -> RecordedDecision:
        """The newest capacity decision of the ledger."""

    @abstractmethod
    def ledger(self) -> LedgerState:
        """What the ledger holds for the target."""

    @property
    def now(self) -> datetime:
        """The world's moment."""
        return self.world.clock.now()

    def live(self, by: timedelta) -> None:
        """Move on, with an even minute's traffic in each minute on the way."""
        start = self.now
        self.world.advance(by)
        keep(self._history, start, self.now)

    def tick(self) -> Decision:
        """The capacity loop decides, and the actors follow."""
        assert self.fire("observe_decide", loop="capacity")
        for function in ("purchase", "release"):
            self.fire(function)
        return self.newest().decision

    def person(self, command: str) -> str:
        """Run a line of a message; what it prints."""
        program, *words = shlex.split(command)
        assert program == "bedrock-autoscaler"
        agreed = ["--yes"] if words[0] in {"approve", "override"} else []
        self._capsys.readouterr()
        status = run([*words, *agreed])
        printed = self._capsys.readouterr()
        assert status == 0, printed.err
        return printed.out

    def bought(self) -> list[tuple[str, str]]:
        """(commitment, state) of each purchase in the ledger."""
        return [(intent.commitment.value, intent.state.value) for intent in self.ledger().purchases]

    def existing(self) -> set[str]:
        """ARNs of the throughputs that exist now."""
        return {pt.arn for pt in self.world.purchases.existing(self.now)}


def keep(history: History, start: datetime, end: datetime) -> None:
    """Write these hours of history as the loop would have, had it run."""
    start, end = floor_hour(start), floor_hour(end)
    minutes = (end - start) // MINUTE
    traffic = build_traffic(minutes, end=end, input_tokens=60_000.0, output_tokens=12_000.0)
    history.store("chat", {MODEL: traffic})


def is_told_to_the_end(story: Story) -> None:
    """Every chapter; before the first one, traffic has been even for WEEKS."""
    says_no(story)
    agrees_too_late(story)
    arn = agrees(story)
    cannot_be_rid_of_it(story, arn)
    is_warned(story)
    ends_it(story, arn)


def line(mail: str, verb: str) -> str:
    """The line of a message that begins with this command."""
    (found,) = re.findall(rf"^  (bedrock-autoscaler {verb} .*)$", mail, flags=re.MULTILINE)
    return str(found)


def codes(decision: Decision) -> set[ReasonCode]:
    return {reason.code for reason in decision.reasons}


def requested(story: Story) -> str:
    """The message of the one request since the last look."""
    (mail,) = (text for subject, text in story.mails() if "approve 1 unit " in subject)
    return mail


def says_no(story: Story) -> None:
    """Week one: the advice pays, a person is asked, and rejects."""
    decision = story.tick()
    assert ReasonCode.COMMITMENT_PAYS in codes(decision)
    mail = requested(story)
    assert "2.50 USD per hour" in mail
    assert "save" in mail

    story.person(line(mail, "reject"))

    story.live(5 * MINUTE)
    assert not story.tick().actions
    assert story.mails() == []


def agrees_too_late(story: Story) -> None:
    """Week two: a person agrees for an hour, and nothing decides within it."""
    story.live(7 * DAY - 5 * MINUTE)
    story.tick()
    approval = line(requested(story), "approve")

    story.person(f"{approval} --until 1h")

    story.live(HOUR + 5 * MINUTE)
    assert ReasonCode.CONSENT_WAITS in codes(story.tick())
    assert "nothing was written" in story.person(approval)
    assert story.bought() == []


def agrees(story: Story) -> str:
    """Week three: a person agrees, and runs the command again and again; what was bought."""
    story.live(7 * DAY - HOUR - 5 * MINUTE)
    story.tick()
    approval = line(requested(story), "approve")

    assert "approved;" in story.person(approval)
    assert "nothing was written" in story.person(approval)

    story.live(5 * MINUTE)
    assert ReasonCode.CONSENTED in codes(story.tick())
    assert story.bought() == [("one_month", "bought")]
    assert "and bought by" in story.person(approval)
    for _ in range(3):
        story.live(20 * MINUTE)
        story.tick()
    assert story.bought() == [("one_month", "in_service")]
    (bought,) = story.world.purchases.all
    return bought.arn


def cannot_be_rid_of_it(story: Story, arn: str) -> None:
    """Bedrock refuses to delete it, and a person's override does not even try."""
    with pytest.raises(ClientError):
        delete(arn)
    story.person(f"bedrock-autoscaler override units chat 0 --until 1h --stack {story.stack}")

    story.live(5 * MINUTE)
    decision = story.tick()

    assert {ReasonCode.UNITS_OVERRIDE, ReasonCode.COMMITTED} <= codes(decision)
    assert (decision.actions, story.ledger().releases) == ((), ())
    story.person(f"bedrock-autoscaler override clear chat --stack {story.stack}")


def is_warned(story: Story) -> None:
    """A person hears of the renewal on each of the days, with the verdict."""
    (pt,) = story.newest().situation.fleet.owned
    assert pt.committed_until is not None
    ends_at = pt.committed_until.replace(minute=0, second=0, microsecond=0)
    assert "in 30 days or less" in renewals(story)  # the day on which a month begins
    for days in MILESTONE_DAYS[1:]:
        story.live(ends_at - days * DAY + HOUR - story.now)
        story.tick()
        mail = renewals(story)
        assert f"in {count_text(days, 'day')} or less" in mail
        assert "AWS renews it unless a person acts" in mail
        assert "keep: let it renew" in mail


def ends_it(story: Story, arn: str) -> None:
    """The term is over: a person deletes it, which is told, and nothing is bought in its place."""
    story.live(DAY)

    delete(arn)

    for _ in range(2):
        story.live(30 * MINUTE)
        story.tick()
    (intent,) = story.ledger().purchases
    assert intent.state is PurchaseState.LOST
    assert story.ledger().record.reserved_units == 0
    assert story.existing() == set()
    assert any("gone, and not by us" in subject for subject, _ in story.mails())


def renewals(story: Story) -> str:
    """The message on a renewal since the last look."""
    (mail,) = (text for subject, text in story.mails() if "about to renew" in subject)
    return mail


def delete(arn: str) -> None:
    bedrock = boto3.client("bedrock", region_name=REGION)
    bedrock.delete_provisioned_model_throughput(provisionedModelId=arn)
