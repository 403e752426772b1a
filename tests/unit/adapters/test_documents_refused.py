import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bedrock_autoscaler.adapters.documents import (
    TargetDocuments,
)
from bedrock_autoscaler.application.ports.settings import SettingsProblem
from bedrock_autoscaler.domain.target import (
    Target,
)
from tests.builders import ACCOUNT, MODEL, PROFILE, PT_MODEL, REGION
from tests.documents import (
    BASE,
    ON_DEMAND,
    PRICE,
    RATE,
    ListedPrices,
    parse,
    refused,
)

WHOLE_NUMBER = "give a whole number from 0 to 1000"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("", "not JSON: Expecting value at line 1, column 1", id="empty"),
        pytest.param("   ", "not JSON: Expecting value at line 1, column 4", id="blank"),
        pytest.param("\x00\x7f%$", "not JSON: Expecting value at line 1, column 1", id="noise"),
        pytest.param("q7#" * 3_000, "not JSON: Expecting value at line 1, column 1", id="9 KB"),
        pytest.param("mode: act", "not JSON: Expecting value at line 1, column 1", id="yaml"),
        pytest.param('{"mode": "act"', "not JSON: Expecting ',' delimiter", id="cut off"),
        pytest.param("null", "not a JSON object but NoneType", id="null"),
        pytest.param("[]", "not a JSON object but list", id="list"),
        pytest.param("1e9", "not a JSON object but float", id="number"),
        pytest.param('"ten"', "not a JSON object but str", id="word"),
        pytest.param('{"slo": NaN}', "NaN is no number", id="nan"),
        pytest.param('{"mode": "act", "mode": "advise"}', "'mode' stands twice", id="key twice"),
        pytest.param('{"a":' * 100_000 + "1" + "}" * 100_000, "nested too deep", id="deep"),
        pytest.param('{"a":' * 50 + "1" + "}" * 50, "nested too deep", id="fairly deep"),
    ],
)
def test_a_text_that_is_no_object_is_refused_as_a_whole(text: str, message: str) -> None:
    field, said = refused(text)

    assert field == ""
    assert message in said


@pytest.mark.parametrize(
    ("changes", "field", "message"),
    [
        (
            {"guard_rails": {"max_units": "ten"}},
            "guard_rails.max_units",
            f'"ten" is not allowed; {WHOLE_NUMBER}',
        ),
        (
            {"guard_rails": {"max_units": None}},
            "guard_rails.max_units",
            f"null is not allowed; {WHOLE_NUMBER}",
        ),
        (
            {"guard_rails": {"max_units": 1e9}},
            "guard_rails.max_units",
            f"1000000000.0 is not allowed; {WHOLE_NUMBER}",
        ),
        (
            {"guard_rails": {"max_units": 1.5}},
            "guard_rails.max_units",
            f"1.5 is not allowed; {WHOLE_NUMBER}",
        ),
        (
            {"guard_rails": {"max_units": True}},
            "guard_rails.max_units",
            f"true is not allowed; {WHOLE_NUMBER}",
        ),
        (
            {"guard_rails": {"max_units": -1}},
            "guard_rails.max_units",
            f"-1 is not allowed; {WHOLE_NUMBER}",
        ),
        (
            {"guard_rails": {"max_units": ""}},
            "guard_rails.max_units",
            f'"" is not allowed; {WHOLE_NUMBER}',
        ),
        ({"guard_rails": {"max_units": 10**400}}, "guard_rails.max_units", WHOLE_NUMBER),
        (
            {"guard_rails": {"max_usd_per_hour": 0}},
            "guard_rails.max_usd_per_hour",
            "0 is not allowed; give a number above 0, at most 100000",
        ),
        (
            {"guard_rails": {"min_units": 3}},
            "guard_rails.min_units",
            "3 is above max_units, which is 1",
        ),
        (
            {"guard_rails": []},
            "guard_rails",
            "[] is not allowed; give an object with keys among max_purchases_per_day",
        ),
        (
            {"guard_rails": {"max_unit": 3}},
            "guard_rails.max_unit",
            "unknown key; give an object with keys among max_purchases_per_day",
        ),
        ({"guard rails\n": {}}, '"guard rails\\n"', "unknown key"),
        ({"mode": "ACT"}, "mode", '"ACT" is not allowed; give "advise" or "act"'),
        ({"mode": None}, "mode", 'null is not allowed; give "advise" or "act"'),
        (
            {"account": "1234"},
            "account",
            '"1234" is not allowed; give a text that matches ^[0-9]{12}$',
        ),
        ({"account": 111122223333}, "account", "111122223333 is not allowed"),
        ({"region": "Virginia"}, "region", '"Virginia" is not allowed'),
        ({"uses_mantle": "yes"}, "uses_mantle", '"yes" is not allowed; give true or false'),
        ({"model_ids": MODEL}, "model_ids", "give a list of at most 40"),
        ({"model_ids": ["a b"]}, "model_ids.0", '"a b" is not allowed'),
        ({"model_ids": ["\ud800"]}, "", "is not allowed"),
        (
            {"observing": {"settling_minutes": 10}},
            "observing.max_staleness_minutes",
            "10 is not above settling_minutes",
        ),
        (
            {"classifying": {"seasonal_skill": 0.9}},
            "classifying.seasonal_skill",
            "0.9 is above strong_seasonal_skill",
        ),
        (
            {"routing": {"refresh_seconds": 121}},
            "routing.refresh_seconds",
            "121 is above draining.client_cache_minutes, which is 120 seconds",
        ),
        (
            {"sizing": {"billing_minutes": 5}},
            "draining.release_window_minutes",
            "5 is not below sizing.billing_minutes",
        ),
        (
            {"sizing": {"grow_margin": 0.5}},
            "sizing.grow_margin",
            "0.5 is not allowed; give a number from 1 to 5",
        ),
        ({"consents": []}, "consents", "consents are for backtests alone"),
    ],
)
def test_a_faulty_field_is_named_with_its_value_and_what_is_allowed(
    changes: dict[str, Any], field: str, message: str
) -> None:
    named, said = refused(BASE | changes)

    assert named == field
    assert message in said


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


def test_faulty_defaults_are_not_blamed_on_the_target() -> None:
    problem = parse(BASE, "{")

    assert isinstance(problem, SettingsProblem)
    assert problem.document == "defaults"


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30),
        lambda inner: (
            st.lists(inner, max_size=4)
            | st.dictionaries(
                st.sampled_from([*BASE, "slo", "guard_rails", "provisioned", "price", "max_units"])
                | st.text(max_size=8),
                inner,
                max_size=5,
            )
        ),
        max_leaves=20,
    )
)
def test_any_json_gives_a_target_or_a_short_problem(value: object) -> None:
    result = parse(json.dumps(value))

    if isinstance(result, SettingsProblem):
        assert len(result.field) < 500
        assert len(result.message) < 1_000
        assert "\n" not in result.field + result.message


@given(st.text(max_size=200))
def test_any_text_gives_a_target_or_a_problem(text: str) -> None:
    assert isinstance(parse(text), Target | SettingsProblem)


def test_an_address_longer_than_cloudwatch_takes_is_refused() -> None:
    """Asked for in one call with those of other targets, it would leave all of them unread."""
    assert isinstance(parse(BASE | {"model_ids": ["m" * 1024]}), Target)

    found = parse(BASE | {"model_ids": ["m" * 1025]})

    assert isinstance(found, SettingsProblem)
    assert found.field == "model_ids.0"
