"""What a target may use: its residency, its model, and what its SLO asks for."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from bedrock_autoscaler.domain.option import InferenceOption, OptionKind, Residency
from bedrock_autoscaler.domain.routing.addresses import model_of
from bedrock_autoscaler.domain.routing.lawfulness import overflow_options, seen_options, use_problem
from tests.builders import (
    ACCOUNT,
    MODEL,
    PROFILE,
    PT_MODEL,
    REGION,
    TOKEN_PRICE,
    build_option,
    build_provisioned,
    build_target,
)

OURS = f"arn:aws:bedrock:{REGION}:{ACCOUNT}"
CUSTOM = f"{OURS}:custom-model/{PT_MODEL}/abcdef123456"
DEPLOYMENT = build_option(
    kind=OptionKind.CUSTOM_DEPLOYMENT, address=f"{OURS}:custom-model-deployment/abcdef123456"
)
US = build_option(kind=OptionKind.GEOGRAPHIC_PROFILE, address=PROFILE)
LENIENT = Residency(geographies=("us",), global_profiles=True)


def problem(option: InferenceOption, residency: Residency = LENIENT, **target: Any) -> str | None:
    return use_problem(option, build_target(options=(option,), residency=residency, **target))


@pytest.mark.parametrize(
    ("address", "model"),
    [
        (MODEL, "amazon.nova-2-lite-v1"),
        (PROFILE, "amazon.nova-2-lite-v1"),
        (PT_MODEL, "amazon.nova-2-lite-v1"),
        (f"arn:aws:bedrock:{REGION}::foundation-model/{MODEL}", "amazon.nova-2-lite-v1"),
        (f"{OURS}:inference-profile/{PROFILE}", "amazon.nova-2-lite-v1"),
        ("cohere.embed-english-v3:0:512", "cohere.embed-english-v3"),
        (CUSTOM, CUSTOM),
        (f"{OURS}:application-inference-profile/abcdef123456", None),
        (DEPLOYMENT.address, None),
    ],
)
def test_an_address_tells_its_model(address: str, model: str | None) -> None:
    assert model_of(address) == model


@pytest.mark.parametrize(
    ("option", "residency", "words"),
    [
        (US, Residency(geographies=("eu",)), "serves in geography 'us'; residency.geographies"),
        (
            replace(US, kind=OptionKind.GLOBAL_PROFILE, address=f"global.{MODEL}"),
            Residency(geographies=("us",)),
            "may serve in any Region of the world",
        ),
        (
            replace(US, kind=OptionKind.BATCH, address=f"global.{MODEL}"),
            Residency(geographies=("us",)),
            "may serve in any Region of the world",
        ),
        (replace(US, region="us-west-2"), LENIENT, "it is called from us-west-2"),
        (
            build_option(kind=OptionKind.ON_DEMAND, address="an-arn", geography="eu"),
            LENIENT,
            "serves in geography 'eu'",
        ),
    ],
)
def test_nothing_serves_where_it_is_not_allowed(
    option: InferenceOption, residency: Residency, words: str
) -> None:
    assert words in (problem(option, residency) or "")


@pytest.mark.parametrize(
    ("option", "bought", "words"),
    [
        (build_option(), CUSTOM, "a base model answers there, and the target's is a customized"),
        (DEPLOYMENT, PT_MODEL, "a customized model answers there, and the target's is a base"),
        (
            build_option(address="amazon.nova-micro-v1:0"),
            PT_MODEL,
            "amazon.nova-micro-v1 answers there, not amazon.nova-2-lite-v1",
        ),
        (
            build_option(kind=OptionKind.PROMPT_ROUTER, address="a-router", geography="us"),
            PT_MODEL,
            "either of two models answers there",
        ),
    ],
)
def test_no_other_model_answers_unless_that_is_allowed(
    option: InferenceOption, bought: str, words: str
) -> None:
    provisioned = build_provisioned(model_id=bought)

    assert words in (problem(option, provisioned=provisioned) or "")
    lenient = replace(LENIENT, other_models=True)
    assert problem(option, lenient, provisioned=provisioned) is None


def test_a_custom_model_may_use_its_deployment() -> None:
    assert problem(DEPLOYMENT, provisioned=build_provisioned(model_id=CUSTOM)) is None
    assert problem(DEPLOYMENT, provisioned=None) is None


def test_where_nothing_may_be_bought_the_first_option_tells_the_model() -> None:
    target = build_target(options=(DEPLOYMENT, US), residency=LENIENT, provisioned=None)

    assert use_problem(DEPLOYMENT, target) is None
    assert "a base model answers there" in (use_problem(US, target) or "")


def test_older_records_were_checked_by_the_settings_alone() -> None:
    assert use_problem(replace(US, region="us-west-2"), build_target(residency=None)) is None


def test_a_tier_shares_the_quota_of_its_address_and_counts_once() -> None:
    dear = replace(TOKEN_PRICE, output_usd_per_1k=Decimal("0.0048125"))
    priority = replace(US, tier="priority", price=dear)
    away = replace(US, region="us-west-2")
    target = build_target(options=(priority, US, away, replace(US, tier="reserved", price=None)))

    assert overflow_options(target) == (US, away)


def test_an_unknown_price_is_not_hidden_by_a_known_one() -> None:
    unknown = replace(US, tier="priority", price=None)

    assert overflow_options(build_target(options=(US, unknown))) == (unknown,)


def test_only_what_shows_in_the_own_region_is_looked_at() -> None:
    fast = replace(US, latency="optimized")
    batch = replace(US, kind=OptionKind.BATCH, address="another")
    target = build_target(
        options=(US, replace(US, tier="flex"), replace(US, region="us-west-2"), fast, batch)
    )

    assert [option.series for option in seen_options(target)] == [
        PROFILE,
        f"{PROFILE}+latency-optimized",
    ]
