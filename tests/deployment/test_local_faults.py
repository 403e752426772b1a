"""Faults on the deployed stack: what exists and what is written is as the oracles say."""

import json
import os
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from bedrock_autoscaler.adapters.documents import TargetDocuments
from bedrock_autoscaler.adapters.models import load_models
from bedrock_autoscaler.adapters.prices import load_prices
from bedrock_autoscaler.adapters.storage.decisions import DynamoDecisions
from bedrock_autoscaler.adapters.storage.fleets import DynamoFleets
from bedrock_autoscaler.application.ports.decisions import RecordedDecision
from bedrock_autoscaler.application.ports.ledger import LedgerState
from bedrock_autoscaler.domain.decision import decision_id
from bedrock_autoscaler.domain.fleet.intent import PurchaseState
from bedrock_autoscaler.domain.target import Loop, Target
from bedrock_autoscaler.domain.units import MINUTE, iso
from bedrock_world.local import FunctionFailedError
from bedrock_world.local.environment import ACCOUNT
from tests.builders import build_decision, build_fleet, build_situation
from tests.deployment.conftest import Deployed
from tests.deployment.relay import THROTTLED, pass_on
from tests.functions.account import SETTINGS
from tests.intents import ONE_UNIT

pytestmark = [pytest.mark.emulator, pytest.mark.xdist_group("emulator")]

