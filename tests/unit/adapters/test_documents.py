import json
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from bedrock_autoscaler.adapters.documents import (
    TargetDocuments,
)
from bedrock_autoscaler.application.settings.in_force import settings_version
from bedrock_autoscaler.domain.target import (
    GuardRails,
    Mode,
    Quota,
    RateCombination,
    Target,
    TokenPrice,
    UnitPrice,
)
from tests.builders import ACCOUNT, MODEL, PROFILE, PT_MODEL, REGION, THRESHOLDS, UNIT_PRICE
from tests.documents import (
    APPLICATION_PROFILE,
    BASE,
    ON_DEMAND,
    PRICE,
    RATE,
    ListedPrices,
    accepted,
)


def test_the_least_document_advises_and_may_buy_nothing() -> None:
    target = accepted(BASE)

    assert target.mode is Mode.ADVISE
    assert target.provisioned is None
    assert target.model_ids == (MODEL,)


def test_the_thresholds_of_the_builders_are_the_shipped_defaults() -> None:
    assert accepted(BASE).thresholds == THRESHOLDS


def test_the_shipped_guard_rails_let_one_unit_be_tried() -> None:
    assert accepted(BASE).guard_rails == GuardRails(
        min_units=0,
        max_units=1,
        max_usd_per_hour=Decimal(100),
        max_usd_per_day=Decimal(1_000),
        max_usd_per_month=Decimal(10_000),
        max_purchases_per_day=6,
        max_releases_per_day=4,
    )


def test_a_target_lies_over_the_defaults_key_by_key() -> None:
    defaults = {
        "account": ACCOUNT,
        "region": REGION,
        "guard_rails": {"max_units": 4, "max_usd_per_hour": 300},
        "options": [ON_DEMAND, {"kind": "on_demand", "address": "meta.llama3-1-8b-instruct-v1:0"}],
    }
    document = {"options": [ON_DEMAND], "guard_rails": {"max_units": 2}}

    target = accepted(document, json.dumps(defaults))

    assert target.guard_rails.max_units == 2
    assert target.guard_rails.max_usd_per_hour == Decimal(300)
    assert [option.address for option in target.options] == [MODEL]  # lists are replaced


def test_null_takes_an_object_of_the_defaults_away() -> None:
    defaults = json.dumps({"provisioned": {"model_id": PT_MODEL}})

    assert accepted(BASE | {"provisioned": None}, defaults).provisioned is None


def test_a_price_is_exact_and_carries_its_source_and_date() -> None:
    target = accepted(BASE | {"options": [ON_DEMAND | {"price": PRICE}]})

    assert target.options[0].price == TokenPrice(
        input_usd_per_1k=Decimal("0.0033"),
        output_usd_per_1k=Decimal("0.0165"),
        source="AWS",
        as_of=date(2026, 11, 1),
    )


def test_a_stated_unit_price_goes_before_the_list() -> None:
    price = {
        "usd_per_hour": 58.25,
        "six_months_usd_per_hour": 30,
        "source": "contract",
        "as_of": "2026-11-01",
    }

    target = accepted(BASE | {"provisioned": {"model_id": PT_MODEL, "price": price}})

    assert target.provisioned is not None
    assert target.provisioned.price == UnitPrice(
        usd_per_hour=Decimal("58.25"),
        one_month_usd_per_hour=None,
        six_months_usd_per_hour=Decimal(30),
        source="contract",
        as_of=date(2026, 11, 1),
    )


def test_list_prices_are_looked_up_and_may_be_unknown() -> None:
    target = accepted(BASE | {"provisioned": {"model_id": PT_MODEL}})

    assert target.provisioned is not None
    assert target.provisioned.price == UNIT_PRICE
    assert target.provisioned.unit_rate is None
    assert target.options[0].price is None


@pytest.mark.parametrize(
    ("stated", "meant"),
    [
        pytest.param(None, None, id="unknown"),
        pytest.param(
            "unlimited",
            Quota(
                tokens_per_minute=None,
                requests_per_minute=None,
                output_burndown=1.0,
                source="operator",
            ),
            id="unlimited",
        ),
        pytest.param(
            {"tokens_per_minute": 4_000_000, "output_burndown": 5, "source": "applied"},
            Quota(
                tokens_per_minute=4_000_000.0,
                requests_per_minute=None,
                output_burndown=5.0,
                source="applied",
            ),
            id="stated",
        ),
    ],
)
def test_a_quota_is_unknown_unlimited_or_stated(stated: object, meant: Quota | None) -> None:
    target = accepted(BASE | {"options": [ON_DEMAND | {"quota": stated}]})

    assert target.options[0].quota == meant


