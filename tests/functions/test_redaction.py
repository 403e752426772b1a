"""What comes from outside stays on its line, is cut, or does not get into any output at all.

A marker with a line break is planted in each text that somebody else can write: names, tags,
failure messages and error texts of AWS, settings, the switch and events. A whole life runs, and
everything that the functions write is searched.
"""

import json
from collections.abc import Iterator
from functools import cached_property
from typing import override

import boto3
import pytest

from bedrock_autoscaler.adapters.telling.detail import detail_of
from bedrock_autoscaler.application.assembling import Application
from bedrock_autoscaler.application.errors import ConfigurationError
from bedrock_autoscaler.application.ports.persons import Reporter
from bedrock_autoscaler.application.telling.events import Teller
from bedrock_autoscaler.domain.units import MINUTE
from tests.builders import MODEL, PT_MODEL, REGION
from tests.fakes.memory_outlets import MemoryOutlets, MemoryTold
from tests.functions.account import DEPLOYMENT, PREFIX, SETTINGS, Account, opened
from tests.functions.account import _Adapters as Adapters
from tests.functions.life import LIFE

BREAK = '\r\n\x1b[31m\u2028{"level": "forged"}'
LONG = "x" * 5_000
# The widest that AWS takes for a tag's value: any separator, also that of lines.
SEPARATED = "MARK-{}-\u2028\u2029" + "x" * 200
LONGEST_LINE = 20_000
LONGEST_TEXT = 400  # a cut text and what we say around it


def marker(source: str) -> str:
    """A text that names where it was planted, forges a line and does not end."""
    return f"MARK-{source}-{BREAK}{LONG}"


NEVER = ("event", "error", "failure", "switch", "stranger-tag")
"""Sources that no output may show even in part."""


class Telling(Adapters):
    """The account's adapters, with a reporter that sends events and messages too."""

    def __init__(self, account: Account, outlets: MemoryOutlets) -> None:
        super().__init__(account)
        self._outlets = outlets

    @cached_property
    @override
    def reporter(self) -> Reporter:
        return Teller(
            super().reporter,
            outlets=self._outlets,
            told=MemoryTold(),
            clock=self.clock,
            deployment=DEPLOYMENT,
        )


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    """An account in which strangers have written whatever they like."""
    with opened(monkeypatch) as found:
        _plant_strangers(found)
        yield found


def listen(account: Account) -> MemoryOutlets:
    """What the functions send from now on."""
    outlets = MemoryOutlets()
    for name in account.applications:
        account.applications[name] = Application(
            Telling(account, outlets),
            deployment=DEPLOYMENT,
            code_version="1.2.3",
            decide=account.script,
        )
    return outlets


def _plant_strangers(account: Account) -> None:
    """Two throughputs that are not ours, one of them with our tag's key, and one that fails."""
    bedrock = boto3.client("bedrock", region_name=REGION)
    for number in range(2):
        arn = bedrock.create_provisioned_model_throughput(
            modelUnits=1,
            provisionedModelName=f"MARK-name-{number}",
            modelId=PT_MODEL,
            tags=[
                {"key": "team", "value": SEPARATED.format("stranger-tag")},
                {"key": "bedrock-autoscaler:deployment", "value": SEPARATED.format("tag")},
            ],
        )["provisionedModelArn"]
        if number:
            account.world.purchases.fail(arn, marker("failure"))


def _poison(account: Account) -> None:
    """Settings that are refused, beside those of the target that is in force."""
    account.put_setting("settings/targets/poison", json.dumps({"mode": marker("setting")[:500]}))
    account.put_setting("settings/targets/key", json.dumps({marker("key")[:500]: 1}))
    account.put_setting("settings/targets/option", json.dumps(_odd_option()))


def _odd_option() -> dict[str, object]:
    odd = {"kind": "on_demand", "address": MODEL, "note": marker("note")[:500]}
    return SETTINGS | {"options": [odd]}


