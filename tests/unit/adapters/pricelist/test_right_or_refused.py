"""Rows with any mixture of mistakes: each price that is used is the true one.

A true row is made of each price that is shipped and has a name in the Price List; mistakes of every
kind, alone and together, are put into it. What comes out of reading and review together is the true
price, or nothing.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bedrock_autoscaler.adapters.pricelist import (
    load_price_names,
    products_of_answer,
    products_of_bulk,
    read_products,
)
from bedrock_autoscaler.adapters.prices import load_prices
from bedrock_autoscaler.domain.economics.price_book import Measure, PriceKey, Quote
from bedrock_autoscaler.domain.economics.price_review import Review, review
from bedrock_autoscaler.domain.target import Commitment
from tests.unit.adapters.pricelist.products import bulk, entry

TODAY = date(2026, 11, 21)
NAMES = load_price_names()
SHIPPED = load_prices().quotes
PREFIXES = {region: prefix for prefix, region in NAMES.regions.items()}
BY_ID = {model.model_id: name for name, model in NAMES.models.items()}
BY_UNIT = {unit: name for name, model in NAMES.models.items() for unit in model.unit_ids}
TERMS = {
    Commitment.NONE: ("NoCommit", "NoCommit"),
    Commitment.ONE_MONTH: ("1month", "1MonthCommit"),
    Commitment.SIX_MONTHS: ("6months", "6MonthsCommit"),
}

type Mistake = Callable[[dict[str, Any]], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """A price, and the row that tells it."""

    key: PriceKey
    usd: Decimal
    row: str


def truths() -> list[Truth]:
    """A row for each shipped price whose model has a name in the list."""
    found = (_truth(quote) for quote in SHIPPED)
    references = (_of_marketplace(quote) for quote in NAMES.references)
    return [truth for truth in (*found, *references) if truth is not None]


def _truth(quote: Quote) -> Truth | None:
    key, prefix = quote.key, PREFIXES[quote.key.region]
    if key.measure is Measure.UNIT_HOUR:
        name = BY_UNIT[key.address]
        usage = f"{prefix}-{name}-ProvisionedThroughput-{TERMS[key.commitment][0]}-ModelUnits"
        row = entry(usage, str(quote.usd), "hour", region=key.region)
        return Truth(key=key, usd=quote.usd, row=row)
    name = BY_ID.get(key.address, "")
    if not name or "(" in name:
        return None
    word = "input" if key.measure is Measure.INPUT_1K else "output"
    row = entry(f"{prefix}-{name}-{word}-tokens", str(quote.usd), "1K tokens", region=key.region)
    return Truth(key=key, usd=quote.usd, row=row)


def _of_marketplace(quote: Quote) -> Truth:
    word = "Input" if quote.key.measure is Measure.INPUT_1K else "Output"
    key = PriceKey(address=quote.key.address, region="us-east-1", measure=quote.key.measure)
    row = entry(
        f"USE1-MP:USE1_{word}TokenCount-Units",
        str(quote.usd * 1000),
        "1M tokens",
        service="AmazonBedrockFoundationModels",
        servicename=BY_ID[quote.key.address],
    )
    return Truth(key=key, usd=quote.usd, row=row)


TRUTHS = truths()


def dimension(row: dict[str, Any]) -> dict[str, Any]:
    (term,) = row["terms"]["OnDemand"].values()
    (found,) = term["priceDimensions"].values()
    told: dict[str, Any] = found
    return told


def priced_times(factor: str) -> Mistake:
    def change(row: dict[str, Any]) -> None:
        price = dimension(row)["pricePerUnit"]
        price["USD"] = str(Decimal(price["USD"]) * Decimal(factor))

    return change


def in_unit(unit: str) -> Mistake:
    return lambda row: dimension(row).update(unit=unit)


def described(text: str) -> Mistake:
    return lambda row: dimension(row).update(description=text)


def attribute(name: str, value: str | None) -> Mistake:
    def change(row: dict[str, Any]) -> None:
        attributes = row["product"]["attributes"]
        attributes.pop(name, None)
        if value is not None:
            attributes[name] = value

    return change


def renamed(before: str, after: str) -> Mistake:
    def change(row: dict[str, Any]) -> None:
        attributes = row["product"]["attributes"]
        if "usagetype" in attributes:
            attributes["usagetype"] = attributes["usagetype"].replace(before, after)

    return change


# A mistake never makes a false statement complete in itself: a row that names another model, Region
# or kind throughout tells another price, which nobody can hold against the truth of this one.
MISTAKES: dict[str, Mistake] = {
    "a thousandfold": priced_times("1000"),
    "a thousandth": priced_times("0.001"),
    "a millionfold": priced_times("1000000"),
    "unit of a million": in_unit("1M tokens"),
    "unit of a thousand": in_unit("1K tokens"),
    "unit of an hour": in_unit("hour"),
    "unit of units": in_unit("Units"),
    "unit of images": in_unit("images"),
    "no unit": in_unit(""),
    "described by the million": described("USD per 1M tokens"),
    "described by the thousand": described("USD per 1,000 tokens"),
    "described by the hour": described("USD per model unit and hour"),
    "no Region": attribute("regionCode", None),
    "another Region": attribute("regionCode", "eu-west-3"),
    "no such Region": attribute("regionCode", "us-middle-9"),
    "another prefix": renamed("USE1", "EUW3"),
    "no such prefix": renamed("USE1-", "ZZZ7-"),
    "no such suffix": renamed("-tokens", "-tokens-by-night"),
    "no such term": renamed("NoCommit", "Forever"),
    "no usage type": attribute("usagetype", None),
    "a name with an ending": renamed("Nova", "NovaX"),
    "another service name": attribute("servicename", "Claude Sonnet 9 (Amazon Bedrock Edition)"),
}


def come_out(truth: Truth, *mistakes: Mistake, in_bulk: bool) -> Review:
    row = json.loads(truth.row)
    for mistake in mistakes:
        mistake(row)
    text = json.dumps(row)
    service = row["serviceCode"]
    products = products_of_bulk(bulk(service, text)) if in_bulk else products_of_answer([text])
    reading = read_products(products, NAMES, region=truth.key.region, today=TODAY)
    known = (*SHIPPED, *NAMES.references)
    return review(reading, known, region=truth.key.region, accepted={})


@pytest.mark.parametrize("in_bulk", [False, True], ids=["query", "bulk"])
@pytest.mark.parametrize("truth", TRUTHS, ids=lambda truth: str(truth.key))
def test_every_true_row_is_right(truth: Truth, *, in_bulk: bool) -> None:
    found = {quote.key: quote.usd for quote in come_out(truth, in_bulk=in_bulk).quotes}

    assert found[truth.key] == truth.usd


@pytest.mark.parametrize("mistake", MISTAKES)
def test_every_mistake_alone_is_refused_or_harmless(mistake: str) -> None:
    for truth in TRUTHS:
        found = come_out(truth, MISTAKES[mistake], in_bulk=False).quotes

        assert {quote.usd for quote in found} <= {truth.usd}, (mistake, truth.key)


@given(
    truth=st.sampled_from(TRUTHS),
    mistakes=st.lists(st.sampled_from(sorted(MISTAKES)), max_size=4),
    in_bulk=st.booleans(),
)
def test_any_mistakes_together_are_refused_or_harmless(
    truth: Truth, mistakes: list[str], *, in_bulk: bool
) -> None:
    found = come_out(truth, *(MISTAKES[name] for name in mistakes), in_bulk=in_bulk)

    assert {quote.usd for quote in found.quotes} <= {truth.usd}, mistakes


def test_all_kinds_of_price_and_two_service_codes_are_among_the_truths() -> None:
    assert {truth.key.measure for truth in TRUTHS} == set(Measure)
    assert {json.loads(truth.row)["serviceCode"] for truth in TRUTHS} == {
        "AmazonBedrock",
        "AmazonBedrockFoundationModels",
    }
    assert len(TRUTHS) >= 25