def test_a_unit_rate_keeps_how_its_limits_combine() -> None:
    rate = RATE | {"combination": "sum"}

    target = accepted(BASE | {"provisioned": {"model_id": PT_MODEL, "unit_rate": rate}})

    assert target.provisioned is not None
    assert target.provisioned.unit_rate is not None
    assert target.provisioned.unit_rate.combination is RateCombination.SUM


def test_traffic_of_an_option_is_seen_although_only_its_arn_is_stated() -> None:
    arn = f"arn:aws:bedrock:{REGION}:{ACCOUNT}:application-inference-profile/abc123"
    document = BASE | {
        "model_ids": ["abc123", "other.model"],
        "options": [{"kind": "on_demand", "address": arn}],
    }

    # The id at the end of the ARN is the same ModelId, so it is not listed twice.
    assert accepted(document).model_ids == ("abc123", "other.model")


def test_a_profile_within_the_residency_is_accepted() -> None:
    target = accepted(
        BASE
        | {
            "residency": {"geographies": ["us"], "global_profiles": True},
            "options": [
                {"kind": "geographic_profile", "address": PROFILE},
                {"kind": "global_profile", "address": f"global.{MODEL}"},
                {
                    "kind": "geographic_profile",
                    "address": APPLICATION_PROFILE,
                    "geography": "us",
                },
            ],
        }
    )

    assert len(target.options) == 3


def test_an_embedding_target_has_no_output_tokens() -> None:
    target = accepted(
        BASE
        | {
            "modality": "embedding",
            "options": [
                {
                    "kind": "on_demand",
                    "address": "amazon.titan-embed-image-v1",
                    "price": PRICE | {"output_usd_per_1k": 0},
                }
            ],
            "provisioned": {
                "model_id": "amazon.titan-embed-image-v1:0",
                "unit_rate": {"input_tokens_per_minute": 1e6, "source": "test"},
            },
        }
    )

    assert target.provisioned is not None
    assert target.provisioned.unit_rate is not None
    assert target.provisioned.unit_rate.output_tokens_per_minute is None


def test_the_period_of_the_capacity_loop_is_the_stack_s() -> None:
    parser = TargetDocuments(ListedPrices(), decision_minutes=30)

    target = parser.parse("chat", None, json.dumps(BASE))

    assert isinstance(target, Target)
    assert target.thresholds.sizing.decision_minutes == 30


def test_the_version_is_16_hex_digits_over_all_but_itself() -> None:
    target = accepted(BASE)

    assert len(target.settings_version) == 16
    assert int(target.settings_version, 16) >= 0
    assert settings_version(target) == target.settings_version


def test_the_version_depends_on_what_is_said_and_not_on_how() -> None:
    spelled = json.dumps(BASE | {"mode": "advise", "guard_rails": {"max_usd_per_hour": 100}})
    defaults = json.dumps({"slo": {"max_throttled_share": 0.01}})

    assert accepted(json.loads(spelled), defaults) == accepted(BASE)
    assert accepted(BASE | {"mode": "act"}).settings_version != accepted(BASE).settings_version


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"account": ACCOUNT, "region": REGION},
        {"mode": "act", "provisioned": {"unit_rate": RATE}},
        {"guard_rails": {"max_units": 8, "min_units": 2}},
    ],
)
def test_defaults_may_leave_fields_to_the_targets(document: dict[str, Any]) -> None:
    assert TargetDocuments(ListedPrices()).check_defaults(json.dumps(document)) is None


@pytest.mark.parametrize(
    ("document", "field"),
    [
        ({"guard_rails": {"max_units": "ten"}}, "guard_rails.max_units"),
        ({"guard_rails": {"min_units": 2}}, "guard_rails.min_units"),
        (
            {"provisioned": {"unit_rate": {"input_tokens_per_minute": 0}}},
            "provisioned.unit_rate.input_tokens_per_minute",
        ),
        ({"routing": {"refresh_seconds": 3600}}, "routing.refresh_seconds"),
        ({"guardrails": {}}, "guardrails"),
    ],
)
def test_faulty_defaults_are_reported_under_their_own_name(
    document: dict[str, Any], field: str
) -> None:
    problem = TargetDocuments(ListedPrices()).check_defaults(json.dumps(document))

    assert problem is not None
    assert (problem.document, problem.field) == ("defaults", field)


def test_defaults_that_are_no_json_are_reported() -> None:
    problem = TargetDocuments(ListedPrices()).check_defaults("")

    assert problem is not None
    assert problem.message.startswith("not JSON")
