from dataclasses import replace
from decimal import Decimal

import pytest

from tests.builders import TOKEN_PRICE, UNIT_PRICE, UNIT_RATE


@pytest.mark.parametrize("price", ["0", "-1", "NaN", "Infinity"])
def test_a_unit_is_never_free(price: str) -> None:
    with pytest.raises(ValueError, match=f"price {price} USD per unit-hour: must be above 0"):
        replace(UNIT_PRICE, usd_per_hour=Decimal(price))


def test_a_term_that_is_not_sold_has_no_price() -> None:
    assert replace(UNIT_PRICE, one_month_usd_per_hour=None).one_month_usd_per_hour is None


@pytest.mark.parametrize("price", ["-0.1", "NaN", "Infinity"])
def test_refuses_what_is_no_token_price(price: str) -> None:
    with pytest.raises(ValueError, match=f"price {price} USD per 1,000 tokens"):
        replace(TOKEN_PRICE, output_usd_per_1k=Decimal(price))


def test_output_of_an_embedding_costs_nothing() -> None:
    assert replace(TOKEN_PRICE, output_usd_per_1k=Decimal(0)).output_usd_per_1k == 0


@pytest.mark.parametrize("rate", [0.0, -1.0, float("nan"), float("inf")])
def test_a_unit_rate_is_a_positive_number(rate: float) -> None:
    with pytest.raises(ValueError, match=r"tokens per minute: must be above 0"):
        replace(UNIT_RATE, input_tokens_per_minute=rate)
    with pytest.raises(ValueError, match=r"tokens per minute: must be above 0"):
        replace(UNIT_RATE, output_tokens_per_minute=rate)
