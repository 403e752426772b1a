import json
from typing import Any

import pytest

from bedrock_autoscaler.adapters.models import load_models
from bedrock_autoscaler.application.errors import ConfigurationError
from tests.builders import ACCOUNT, MODEL, PT_MODEL, REGION

BASE_POOL, CUSTOM_POOL = "L-FE44174A", "L-BE77399C"
LIST: dict[str, Any] = {
    "schema": 1,
    "about": "test",
    "source": "test",
    "as_of": "2026-11-01",
    "pools": {"base": BASE_POOL, "custom": CUSTOM_POOL},
    "models": [{"model_id": PT_MODEL, "quota_code": "L-07D3BCF0"}],
}


def test_a_purchase_is_bound_by_the_pool_and_the_model_s_own_quota() -> None:
    assert load_models().codes_of(PT_MODEL) == (BASE_POOL, "L-07D3BCF0")


def test_a_custom_model_is_bound_by_its_own_pool_and_its_base_s_quota() -> None:
    arn = f"arn:aws:bedrock:{REGION}:{ACCOUNT}:custom-model/{PT_MODEL}/abcdef123456"

    assert load_models().codes_of(arn) == (CUSTOM_POOL, "L-07D3BCF0")


@pytest.mark.parametrize(
    "model_id", ["cohere.embed-english-v3:0:512", "some.model-of-tomorrow-v1:0"]
)
def test_a_model_without_a_known_code_is_bound_by_the_pool_alone(model_id: str) -> None:
    assert load_models().codes_of(model_id) == (BASE_POOL,)


def test_a_bare_id_has_the_variants_that_are_sold_in_its_place() -> None:
    models = load_models()

    assert models.variants_of("amazon.nova-pro-v1:0") == (
        "amazon.nova-pro-v1:0:24k",
        "amazon.nova-pro-v1:0:300k",
    )
    assert models.variants_of(MODEL) == (PT_MODEL,)
    assert models.variants_of(PT_MODEL) == ()
    assert models.variants_of("amazon.titan-embed-image-v1:0") == ()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"schema": 2}, "schema"),
        ({"models": LIST["models"] * 2}, "a model stands twice"),
        ({"models": [{"model_id": PT_MODEL, "quota_code": "Nova"}]}, "models.0.quota_code"),
        ({"models": [{"model_id": PT_MODEL}]}, "models.0.quota_code"),
        ({"pools": {"base": BASE_POOL}}, "pools.custom"),
    ],
)
def test_a_faulty_list_is_refused_at_the_start(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match="model list: ") as caught:
        load_models(json.dumps(LIST | changes))

    assert message in str(caught.value)
