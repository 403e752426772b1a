"""A stack that `doctor` finds sound, and what it finds."""

from typing import Any

from bedrock_autoscaler.domain.units import HOUR, MINUTE
from tests.builders import MODEL, NOW, PT_MODEL, REGION
from tests.holds import limited, ticks
from tests.operating.stage import DOCUMENT, Stage
from tests.operating.test_backtest_from_cloudwatch import PRICE, put, span

FUNCTIONS = {
    "ObserveDecideFunctionName": "test-observe-decide",
    "PurchaseFunctionName": "test-purchase",
    "ReleaseFunctionName": "test-release",
    "PublishFunctionName": "test-publish",
}
BUYABLE = f"arn:aws:bedrock:{REGION}::foundation-model/{PT_MODEL}"
UNLIMITED = {
    "kind": "on_demand",
    "address": MODEL,
    "price": PRICE | {"as_of": "2026-11-01"},
    "quota": "unlimited",
}
SOUND: dict[str, Any] = DOCUMENT | {"options": [UNLIMITED]}

Found = dict[tuple[str, str], dict[str, Any]]


def make_sound(stage: Stage) -> Stage:
    """Everything of the stack is as it should be."""
    stage.stacks.outputs.update(FUNCTIONS)
    stage.stacks.parameters["PurchasableModelArns"] = BUYABLE
    stage.answer(
        "lambda.GetFunctionConfiguration", lambda _: {"Role": "arn:aws:iam::111122223333:role/x"}
    )
    allow(stage)
    stage.put("targets/chat", SOUND)
    stage.record(ticks(0, limited(1), start=NOW - 5 * MINUTE))
    put("Heartbeat", span(NOW - 10 * MINUTE, NOW), 1.0)
    put("Invocations", span(NOW - HOUR, NOW), 2.0)
    return stage


def allow(stage: Stage, *denied: str) -> list[dict[str, Any]]:
    """IAM allows everything but these actions; what was asked of it."""
    asked: list[dict[str, Any]] = []

    def simulate(body: Any) -> Any:
        asked.append(dict(body))
        action = body["ActionNames.member.1"]
        decision = "implicitDeny" if action in denied else "allowed"
        return {"EvaluationResults": [{"EvalActionName": action, "EvalDecision": decision}]}

    stage.answer("iam.SimulatePrincipalPolicy", simulate)
    return asked


def examined(stage: Stage, *arguments: str, status: int = 0) -> Found:
    """Findings by target and subject; the worst of several."""
    order = ["GREEN", "YELLOW", "RED"]
    checks = stage.json("doctor", *arguments, status=status)
    checks.sort(key=lambda check: order.index(check["state"]))
    return {(check["target"], check["about"]): check for check in checks}
