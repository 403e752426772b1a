"""A row of the Price List that is not certain is refused with the reason."""

import json

import pytest

from bedrock_autoscaler.adapters.pricelist import products_of_bulk
from bedrock_autoscaler.application.errors import ObservationError
from bedrock_autoscaler.domain.economics.price_book import Measure, PriceKey
from tests.unit.adapters.pricelist.products import NO_COMMIT, entry, market, read, term


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        pytest.param(
            entry("USE1-NovaPro-input-tokens", "0.0008", "Units"), "does not say", id="no unit"
        ),
        pytest.param(
            entry("USE1-NovaPro-input-tokens", "0.0008", "1K tokens", description="per 1M tokens"),
            "both a thousand and a million",
            id="unit and description differ",
        ),
        pytest.param(
            market("MillionInputTokens", "3", "1K tokens"),
            "both a thousand and a million",
            id="unit and usage type differ",
        ),
        pytest.param(
            entry("USE1-NovaPro-input-tokens", "0.8", "hour"), "by the hour", id="tokens by hour"
        ),
        pytest.param(
            entry("USE1-NovaPro-input-tokens", "0.8", "images"), "does not say", id="images"
        ),
        pytest.param(
            entry("USE1-NovaPro-input-tokens", "0.8", "images", description="per 1K images"),
            "is not known",
            id="a thousand of something else",
        ),
        pytest.param(
            entry("USE1-NovaPro-input-tokens", "8", "10K tokens"), "does not say", id="ten thousand"
        ),
        pytest.param(
            entry(
                "USE1-Nova2.0Lite-ProvisionedThroughput-NoCommit-ModelUnits", "60.5", "1K tokens"
            ),
            "by tokens",
            id="unit-hour by tokens",
        ),
        pytest.param(
            entry("USE1-Nova2.0Lite-ProvisionedThroughput-NoCommit-ModelUnits", "60.5", "month"),
            "not an hour",
            id="unit-hour by month",
        ),
        pytest.param(entry("USE1-NovaPro-input-tokens", "0", "1K tokens"), "no price", id="free"),
        pytest.param(
            entry("USE1-NovaPro-input-tokens", "-1", "1K tokens"), "no price", id="negative"
        ),
        pytest.param(
            entry("USE1-NovaPro-input-tokens", "NaN", "1K tokens"), "no price", id="not a number"
        ),
        pytest.param(
            entry("USE1-NovaPro-input-tokens", "call us", "1K tokens"), "not a number", id="words"
        ),
        pytest.param(
            entry("USE1-NovaPro-input-tokens", None, "1K tokens"), "in USD", id="other currency"
        ),
        pytest.param(
            entry("USE1-NovaPro-input-tokens", "0.0008", "1K tokens", region=None),
            "names no Region",
            id="no Region",
        ),
        pytest.param(
            entry("USE1-NovaPro-input-tokens", "0.0008", "1K tokens", region="eu-west-1"),
            "its Region is eu-west-1",
            id="two Regions",
        ),
        pytest.param(
            entry("XXX9-NovaPro-input-tokens", "0.0008", "1K tokens"),
            "none that is known",
            id="unknown prefix",
        ),
        pytest.param(
            entry("USE1-NovaProMax-input-tokens", "0.0008", "1K tokens"),
            "no model id is known",
            id="a likeness is no name",
        ),
        pytest.param(
            market(
                "InputTokenCount", "3", servicename="Claude Sonnet 4.61 (Amazon Bedrock Edition)"
            ),
            "no model id is known",
            id="a likeness in Marketplace",
        ),
        pytest.param(
            market(
                "InputTokenCount", "0.25", servicename="Claude 3 Haiku (Amazon Bedrock Edition)"
            ),
            "ended on 2026-09-10",
            id="retired",
        ),
        pytest.param(
            entry("USE1-NovaPro-ProvisionedThroughput-NoCommit-ModelUnits", "20", "hour"),
            "which context length",
            id="two context lengths",
        ),
        pytest.param(
            entry(f"USE1-Llama3-3-70B-{NO_COMMIT}", "24", "hour"),
            "no purchase id",
            id="not sold as provisioned throughput",
        ),
        pytest.param(
            entry("USE1-NovaPro-input-tokens-night", "0.0004", "1K tokens"),
            "suffix '-night'",
            id="new suffix",
        ),
        pytest.param(market("InputTokenCount_Extra", "3"), "not known", id="new Marketplace form"),
        pytest.param(
            entry("USE1-Nova2.0Lite-ProvisionedThroughput-3months-ModelUnits", "50", "hour"),
            "not known",
            id="new term",
        ),
    ],
)
def test_what_is_not_certain_is_refused(row: str, reason: str) -> None:
    found = read(row)

    assert found.quotes == ()
    assert [reason in one.reason for one in found.refused] == [True], found


def test_a_refusal_names_the_prices_that_it_leaves_open() -> None:
    (refused,) = read(entry("USE1-NovaPro-input-tokens", "0.0008", "Units")).refused

    assert refused.keys[0] == PriceKey(
        address="amazon.nova-pro-v1:0", region="us-east-1", measure=Measure.INPUT_1K
    )


def test_prices_by_quantity_or_of_the_future_are_refused() -> None:
    def with_terms(*terms: dict[str, object]) -> str:
        row = json.loads(entry("USE1-NovaPro-input-tokens", "0.0008", "1K tokens", sku="S"))
        row["terms"]["OnDemand"] = {f"S.{number}": one for number, one in enumerate(terms)}
        return json.dumps(row)

    tier = term("S", "0.0004", "1K tokens", beginRange="1000")
    plain = term("S", "0.0008", "1K tokens")
    future = plain | {"effectiveDate": "2027-01-01T00:00:00Z"}

    assert "several prices" in read(with_terms(plain, tier)).refused[0].reason
    assert "begins at" in read(with_terms(tier)).refused[0].reason
    assert "no price that is in force" in read(with_terms(future)).refused[0].reason
    assert "no price that is in force" in read(with_terms()).refused[0].reason
    assert len(read(with_terms(plain, future)).quotes) == 2


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"product": {"sku": "A"}}', '{"product": 3}'])
def test_an_answer_in_another_shape_is_no_reading(text: str) -> None:
    with pytest.raises(ObservationError, match="cannot be read"):
        read(text)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"offerCode": "X", "terms": {}}'])
def test_a_bulk_file_in_another_shape_is_no_reading(text: str) -> None:
    with pytest.raises(ObservationError, match="cannot be read"):
        list(products_of_bulk(text))