WRITES = {"PutItem", "UpdateItem", "TransactWriteItems"}
_numbers = count(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """One target of its own on the deployed stack, with a decision to buy one unit now."""

    deployed: Deployed
    target: str

    @property
    def now(self) -> datetime:
        return self.deployed.world.world.clock.now()

    def advance(self) -> None:
        """One minute, as the schedules have it."""
        self.deployed.world.world.advance(MINUTE)

    def put(self, name: str, text: str) -> None:
        path = f"{self.deployed.stack.settings_prefix}/{name}"
        ssm = self.deployed.aws.client("ssm")
        ssm.put_parameter(Name=path, Value=text, Type="String", Overwrite=True)

    def decide(self) -> str:
        """Record the decision to buy, as `observe_decide` would; its id."""
        stack = self.deployed.stack
        identity = decision_id(self.target, Loop.CAPACITY, self.now)
        target = parsed(self.target)
        decision = build_decision(
            id=identity,
            target=self.target,
            scheduled_at=self.now,
            settings_version=target.settings_version,
            actions=(ONE_UNIT,),
        )
        situation = build_situation(
            target=target, scheduled_at=self.now, fleet=build_fleet(version=0)
        )
        recorded = RecordedDecision(
            decision=decision, situation=situation, history=None, code_version="test"
        )
        client = self.deployed.aws.client("dynamodb")
        assert DynamoDecisions(client, stack.ledger_table).record(recorded)
        return identity

    def invoke(self, function: str, **event: str) -> Any:
        name: str = getattr(self.deployed.stack, function)
        return self.deployed.aws.invoke(name, {"scheduled_time": iso(self.now), **event})

    def purchase(self) -> str:
        """One tick of purchase; the outcome for this target."""
        outcome: str = self.invoke("purchase")[self.target]
        return outcome

    def ledger(self) -> LedgerState:
        client = self.deployed.aws.client("dynamodb")
        return DynamoFleets(client, self.deployed.stack.ledger_table).state_of(self.target)

    def existing(self) -> list[str]:
        """Names of the throughputs that were ever bought for this target."""
        bought = self.deployed.world.world.purchases.all
        return [pt.name for pt in bought if pt.name.startswith(f"{self.target}-")]

    def logged(self) -> list[dict[str, Any]]:
        """The alarms that the functions have logged for this target."""
        logs = self.deployed.aws.client("logs")
        events = logs.filter_log_events(logGroupName="/aws/lambda/local-observe-decide")["events"]
        lines = [json.loads(e["message"]) for e in events if e["message"].startswith('{"level')]
        return [line for line in lines if line.get("target") == self.target and "alarm" in line]


def document() -> dict[str, Any]:
    return SETTINGS | {"account": ACCOUNT}


def parsed(name: str) -> Target:
    """The target as the functions read it."""
    parser = TargetDocuments(load_prices(), load_models().variants_of, decision_minutes=5)
    target = parser.parse(name, None, json.dumps(document()))
    assert isinstance(target, Target), target
    return target


@pytest.fixture
def scene(deployed: Deployed) -> Iterator[Scene]:
    target = f"fault{next(_numbers)}"
    found = Scene(deployed=deployed, target=target)
    found.put("switch", "allow")
    found.put(f"settings/targets/{target}", json.dumps(document()))
    yield found
    deployed.relay.interceptor = pass_on
    prefix = deployed.stack.settings_prefix
    for name in ("switch", f"settings/targets/{target}"):
        deployed.aws.client("ssm").delete_parameter(Name=f"{prefix}/{name}")
    _forget(deployed)


def _forget(deployed: Deployed) -> None:
    """What one case bought must not count against the caps of the stack in the next one."""
    world = deployed.world.world
    for pt in world.purchases.existing(world.clock.now()):
        world.purchases.remove(pt.arn)
    client, table = deployed.aws.client("dynamodb"), deployed.stack.ledger_table
    for item in client.scan(TableName=table)["Items"]:
        client.delete_item(TableName=table, Key={"pk": item["pk"], "sk": item["sk"]})


def assert_bought_once(scene: Scene, identity: str) -> None:
    """One throughput, one intent that names it, one unit reserved."""
    ledger = scene.ledger()
    (intent,) = ledger.purchases
    assert scene.existing() == [intent.name]
    assert (intent.decision_id, intent.state) == (identity, PurchaseState.BOUGHT)
    assert intent.arn is not None
    assert ledger.record.reserved_units == 1


def kill_function_of(endpoint: str, function: str) -> bool:
    """End the processes in which this emulator runs a function, at once; whether there was one."""
    service = f"POWERTOOLS_SERVICE_NAME={function}"
    wanted = {service.encode(), f"AWS_ENDPOINT_URL={endpoint}".encode()}
    found = False
    for process in Path("/proc").iterdir():
        if not process.name.isdigit():
            continue
        try:
            variables = set((process / "environ").read_bytes().split(b"\0"))
        except OSError:
            continue  # another user's, or gone by now
        if wanted <= variables:
            os.kill(int(process.name), signal.SIGKILL)
            found = True
    return found


def test_a_function_killed_between_purchase_and_record_is_made_good(scene: Scene) -> None:
    identity = scene.decide()

    def kill_after_the_purchase(operation: str) -> bytes | None:
        if operation in WRITES and scene.existing():
            kill_function_of(scene.deployed.aws.endpoint, "purchase")
            return THROTTLED
        return None

    scene.deployed.relay.interceptor = kill_after_the_purchase
    with pytest.raises(FunctionFailedError):
        scene.purchase()
    scene.deployed.relay.interceptor = pass_on
    (open_intent,) = scene.ledger().open_purchases
    assert scene.existing() == [open_intent.name]
    scene.advance()

    assert scene.purchase() == "purchase bought"

    assert_bought_once(scene, identity)


def test_one_event_delivered_twice_at_once_and_once_more_buys_once(scene: Scene) -> None:
    identity = scene.decide()

    with ThreadPoolExecutor(2) as pool:
        outcomes = [answer.result() for answer in [pool.submit(scene.purchase) for _ in range(2)]]

    assert outcomes.count("bought 1") == 1
    assert_bought_once(scene, identity)
    assert scene.purchase() == "bought before"
    assert_bought_once(scene, identity)


def test_two_evaluations_at_once_record_one_decision(scene: Scene) -> None:
    with ThreadPoolExecutor(2) as pool:
        answers = [pool.submit(scene.invoke, "observe_decide", loop="capacity") for _ in range(2)]
        outcomes = sorted(answer.result()[scene.target] for answer in answers)

    assert outcomes == ["decided before", "hold"]
    client = scene.deployed.aws.client("dynamodb")
    decisions = DynamoDecisions(client, scene.deployed.stack.ledger_table)
    found = decisions.between(scene.target, None, scene.now, scene.now + MINUTE)
    assert [decision.id for decision in found] == [
        decision_id(scene.target, Loop.CAPACITY, scene.now)
    ]


@pytest.mark.parametrize(
    "poison",
    ["{", "null", '{"guard_rails": {"max_units": 1e9}}', '{"mode": "act\\nact"}', "\u0000" * 9],
)
def test_a_poisoned_document_is_told_and_the_last_one_stays(scene: Scene, poison: str) -> None:
    scene.invoke("observe_decide", loop="routing")
    scene.put(f"settings/targets/{scene.target}", poison)
    scene.advance()

    assert scene.invoke("observe_decide", loop="routing")[scene.target] == "hold"

    assert {line["alarm"] for line in scene.logged()} == {"settings_rejected"}
    client = scene.deployed.aws.client("dynamodb")
    decisions = DynamoDecisions(client, scene.deployed.stack.ledger_table)
    latest = decisions.latest(scene.target, Loop.ROUTING)
    assert latest is not None
    assert latest.decision.settings_version == parsed(scene.target).settings_version


@pytest.mark.parametrize("switch", ["stop", "Allow"])
def test_the_kill_switch_lets_nothing_be_bought(scene: Scene, switch: str) -> None:
    scene.decide()
    scene.put("switch", switch)

    assert scene.purchase() == "purchase held"

    assert scene.existing() == []
    assert scene.ledger().purchases == ()


def test_a_throttled_ledger_holds_everything_until_it_answers(scene: Scene) -> None:
    identity = scene.decide()
    scene.invoke("publish")  # accepts the settings, which is a write too
    scene.deployed.relay.interceptor = lambda operation: THROTTLED if operation in WRITES else None

    assert scene.purchase() == "unobserved"
    assert scene.existing() == []

    scene.deployed.relay.interceptor = pass_on
    scene.advance()
    assert scene.purchase() == "bought 1"
    assert_bought_once(scene, identity)


def test_a_ledger_throttled_after_the_purchase_leaves_an_open_intent(scene: Scene) -> None:
    identity = scene.decide()
    scene.deployed.relay.interceptor = lambda operation: (
        THROTTLED if operation in WRITES and scene.existing() else None
    )

    assert scene.purchase() == "unobserved"
    assert len(scene.ledger().open_purchases) == 1

    scene.deployed.relay.interceptor = pass_on
    scene.advance()
    assert scene.purchase() == "purchase bought"
    assert_bought_once(scene, identity)
