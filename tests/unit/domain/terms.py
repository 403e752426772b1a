"""A target whose units are sold on terms too, at round prices."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

from bedrock_autoscaler.domain.commitments.studies import CommitmentStudy, LevelStudy
from bedrock_autoscaler.domain.decision import Classification, Label, Verdict
from bedrock_autoscaler.domain.target import Target
from tests.builders import NOW, UNIT_PRICE, build_provisioned, build_target

PRICE = replace(
    UNIT_PRICE,
    usd_per_hour=Decimal("34.65"),
    one_month_usd_per_hour=Decimal(30),
    six_months_usd_per_hour=Decimal(20),
)
"""A unit-hour without commitment 34.65 USD, whose traffic costs 69.30 USD on demand."""

STEADY = Classification(
    label=Label.STEADY, verdict=Verdict.STEADY, confidence=1.0, features=(), margins=()
)


def target(**overrides: Any) -> Target:
    return build_target(provisioned=build_provisioned(price=PRICE), **overrides)


def level(usd: float, **overrides: Any) -> LevelStudy:
    """A level that costs as much in every span, and half of it at half the demand."""
    values = LevelStudy(
        week_usd=usd,
        month_usd=usd,
        two_months_usd=usd,
        halved_usd=usd / 2,
        utilization=0.9,
        utilization_two_months=0.8,
        share_above=0.75,
    )
    return replace(values, **overrides)


def weeks(*levels: LevelStudy, days: int = 56, **overrides: Any) -> CommitmentStudy:
    """Eight weeks, all steady, in which the levels cost this."""
    values = CommitmentStudy(
        at=NOW, known_days=float(days), steady_days=days, levels=levels, model_ends_at=None
    )
    return replace(values, **overrides)
