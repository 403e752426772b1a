from dataclasses import replace
from datetime import timedelta

import pytest

from bedrock_autoscaler.domain.economics.facts import missing_facts, purchase_facts
from bedrock_autoscaler.domain.reason import ReasonCode
from tests.builders import (
    AS_OF,
    MODEL,
    NOW,
    PROFILE,
    PT_MODEL,
    TOKEN_PRICE,
    UNIT_PRICE,
    build_observation,
    build_option,
    build_provisioned,
    build_target,
)

LONG_AGO = AS_OF - timedelta(days=90)


def test_nothing_is_missing_of_a_complete_target() -> None:
    assert missing_facts(build_target(), NOW) == ()
    assert purchase_facts(build_target(), build_observation()) == ()


@pytest.mark.parametrize(
    ("changed", "code", "subject"),
    [
        ({"provisioned": None}, ReasonCode.PROVISIONED_NOT_ALLOWED, "chat"),
        (
            {"provisioned": build_provisioned(unit_rate=None)},
            ReasonCode.UNIT_RATE_UNKNOWN,
            PT_MODEL,
        ),
        ({"provisioned": build_provisioned(price=None)}, ReasonCode.PRICE_UNKNOWN, PT_MODEL),
        (
            {"provisioned": build_provisioned(price=replace(UNIT_PRICE, as_of=LONG_AGO))},
            ReasonCode.PRICE_STALE,
            PT_MODEL,
        ),
        ({"options": (build_option(price=None),)}, ReasonCode.PRICE_UNKNOWN, MODEL),
        (
            {"options": (build_option(price=replace(TOKEN_PRICE, as_of=LONG_AGO)),)},
            ReasonCode.PRICE_STALE,
            MODEL,
        ),
        ({"options": (build_option(quota=None),)}, ReasonCode.QUOTA_UNKNOWN, MODEL),
    ],
)
def test_names_each_unknown_fact_and_its_subject(
    changed: dict[str, object], code: ReasonCode, subject: str
) -> None:
    (reason,) = missing_facts(build_target(**changed), NOW)

    assert reason.code is code
    assert subject in reason.message


def test_an_age_is_given_in_numbers() -> None:
    # Read on 3 August, which is 109 days before 20 November.
    stale = build_provisioned(price=replace(UNIT_PRICE, as_of=LONG_AGO))

    (reason,) = missing_facts(build_target(provisioned=stale), NOW)

    assert reason.message == f"the price of {PT_MODEL} is 109 days old, allowed are 90"
    assert dict(reason.numbers) == {"age_days": 109.0, "max_age_days": 90.0}


def test_every_unknown_fact_is_named_at_once() -> None:
    target = build_target(
        provisioned=build_provisioned(unit_rate=None, price=None),
        options=(build_option(), build_option(address=PROFILE, price=None, quota=None)),
    )

    assert [reason.code for reason in missing_facts(target, NOW)] == [
        ReasonCode.UNIT_RATE_UNKNOWN,
        ReasonCode.PRICE_UNKNOWN,
        ReasonCode.PRICE_UNKNOWN,
        ReasonCode.QUOTA_UNKNOWN,
    ]


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"model_is_active": None}, ReasonCode.MODEL_STATUS_UNKNOWN),
        ({"model_is_active": False}, ReasonCode.MODEL_NOT_ACTIVE),
        ({"model_unit_quota": None}, ReasonCode.QUOTA_UNKNOWN),
        ({"model_units_used": None}, ReasonCode.QUOTA_UNKNOWN),
    ],
)
def test_a_purchase_needs_more_facts(changed: dict[str, object], code: ReasonCode) -> None:
    (reason,) = purchase_facts(build_target(), build_observation(**changed))

    assert reason.code is code
    assert PT_MODEL in reason.message


def test_a_target_without_provisioned_throughput_needs_none() -> None:
    observation = build_observation(model_is_active=None)

    assert purchase_facts(build_target(provisioned=None), observation) == ()
