"""A new user's first day, by the README's commands alone, on a stack of its own."""

import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bedrock_autoscaler.adapters.storage.approvals import DynamoApprovals
from bedrock_autoscaler.backtest.trace import Trace
from bedrock_autoscaler.cli.app import run
from bedrock_autoscaler.domain.consents.consent import Request
from bedrock_autoscaler.domain.target import Commitment
from bedrock_autoscaler.domain.units import HOUR, MINUTE, iso, usd
from bedrock_world.demo.seeding import load_history
from bedrock_world.local import StackOutputs
from bedrock_world.local.environment import WORLD_SERVICES, child_environment
from tests.builders import MODEL, PT_MODEL, REGION
from tests.deployment.conftest import STACK as LOCAL
from tests.deployment.conftest import Deployed
from tests.deployment.template import ROOT

pytestmark = [pytest.mark.emulator, pytest.mark.xdist_group("emulator")]

STACK = "first"
MINUTES = 360
CAPACITY_TICKS = 5
# 2.4 units of a million input and 300,000 output tokens a minute.
CALLS, INPUT, OUTPUT = 240.0, 2_400_000.0, 720_000.0
PRICE = json.dumps(
    {
        "usd_per_hour": 40.0,
        "one_month_usd_per_hour": 36.0,
        "source": "our contract",
        "as_of": "2026-11-01",
    }
)


class Person:
    """Somebody at a terminal, and the schedules that fire meanwhile."""

    def __init__(
        self, deployed: Deployed, stack: StackOutputs, capsys: pytest.CaptureFixture[str]
    ) -> None:
        self.deployed, self.stack = deployed, stack
        self._capsys = capsys

    def types(self, *arguments: str, status: int = 0) -> str:
        """What the command prints; it ends with `status`."""
        self._capsys.readouterr()
        found = run([*arguments, "--stack", STACK])
        printed = self._capsys.readouterr()
        assert found == status, (arguments, found, printed.out, printed.err)
        return printed.out

    def reads(self, *arguments: str, status: int = 0) -> Any:
        """What the command prints as JSON."""
        return json.loads(self.types(*arguments, "--output", "json", status=status))

    def waits(self, minutes: int) -> None:
        """Traffic goes on, and so do heartbeats."""
        world = self.deployed.world.world
        put_traffic(self.deployed, world.clock.now(), minutes)
        world.advance(minutes * MINUTE)

    def fires(self, function: str, **event: str) -> str:
        """One tick of a schedule; the outcome for the target."""
        name: str = getattr(self.stack, function)
        now = iso(self.deployed.world.world.clock.now())
        answer: Any = self.deployed.aws.invoke(name, {"scheduled_time": now, **event})
        return str(answer["chat"])

    def decision(self) -> Any:
        """The newest decision on capacity, after a tick."""
        self.waits(5)
        self.fires("observe_decide", loop="capacity")
        listed = self.reads("decisions", "list", "--target", "chat", "--loop", "capacity")
        newest = max(listed, key=lambda one: one["scheduled_at"])
        return self.reads("decisions", "show", newest["id"])


def put_traffic(deployed: Deployed, start: datetime, minutes: int) -> None:
    """So many minutes of steady calls, served on demand, and heartbeats."""
    calls, written, read = (np.full(minutes, value) for value in (CALLS, INPUT, OUTPUT))
    trace = Trace.of("first", start, (calls, written, read))
    load_history(deployed.aws.client("cloudwatch"), trace, minutes, STACK, model=MODEL)


@pytest.fixture
def person(
    deployed: Deployed, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Person]:
    aws, world = deployed.aws, deployed.world
    parameters = {
        "AlarmSet": "basic",
        "ClockEndpoint": f"{world.url}/_world/clock",
        "PurchasableModelArns": f"arn:aws:bedrock:{REGION}::foundation-model/{MODEL}*",
        "SchedulesState": "DISABLED",
        "SettingsPrefix": f"/{STACK}",
    }
    outputs = aws.deploy_again(LOCAL, stack=STACK, parameters=parameters)
    variables = child_environment(ROOT / ".tools") | {"AWS_ENDPOINT_URL": aws.endpoint}
    for name in WORLD_SERVICES:
        variables[f"AWS_ENDPOINT_URL_{name.upper().replace('-', '_')}"] = world.url
    for key, value in variables.items():
        if key.startswith("AWS_"):
            monkeypatch.setenv(key, value)
    start = world.world.clock.now() - MINUTES * MINUTE
    put_traffic(deployed, start, MINUTES)
    yield Person(deployed, outputs, capsys)
    for pt in world.world.purchases.existing(world.world.clock.now()):
        world.world.purchases.remove(pt.arn)


def ask(person: Person, number: int) -> str:
    """A request as the weekly advice makes it, without its thirty days of history."""
    now = person.deployed.world.world.clock.now()
    request = Request(
        id=f"chat-one-month-{number}",
        target="chat",
        model_id=PT_MODEL,
        units=1,
        term=Commitment.ONE_MONTH,
        usd_per_hour=usd(36),
        evidence="it saves 2,920 USD in a month",
        asked_at=now,
        expires_at=now + 7 * 24 * HOUR,
    )
    client = person.deployed.aws.client("dynamodb")
    stack = person.stack
    DynamoApprovals(client, stack.ledger_table, stack.consents_table).ask(request)
    return request.id


