"""Every way to run inference can stand in a target's document, and says why where it may not."""

import json
import re
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from bedrock_autoscaler.adapters.documents import TargetDocuments
from bedrock_autoscaler.adapters.prices import load_prices
from bedrock_autoscaler.domain.option import (
    ImportedCopies,
    InferenceOption,
    InstanceRails,
    OptionKind,
    Residency,
)
from bedrock_autoscaler.domain.target import Target
from tests.builders import ACCOUNT, MODEL, PROFILE, PT_MODEL, REGION
from tests.documents import APPLICATION_PROFILE, BASE, PRICE, accepted, refused

OURS = f"arn:aws:bedrock:{REGION}:{ACCOUNT}"
US: dict[str, Any] = {"kind": "geographic_profile", "address": PROFILE}
DEPLOYMENT = {
    "kind": "custom_deployment",
    "address": f"{OURS}:custom-model-deployment/abcdef123456",
}
IMPORTED = {"kind": "imported_model", "address": f"{OURS}:imported-model/abcdef123456"}
ENDPOINT = {
    "kind": "marketplace_endpoint",
    "address": f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:endpoint/own",
}
ROUTER = {
    "kind": "prompt_router",
    "address": f"{OURS}:default-prompt-router/amazon.nova:1",
    "geography": "us",
}
RESIDENCY = {"geographies": ["us"], "source_regions": ["us-west-2"]}
COPIES = {
    "units_per_copy": 8,
    "usd_per_unit_minute": 0.05718,
    "source": "AWS",
    "as_of": "2026-11-01",
}
INSTANCES = {
    "max_instances": 3,
    "calls_per_minute": 40,
    "usd_per_instance_hour": 1.5,
    "source": "AWS",
    "as_of": "2026-11-01",
}


