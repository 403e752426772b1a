"""A document with a fault is refused: the field, its value and what is allowed are named."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bedrock_autoscaler.application.ports.settings import SettingsProblem
from bedrock_autoscaler.domain.target import Target
from tests.builders import MODEL
from tests.documents import BASE, parse, refused

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
