"""What the commands' ledgers hold, and running a command over one."""

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from bedrock_autoscaler.application.ports.decisions import RecordedDecision
from bedrock_autoscaler.cli.app import run
from bedrock_autoscaler.domain.decide import decide
from bedrock_autoscaler.domain.decision import Decision, Situation
from bedrock_autoscaler.domain.fleet.intent import PurchaseIntent
from tests.builders import (
    UNIT_PRICE,
    build_observation,
    build_provisioned,
    build_situation,
    build_target,
    build_traffic,
)
from tests.intents import build_purchase

TABLE = "ledger"
BUY = "chat-capacity-20261120T120000Z"
HOLD = "chat-capacity-20261120T121500Z"
ROUTES = "chat-routing-20261120T120000Z"
# Two full model units for a day, at a price far below what their tokens cost on demand.
BUSY = build_traffic(input_tokens=2_000_000.0, output_tokens=600_000.0, invocations=2_000.0)
CHEAP = replace(UNIT_PRICE, usd_per_hour=Decimal(20))
TARGET = build_target(provisioned=build_provisioned(price=CHEAP))


def busy_situation() -> Situation:
    return build_situation(target=TARGET, observation=build_observation(traffic=BUSY))


def quiet_situation() -> Situation:
    idle = build_traffic(input_tokens=100.0, output_tokens=10.0, invocations=1.0)
    return build_situation(target=TARGET, observation=build_observation(traffic=idle))


def recorded(situation: Situation, decision: Decision | None = None) -> RecordedDecision:
    return RecordedDecision(
        decision=decision or decide(situation),
        situation=situation,
        history=None,
        code_version="1.2.3",
    )


def intent_of(decision_id: str) -> PurchaseIntent:
    return build_purchase(decision_id=decision_id, name="a-name", model_id="m", detail="waiting")


def told(arguments: list[str], export: Path, capsys: pytest.CaptureFixture[str]) -> str:
    """What a command prints of an export."""
    status = run([*arguments, "--from", str(export)])
    printed = capsys.readouterr()
    assert status == 0, printed.err
    return printed.out
