"""A document without a fault whose target cannot be managed is refused with the reason."""

import json
from typing import Any

import pytest

from bedrock_autoscaler.adapters.documents import TargetDocuments
from bedrock_autoscaler.application.ports.settings import SettingsProblem
from tests.builders import ACCOUNT, MODEL, PROFILE, PT_MODEL, REGION
from tests.documents import BASE, ON_DEMAND, PRICE, RATE, ListedPrices, refused


@pytest.mark.parametrize(
    ("changes", "field", "message"),
    [
        ({"modality": "image"}, "modality", "image and video models are not managed"),
        ({"modality": ["text"]}, "modality", '["text"] is not allowed; give "text" or "embedding"'),
        ({"model_ids": ["amazon.nova-canvas-v1:0"]}, "model_ids.0", "image and video models"),
        (
            {"options": [{"kind": "on_demand", "address": "stability.sd3-5-large-v1:0"}]},
            "options.0.address",
            "image and video models",
        ),
        (
            {"provisioned": {"model_id": "amazon.titan-image-generator-v2:0"}},
            "provisioned.model_id",
            "image and video models",
        ),
        ({"options": []}, "options", "nothing can be managed"),
        ({"options": [ON_DEMAND, ON_DEMAND]}, "options.1.address", "stands twice"),
        (
            {"options": [{"kind": "provisioned", "address": MODEL}]},
            "options.0.kind",
            '"on_demand" or "geographic_profile" or "global_profile"',
        ),
        ({"options": [{"address": MODEL}]}, "options.0.kind", "missing; give"),
        (
            {"options": [{"kind": "on_demand", "address": PROFILE}]},
            "options.0.kind",
            "is a profile (us)",
        ),
        (
            {"options": [{"kind": "on_demand", "address": f"mx.{MODEL}"}]},
            "options.0.kind",
            "is a profile (mx)",
        ),
        (
            {"options": [{"kind": "geographic_profile", "address": PROFILE}]},
            "options.0.address",
            "serves in geography 'us'; residency.geographies allows none",
        ),
        (
            {
                "options": [{"kind": "geographic_profile", "address": MODEL}],
                "residency": {"geographies": ["us"]},
            },
            "options.0.address",
            "cannot be told",
        ),
        (
            {
                "options": [
                    {"kind": "geographic_profile", "address": f"eu.{MODEL}", "geography": "us"}
                ],
                "residency": {"geographies": ["us"]},
            },
            "options.0.address",
            "contradicts geography 'us'",
        ),
        (
            {"options": [{"kind": "global_profile", "address": f"global.{MODEL}"}]},
            "options.0.address",
            "may serve in any Region of the world",
        ),
        (
            {"options": [{"kind": "global_profile", "address": PROFILE}]},
            "options.0.address",
            "is no global profile",
        ),
        (
            {"residency": {"geographies": ["global"]}},
            "residency.geographies.0",
            "is not allowed; give a text that matches",
        ),
        (
            {"model_ids": [f"arn:aws:bedrock:eu-west-1:{ACCOUNT}:provisioned-model/abc"]},
            "model_ids.0",
            "lies in another place",
        ),
        (
            {"model_ids": [f"arn:aws:bedrock:{REGION}:999999999999:provisioned-model/abc"]},
            "model_ids.0",
            "lies in another place",
        ),
        ({"model_ids": ["arn:aws:bedrock"]}, "model_ids.0", "lies in another place"),
        *(
            (
                {
                    "residency": {"geographies": ["us"], "source_regions": ["us-west-2"]},
                    "options": [
                        {
                            "kind": "geographic_profile",
                            "address": f"arn:aws:bedrock:{place}:inference-profile/{PROFILE}",
                            "region": "us-west-2",
                        }
                    ],
                },
                "options.0.address",
                "Region us-west-2",
            )
            for place in (f"eu-west-1:{ACCOUNT}", "us-west-2:999999999999")
        ),
        (
            {"provisioned": {"model_id": PROFILE}},
            "provisioned.model_id",
            "is a profile; units are bought for a model",
        ),
        (
            {
                "provisioned": {
                    "model_id": PT_MODEL,
                    "unit_rate": {"input_tokens_per_minute": 1, "source": "test"},
                }
            },
            "provisioned.unit_rate.output_tokens_per_minute",
            "needs a rate for output tokens",
        ),
        (
            {"modality": "embedding", "provisioned": {"model_id": PT_MODEL, "unit_rate": RATE}},
            "provisioned.unit_rate.output_tokens_per_minute",
            "has no output tokens",
        ),
        (
            {
                "provisioned": {
                    "model_id": PT_MODEL,
                    "unit_rate": RATE | {"input_tokens_per_minute": 0},
                }
            },
            "provisioned.unit_rate.input_tokens_per_minute",
            "0 is not allowed",
        ),
        (
            {"provisioned": {"model_id": PT_MODEL, "unit_rate": {"input_tokens_per_minute": 1}}},
            "provisioned.unit_rate.source",
            "missing; give",
        ),
        (
            {"provisioned": {"model_id": PT_MODEL, "price": "free"}},
            "provisioned.price",
            '"free" is not allowed; give "list" or an object',
        ),
        (
            {"provisioned": {"model_id": PT_MODEL, "price": None}},
            "provisioned.price",
            'null is not allowed; give "list" or an object',
        ),
        (
            {
                "provisioned": {
                    "model_id": PT_MODEL,
                    "price": {"usd_per_hour": 0, "source": "AWS", "as_of": "2026-11-01"},
                }
            },
            "provisioned.price.usd_per_hour",
            "0 is not allowed; give a number above 0, at most 10000",
        ),
        (
            {"options": [ON_DEMAND | {"price": PRICE | {"as_of": "2026-13-01"}}]},
            "options.0.price.as_of",
            'give a date such as "2026-11-01"',
        ),
        (
            {"options": [ON_DEMAND | {"price": PRICE | {"output_usd_per_1k": 0}}]},
            "options.0.price.output_usd_per_1k",
            "0 is allowed for embedding models alone",
        ),
        (
            {"options": [ON_DEMAND | {"quota": {"output_burndown": 1, "source": "test"}}]},
            "options.0.quota",
            "it states no limit",
        ),
        (
            {"options": [ON_DEMAND | {"quota": 5}]},
            "options.0.quota",
            '5 is not allowed; give "unlimited" or an object',
        ),
    ],
)
def test_what_cannot_be_managed_is_refused_with_the_reason(
    changes: dict[str, Any], field: str, message: str
) -> None:
    named, said = refused(BASE | changes)

    assert named == field
    assert message in said


@pytest.mark.parametrize(
    "name", ["", "Chat", "a--b", "-a", "a_b", "a/b", "x" * 33, "defaults", "switch", "settings/x"]
)
def test_a_name_that_cannot_be_a_target_s_is_refused(name: str) -> None:
    problem = TargetDocuments(ListedPrices()).parse(name, None, json.dumps(BASE))

    assert isinstance(problem, SettingsProblem)
    assert problem.document == name
    assert "lower-case letters" in problem.message


def test_the_bare_id_of_a_model_sold_by_context_length_is_refused() -> None:
    parser = TargetDocuments(
        ListedPrices(), lambda model_id: (PT_MODEL,) if model_id == MODEL else ()
    )

    problem = parser.parse("chat", None, json.dumps(BASE | {"provisioned": {"model_id": MODEL}}))

    assert problem == SettingsProblem(
        document="chat",
        field="provisioned.model_id",
        message=f'"{MODEL}" is sold by context length; give one of {PT_MODEL}',
    )
