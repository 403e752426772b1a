"""A target whose units are sold on terms too, at round prices."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

from bedrock_autoscaler.domain.target import Target
from tests.builders import UNIT_PRICE, build_provisioned, build_target

PRICE = replace(
    UNIT_PRICE,
    usd_per_hour=Decimal("34.65"),
    one_month_usd_per_hour=Decimal(30),
    six_months_usd_per_hour=Decimal(20),
)
"""A unit-hour without commitment 34.65 USD, whose traffic costs 69.30 USD on demand."""


def target(**overrides: Any) -> Target:
    return build_target(provisioned=build_provisioned(price=PRICE), **overrides)