def finds_and_manages(person: Person) -> Any:
    """Discover, add, doctor, backtest; the first decision."""
    assert MODEL in person.types("targets", "discover")
    person.types(
        *("targets", "add", "chat", "--address", MODEL, "--provisioned", PT_MODEL, "--yes"),
        *("--input-rate", "1000000", "--output-rate", "300000", "--rate-source", "load test"),
        *("--tokens-per-minute", "9000000", "--max-units", "4", "--max-usd-per-day", "5000"),
    )
    person.types("settings", "set", "chat", f"provisioned.price={PRICE}", "--yes")
    person.fires("observe_decide", loop="routing")
    assert "0 RED" in person.types("doctor", "chat")
    replayed = person.types(
        *("backtest", "--from-cloudwatch", "chat", "--days", "1", "--unread", "zero")
    )
    assert "all on demand" in replayed
    first = person.decision()
    assert (bought(first), mode_of(first)) == (2, "advise")
    assert any("the traffic" in line for line in first["argument"]["What would change it"])
    return first


def tunes(person: Person, first: Any) -> None:
    """A threshold, past the command line as well: the next decision names its version."""
    ssm, name = person.deployed.aws.client("ssm"), f"/{STACK}/settings/targets/chat"
    document = json.loads(ssm.get_parameter(Name=name)["Parameter"]["Value"])
    document["guard_rails"]["max_units"] = 1
    ssm.put_parameter(Name=name, Value=json.dumps(document), Type="String", Overwrite=True)
    second = person.decision()
    assert bought(second) == 1
    assert second["decision"]["settings_version"] != first["decision"]["settings_version"]
    assert "chat version 3" in person.types("settings", "history", "chat")


def lets_it_act(person: Person) -> None:
    """One term is agreed to, bought once and routed; one is refused."""
    person.types("mode", "chat", "act", "--yes")
    person.types("start", "--yes")
    agreed, refused = ask(person, 1), ask(person, 2)
    person.types("approve", agreed, "--yes")
    person.types("reject", refused)
    third = person.decision()
    assert third["decision"]["actions"][0]["consent_id"] == agreed
    assert person.fires("purchase") == "bought 1"
    person.waits(15)
    assert person.fires("purchase") == "purchase in_service"
    person.fires("observe_decide", loop="routing")
    assert person.fires("publish").startswith("published")
    assert "was approved by" in person.types("approve", agreed, "--yes")
    states = {one["id"]: one["state"] for one in person.reads("requests")}
    assert states == {agreed: "bought", refused: "rejected"}
    assert "1 PT > on demand" in person.types("status")


def steers(person: Person) -> None:
    """A pause, then a person's number in place of the arithmetic's."""
    person.types("pause", "chat", "--direction", "grow", "--until", "4h")
    person.types("settings", "set", "chat", "max_units=3", "--yes")
    assert "growth_paused" in reasons(person.decision())
    person.types("resume", "chat", "--yes")
    person.types("override", "units", "chat", "3", "--until", "1h", "--yes")
    overridden = person.decision()
    # Two more are wanted, and 100 USD an hour pay for one.
    assert {"units_override", "max_usd_per_hour"} <= reasons(overridden)
    assert bought(overridden) == 1


def reads_it_back(person: Person) -> None:
    """Replay, verify, ledger, and the report, which lands in the working folder."""
    assert "0 with a difference" in person.types("decisions", "replay", "--target", "chat")
    person.types("verify")
    assert "booked for units this month: 36.00 USD" in person.types("ledger")
    printed = person.types("report", "--out", "page.html")
    assert int(printed.removeprefix("page.html: ").split()[0]) >= CAPACITY_TICKS
    assert Path("page.html").read_text(encoding="utf-8").startswith("<!doctype html>")


def takes_it_away(person: Person) -> None:
    """What is under a term stays, and is named."""
    assert "STAYS" in person.types("teardown", "--dry-run")
    person.types("teardown", "--yes")
    stacks = person.deployed.aws.client("cloudformation").describe_stacks()["Stacks"]
    assert STACK not in {stack["StackName"] for stack in stacks}
    ssm = person.deployed.aws.client("ssm")
    left = ssm.get_parameters_by_path(Path=f"/{STACK}", Recursive=True)["Parameters"]
    assert left == []


def bought(shown: Any) -> int:
    """Units that a decision buys."""
    actions = shown["decision"]["actions"]
    return sum(one["model_units"] for one in actions if one["action"] == "purchase")


def mode_of(shown: Any) -> str:
    return str(shown["decision"]["mode"])


def reasons(shown: Any) -> set[str]:
    return {reason["code"] for reason in shown["decision"]["reasons"]}


def test_the_first_day(person: Person, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    first = finds_and_manages(person)
    tunes(person, first)
    lets_it_act(person)
    steers(person)
    reads_it_back(person)
    takes_it_away(person)