def live(account: Account) -> None:
    """A life in which AWS answers with a text of its own at every kind of call once."""
    for step in LIFE:
        step.before(account)
        if step.name == "buy":
            account.put_setting("switch", marker("switch")[:500])
            step.run(account)
            account.put_setting("switch", "allow")
        if step.name == "decide to buy":
            _poison(account)
        step.run(account)
    account.move(MINUTE)
    for function in ("purchase", "release", "publish"):
        account.run(function)


def deny_each_once(account: Account) -> None:
    """Every call that a tick needs is refused with AWS's text."""
    account.move(MINUTE)
    account.error_text = marker("error")
    for function, event in (
        ("observe_decide", {"loop": "routing"}),
        ("purchase", {}),
        ("release", {}),
        ("publish", {}),
    ):
        account.asked.clear()
        account.run(function, **event)
        for permission in sorted(account.asked):
            account.denied = {permission}
            try:
                account.run(function, **event)
            except Exception as error:  # noqa: BLE001 - whatever it says is an output
                account.log.write(json.dumps({"error": str(error)}) + "\n")
            account.denied = set()
    # Where the callers' copy is as it should be, nobody asks the switch.
    account.put_setting("routes/chat", "overwritten")
    account.denied = {"ssm:GetParameter /switch"}
    account.run("publish")
    account.denied = set()
    account.run("publish")


def send_odd_events(account: Account) -> None:
    """Events of another form, whose refusal Lambda would log."""
    for event in (
        {"scheduled_time": marker("event")},
        {marker("event"): "x"},
        {"scheduled_time": {"prompt": marker("event")}},
    ):
        try:
            account.send("purchase", event)
        except ConfigurationError as error:
            account.log.write(json.dumps({"error": str(error)}) + "\n")


def texts(value: object) -> Iterator[str]:
    """Every string in a document."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from texts(key)
            yield from texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from texts(inner)


def test_no_output_shows_more_of_a_strangers_text_than_it_must(
    account: Account, capsys: pytest.CaptureFixture[str]
) -> None:
    outlets = listen(account)
    live(account)
    deny_each_once(account)
    send_odd_events(account)

    stored = account.stored()
    # What a person put there is input; what the functions made of it is output.
    outputs = {name: value for name, value in stored["parameters"].items() if "/routes/" in name}
    metrics = capsys.readouterr().out
    lines = [json.loads(line) for line in account.log.getvalue().splitlines()]
    lines += [json.loads(line) for line in metrics.splitlines()]
    events = [detail_of(one, DEPLOYMENT) for one in outlets.announced]
    mails = [line for mail in outlets.messages for line in (mail.subject, *mail.body.split("\n"))]
    written = [*texts(lines), *texts(events), *mails, *outputs.values()]

    alarms = {(line["alarm"], line["target"]) for line in lines if "alarm" in line}
    planted = {("settings_rejected", name) for name in ("poison", "key", "option")}
    planted |= {("unmanaged_pt", "chat"), ("switch_unread", "chat"), ("unobserved", "chat")}
    assert planted <= alarms, "something was not planted where it is read"
    for text in written:
        assert "\n" not in text
        assert "\x1b" not in text
        assert "\u2028" not in text
        if "MARK-" in text:
            assert len(text) <= LONGEST_TEXT
    assert len(outlets.messages) >= len(planted), "not all of it was told"
    everything = account.log.getvalue() + metrics
    everything += json.dumps([*outputs.values(), *events, *mails])
    for source in NEVER:
        assert f"MARK-{source}-" not in everything
    assert max(map(len, account.log.getvalue().splitlines())) <= LONGEST_LINE


def test_the_ledger_keeps_no_text_of_strangers_but_names(account: Account) -> None:
    live(account)

    kept = "\n".join(
        text
        for table in ("ledger", "routes", "consents")
        for text in texts(account.stored()[table])
    )

    for source in (*NEVER, "setting", "key", "note"):
        assert f"MARK-{source}-" not in kept
    assert PREFIX not in kept
