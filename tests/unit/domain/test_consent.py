"""A consent covers one very purchase and nothing else."""

from dataclasses import replace
from decimal import Decimal

import pytest

from bedrock_autoscaler.domain.consents.agreeing import consent_problem
from bedrock_autoscaler.domain.decision import Purchase
from bedrock_autoscaler.domain.target import Commitment
from bedrock_autoscaler.domain.units import MINUTE
from tests.builders import NOW, PT_MODEL, build_consent

GIVEN = build_consent(units=2, valid_until=NOW)
WANTED = Purchase(
    model_id=PT_MODEL,
    model_units=2,
    usd_per_hour=Decimal(110),
    commitment=Commitment.ONE_MONTH,
    consent_id="c-1",
)


def test_covers_the_purchase_that_it_names_to_its_last_moment() -> None:
    assert consent_problem(GIVEN, WANTED, "chat", NOW) is None


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"used_by": "chat-capacity-20261119T000000Z"}, "was used by chat-capacity-2026"),
        ({"valid_until": NOW - MINUTE}, "was valid until 2026-11-20 11:59 UTC"),
        ({"target": "email"}, "for email"),
        ({"model_id": "other"}, "2 units of other"),
        ({"units": 1}, "is for 1 unit"),
        ({"units": 3}, "is for 3 units"),
        ({"term": Commitment.SIX_MONTHS}, "under six_months"),
        ({"max_usd_per_hour": Decimal("54.999999")}, "the price is 55"),
    ],
)
def test_any_difference_is_named(changed: dict[str, object], told: str) -> None:
    problem = consent_problem(replace(GIVEN, **changed), WANTED, "chat", NOW)  # type: ignore[arg-type] # members by name

    assert problem is not None
    assert told in problem


def test_without_a_consent_there_is_no_commitment() -> None:
    assert consent_problem(None, WANTED, "chat", NOW) == "there is no consent 'c-1'"
