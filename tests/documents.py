"""Settings documents for tests, and a price list to parse them with."""

import json
from collections.abc import Mapping
from typing import Any

from bedrock_autoscaler.adapters.documents import TargetDocuments
from bedrock_autoscaler.application.ports.settings import SettingsProblem
from bedrock_autoscaler.domain.target import Target, TokenPrice, UnitPrice
from tests.builders import ACCOUNT, MODEL, PT_MODEL, REGION, UNIT_PRICE

APPLICATION_PROFILE = f"arn:aws:bedrock:{REGION}:{ACCOUNT}:application-inference-profile/abc123"
ON_DEMAND = {"kind": "on_demand", "address": MODEL}
BASE: dict[str, Any] = {"account": ACCOUNT, "region": REGION, "options": [ON_DEMAND]}
RATE = {"input_tokens_per_minute": 1_000_000, "output_tokens_per_minute": 300_000, "source": "test"}
PRICE = {
    "input_usd_per_1k": 0.0033,
    "output_usd_per_1k": 0.0165,
    "source": "AWS",
    "as_of": "2026-11-01",
}


class ListedPrices:
    """A price list that knows one unit price."""

    def token_price(self, address: str, region: str) -> TokenPrice | None:
        return None

    def unit_price(self, model_id: str, region: str) -> UnitPrice | None:
        return UNIT_PRICE if (model_id, region) == (PT_MODEL, REGION) else None

    def doubt_about(self, address: str, region: str) -> str:
        return ""


def parse(
    document: Mapping[str, Any] | str, defaults: str | None = None
) -> Target | SettingsProblem:
    text = document if isinstance(document, str) else json.dumps(document)
    return TargetDocuments(ListedPrices()).parse("chat", defaults, text)


def accepted(document: Mapping[str, Any], defaults: str | None = None) -> Target:
    target = parse(document, defaults)
    assert isinstance(target, Target), target
    return target


def refused(document: Mapping[str, Any] | str, defaults: str | None = None) -> tuple[str, str]:
    """Field and message of the problem of a document."""
    problem = parse(document, defaults)
    assert isinstance(problem, SettingsProblem)
    return problem.field, problem.message
