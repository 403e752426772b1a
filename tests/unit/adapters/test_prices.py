import json
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from bedrock_autoscaler.adapters.prices import load_prices
from bedrock_autoscaler.application.errors import ConfigurationError
from bedrock_autoscaler.domain.target import TokenPrice, UnitPrice
from tests.builders import ACCOUNT, MODEL, PROFILE, PT_MODEL, REGION

TOKENS: dict[str, Any] = {
    "model_id": MODEL,
    "region": REGION,
    "input_usd_per_1k": 0.00033,
    "output_usd_per_1k": 0.00275,
    "as_of": "2026-11-01",
    "confidence": "likely",
    "source": "AWS Price List",
}
UNITS: dict[str, Any] = {
    "model_id": PT_MODEL,
    "region": REGION,
    "usd_per_hour": 60.5,
    "one_month_usd_per_hour": 55.0,
    "six_months_usd_per_hour": None,
    "as_of": "2026-11-01",
    "confidence": "likely",
    "source": "AWS Price List",
}


def book(*, tokens: object = (TOKENS,), units: object = (UNITS,), **changes: object) -> str:
    return json.dumps({"schema": 1, "about": "test", "tokens": tokens, "units": units} | changes)


def test_a_token_price_is_exact_and_says_where_it_comes_from() -> None:
    assert load_prices(book()).token_price(MODEL, REGION) == TokenPrice(
        input_usd_per_1k=Decimal("0.00033"),
        output_usd_per_1k=Decimal("0.00275"),
        source="shipped list (likely): AWS Price List",
        as_of=date(2026, 11, 1),
    )


def test_a_unit_price_has_the_terms_that_are_sold() -> None:
    assert load_prices(book()).unit_price(PT_MODEL, REGION) == UnitPrice(
        usd_per_hour=Decimal("60.5"),
        one_month_usd_per_hour=Decimal(55),
        six_months_usd_per_hour=None,
        source="shipped list (likely): AWS Price List",
        as_of=date(2026, 11, 1),
    )


def test_what_the_list_lacks_is_unknown() -> None:
    prices = load_prices(book())

    assert prices.token_price(MODEL, "eu-west-1") is None
    assert prices.token_price(PROFILE, REGION) is None
    assert prices.unit_price(MODEL, REGION) is None
    assert prices.unit_price("amazon.nova-pro-v1:0:24k", REGION) is None


def test_an_arn_is_looked_up_by_the_id_at_its_end() -> None:
    arn = f"arn:aws:bedrock:{REGION}::foundation-model/{MODEL}"

    assert load_prices(book()).token_price(arn, REGION) is not None


def test_a_unit_of_a_custom_model_costs_what_its_base_costs() -> None:
    arn = f"arn:aws:bedrock:{REGION}:{ACCOUNT}:custom-model/{PT_MODEL}/abcdef123456"

    assert load_prices(book()).unit_price(arn, REGION) == load_prices(book()).unit_price(
        PT_MODEL, REGION
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("", "file: Invalid JSON", id="empty"),
        pytest.param("[]", "file: ", id="no object"),
        pytest.param(book(schema=2), "schema: ", id="newer schema"),
        pytest.param(book(tokens=[TOKENS, TOKENS]), "stands twice", id="double tokens"),
        pytest.param(book(units=[UNITS, UNITS]), "stands twice", id="double units"),
        pytest.param(
            book(tokens=[TOKENS | {"input_usd_per_1k": 0}]), "input_usd_per_1k", id="zero"
        ),
        pytest.param(
            book(tokens=[TOKENS | {"output_usd_per_1k": -1}]), "output_usd", id="negative"
        ),
        pytest.param(
            book(units=[UNITS | {"usd_per_hour": float("nan")}]), "usd_per_hour", id="nan"
        ),
        pytest.param(book(units=[UNITS | {"usd_per_hour": None}]), "usd_per_hour", id="null"),
        pytest.param(book(units=[UNITS | {"usd_per_hour": "60.5"}]), "usd_per_hour", id="text"),
        pytest.param(book(units=[UNITS | {"usd_per_hour": 1e9}]), "usd_per_hour", id="huge"),
        pytest.param(book(units=[UNITS | {"source": ""}]), "units.0.source", id="blank source"),
        pytest.param(
            book(units=[{key: value for key, value in UNITS.items() if key != "source"}]),
            "units.0.source: Field required",
            id="no source",
        ),
        pytest.param(book(units=[UNITS | {"as_of": "2024"}]), "units.0.as_of", id="no day"),
        pytest.param(book(units=[UNITS | {"region": "us"}]), "units.0.region", id="no Region"),
        pytest.param(book(units=[UNITS | {"note": "x"}]), "units.0.note", id="unknown key"),
    ],
)
def test_a_faulty_list_is_refused_at_the_start(text: str, message: str) -> None:
    with pytest.raises(ConfigurationError, match="price list: ") as caught:
        load_prices(text)

    assert message in str(caught.value)


def test_the_shipped_list_loads_and_knows_the_models_that_can_be_bought() -> None:
    prices = load_prices()

    unit = prices.unit_price("amazon.nova-2-lite-v1:0:256k", "us-east-1")
    token = prices.token_price("amazon.nova-micro-v1:0", "us-east-1")
    assert unit is not None
    assert unit.usd_per_hour == Decimal("60.5")
    assert token is not None
    assert token.input_usd_per_1k == Decimal("0.000035")


def test_the_shipped_list_admits_to_what_it_does_not_know() -> None:
    # AWS publishes no price of a Nova Pro unit, and none is guessed.
    assert load_prices().unit_price("amazon.nova-pro-v1:0:24k", "us-east-1") is None