def document(*options: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return BASE | {"options": list(options), "residency": RESIDENCY} | changes


def only(*options: dict[str, Any], **changes: Any) -> InferenceOption:
    return accepted(document(*options, **changes)).options[0]


@pytest.mark.parametrize(
    "option",
    [
        {"kind": "on_demand", "address": MODEL},
        US,
        {"kind": "geographic_profile", "address": APPLICATION_PROFILE, "geography": "us"},
        US | {"region": "us-west-2"},
        US | {"latency": "optimized"},
        US | {"tier": "priority"},
        US | {"tier": "default"},
        US | {"tier": "flex"},
        US | {"tier": "reserved"},
        DEPLOYMENT,
        IMPORTED,
        ENDPOINT,
        {"kind": "batch", "address": PROFILE},
    ],
    ids=lambda option: "-".join(str(v).rsplit("/", maxsplit=1)[-1] for v in option.values()),
)
def test_every_option_is_a_row(option: dict[str, Any]) -> None:
    found = only(option)

    assert found.kind is OptionKind(option["kind"])
    asked = tuple(option.get(name, "") for name in ("address", "region", "tier", "latency"))
    assert found.place == asked


def test_a_global_profile_and_a_router_need_leave() -> None:
    everything = {"geographies": ["us"], "global_profiles": True, "other_models": True}
    top = {"kind": "global_profile", "address": f"global.{MODEL}"}

    target = accepted(document(US, top, ROUTER, residency=everything))

    assert [option.kind.value for option in target.options[1:]] == [top["kind"], ROUTER["kind"]]
    assert target.residency == Residency(
        geographies=("us",), global_profiles=True, other_models=True
    )


def test_copies_and_instances_keep_their_money_exact() -> None:
    imported, endpoint = (
        only(IMPORTED | {"copies": COPIES}),
        only(ENDPOINT | {"instances": INSTANCES}),
    )

    assert imported.copies == ImportedCopies(
        units_per_copy=8,
        usd_per_unit_minute=Decimal("0.05718"),
        source="AWS",
        as_of=date(2026, 11, 1),
    )
    assert endpoint.instances == InstanceRails(
        min_instances=1,
        max_instances=3,
        calls_per_minute=40,
        usd_per_instance_hour=Decimal("1.5"),
        source="AWS",
        as_of=date(2026, 11, 1),
    )


def test_the_same_address_may_be_asked_for_in_several_ways() -> None:
    ways = (US, US | {"tier": "priority"}, US | {"region": "us-west-2"}, US | {"kind": "batch"})

    assert len(accepted(document(*ways)).options) == 4


def test_the_slo_says_what_is_fast_and_what_may_wait() -> None:
    slo = accepted(document(US, slo={"latency": "optimized", "deferrable_share": 0.4})).slo

    assert (slo.latency, slo.deferrable_share) == ("optimized", 0.4)
    assert accepted(BASE).slo.latency == ""


def test_traffic_is_looked_for_where_it_is_filed() -> None:
    ways = (
        US | {"latency": "optimized"},
        US | {"region": "us-west-2"},
        {"kind": "batch", "address": MODEL},
    )

    # That of another Region shows there, and batch jobs show nowhere.
    assert accepted(document(*ways)).model_ids == (f"{PROFILE}+latency-optimized",)


@pytest.mark.parametrize(
    ("option", "field", "words"),
    [
        (IMPORTED | {"kind": "on_demand"}, "kind", "is of kind imported_model"),
        (
            {"kind": "on_demand", "address": f"{OURS}:provisioned-model/abcdef123456"},
            "kind",
            "is of kind provisioned",
        ),
        (DEPLOYMENT | {"address": MODEL}, "address", "is no ARN of kind custom_deployment"),
        (ROUTER | {"geography": None}, "geography", "does not tell where it serves"),
        (ROUTER, "address", "either of two models answers there"),
        (US | {"region": "eu-west-1"}, "address", "it is called from eu-west-1"),
        (US | {"region": REGION}, "region", "is the target's own Region; leave it out"),
        (IMPORTED | {"tier": "flex"}, "tier", "imported_model takes no tier"),
        (ENDPOINT | {"latency": "optimized"}, "latency", "marketplace_endpoint takes no latency"),
        ({"kind": "batch", "address": PROFILE, "tier": "flex"}, "tier", "batch takes no tier"),
        (US | {"tier": "flex", "latency": "optimized"}, "latency", "together with tier 'flex'"),
        (US | {"tier": "express"}, "tier", "is not allowed"),
        (US | {"copies": COPIES}, "copies", "only imported_model has it"),
        (US | {"instances": INSTANCES}, "instances", "only marketplace_endpoint has it"),
        (
            ENDPOINT | {"instances": INSTANCES | {"min_instances": 4}},
            "instances.min_instances",
            "4 is above max_instances, which is 3",
        ),
        ({"kind": "batch", "address": f"global.{MODEL}"}, "address", "any Region of the world"),
    ],
)
def test_an_option_that_may_not_be_used_is_refused_with_the_reason(
    option: dict[str, Any], field: str, words: str
) -> None:
    named, said = refused(document(option))

    assert named == f"options.0.{field}"
    assert words in said


def test_a_customized_model_is_not_served_by_its_base() -> None:
    custom = f"{OURS}:custom-model/{PT_MODEL}/abcdef123456"
    bought = {"provisioned": {"model_id": custom}}

    assert accepted(document(DEPLOYMENT, **bought)).options
    named, said = refused(document(DEPLOYMENT, US, **bought))
    assert named == "options.1.address"
    assert "a base model answers there, and the target's is a customized one" in said
    lenient = bought | {"residency": RESIDENCY | {"other_models": True}}
    assert len(accepted(document(DEPLOYMENT, US, **lenient)).options) == 2


def test_what_the_page_shows_is_accepted() -> None:
    page = (Path(__file__).parents[3] / "docs" / "options.md").read_text(encoding="utf-8")
    whole, endpoint = map(json.loads, re.findall(r"```json\n(.*?)```", page, flags=re.DOTALL))

    assert len(accepted(BASE | whole).options) == 4
    assert only(endpoint).instances is not None


# -- list prices ---------------------------------------------------------------------------------


def listed(option: dict[str, Any], **changes: Any) -> InferenceOption:
    """The option at the prices of the shipped list."""
    text = json.dumps(document(option, **changes))
    target = TargetDocuments(load_prices()).parse("chat", None, text)
    assert isinstance(target, Target), target
    return target.options[0]


@pytest.mark.parametrize(
    ("asked", "inputs", "outputs"),
    [
        ({}, "0.00033", "0.00275"),
        ({"tier": "default"}, "0.00033", "0.00275"),
        ({"tier": "priority"}, "0.0005775", "0.0048125"),
        ({"tier": "flex"}, "0.000165", "0.001375"),
        ({"kind": "batch"}, "0.000165", "0.001375"),
    ],
)
def test_a_tier_costs_its_multiple_of_the_list_price(
    asked: dict[str, Any], inputs: str, outputs: str
) -> None:
    price = listed(US | asked).price

    assert price is not None
    assert (price.input_usd_per_1k, price.output_usd_per_1k) == (Decimal(inputs), Decimal(outputs))
    assert ("times" in price.source) == (Decimal(inputs) != Decimal("0.00033"))


def test_where_the_multiple_is_not_known_there_is_no_price() -> None:
    assert listed(US | {"latency": "optimized"}).price is None
    micro = "us.amazon.nova-micro-v1:0"
    assert listed(US | {"address": micro}).price is not None
    assert listed(US | {"address": micro, "tier": "priority"}).price is None


def test_a_multiple_makes_no_price_older() -> None:
    nova = {"kind": "on_demand", "address": "amazon.nova-pro-v1:0"}
    plain, optimized = listed(nova).price, listed(nova | {"latency": "optimized"}).price

    assert plain is not None
    assert optimized is not None
    assert optimized.as_of == plain.as_of
    assert "times 1.25 as of 2025-07-20: a copy of the AWS pricing page" in optimized.source


def test_a_deployment_costs_what_the_list_has_for_its_base() -> None:
    custom = f"{OURS}:custom-model/{PT_MODEL}/abcdef123456"

    price = listed(DEPLOYMENT, provisioned={"model_id": custom}).price

    assert price is not None
    assert (price.input_usd_per_1k, price.output_usd_per_1k) == (
        Decimal("0.0003"),
        Decimal("0.0025"),
    )
    assert listed(DEPLOYMENT).price is None


@pytest.mark.parametrize("option", [IMPORTED, ENDPOINT, US | {"tier": "reserved"}])
def test_what_is_billed_by_time_has_no_price_by_the_token(option: dict[str, Any]) -> None:
    assert listed(option).price is None


def test_a_stated_price_is_taken_as_it_is() -> None:
    price = only(US | {"tier": "priority", "price": PRICE}).price

    assert price is not None
    assert price.input_usd_per_1k == Decimal("0.0033")
