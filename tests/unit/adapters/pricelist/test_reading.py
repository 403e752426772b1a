"""Each price of the Price List comes out right, or is refused with the reason; nothing else."""

import json
from datetime import date
from decimal import Decimal

import pytest

from bedrock_autoscaler.adapters.pricelist import (
    load_price_names,
    products_of_answer,
    products_of_bulk,
    read_products,
)
from bedrock_autoscaler.application.errors import ObservationError
from bedrock_autoscaler.domain.economics.price_book import Measure, PriceKey
from bedrock_autoscaler.domain.economics.price_review import Reading
from bedrock_autoscaler.domain.target import Commitment
from tests.unit.adapters.pricelist.products import bulk, entry, market, term

TODAY = date(2026, 11, 21)
NAMES = load_price_names()

NO_COMMIT = "ProvisionedThroughput-NoCommit-ModelUnits"


def read(*rows: str, region: str = "us-east-1", today: date = TODAY) -> Reading:
    return read_products(products_of_answer(rows), NAMES, region=region, today=today)


def prices(reading: Reading) -> dict[tuple[str, Measure, Commitment], Decimal]:
    return {(q.key.address, q.key.measure, q.key.commitment): q.usd for q in reading.quotes}


def token_prices(reading: Reading) -> dict[str, Decimal]:
    return {q.key.address: q.usd for q in reading.quotes}


# -- each service code, right -----------------------------------------------------------------


def test_bedrock_prices_tokens_by_the_thousand_in_region_and_by_geographic_profile() -> None:
    found = read(entry("USE1-NovaMicro-input-tokens", "0.0000350000", "1K tokens"))

    assert token_prices(found) == {
        "amazon.nova-micro-v1:0": Decimal("0.000035"),
        "us.amazon.nova-micro-v1:0": Decimal("0.000035"),
    }
    assert found.refused == ()
    assert found.quotes[0].source == (
        "AWS Price List AmazonBedrock, SKU ABCDEFGH12345678, published 2026-11-01"
    )
    assert found.quotes[0].as_of == TODAY


def test_a_round_price_is_written_without_an_exponent() -> None:
    found = read(entry(f"USE1-Nova2.0Lite-{NO_COMMIT}", "60.0000000000", "hour"))

    assert [str(quote.usd) for quote in found.quotes] == ["60"]


def test_marketplace_prices_tokens_by_the_million() -> None:
    # 3.30 USD for 1,000,000 tokens are 0.0033 for 1,000.
    found = read(market("InputTokenCount", "3.3000000000"))

    assert token_prices(found)["us.anthropic.claude-sonnet-4-6"] == Decimal("0.0033")


def test_the_third_service_code_is_read_by_what_each_row_says() -> None:
    service = "AmazonBedrockService"
    found = read(
        entry("USE1-NovaPro-output-tokens", "0.0032", "1K tokens", service=service),
        entry(
            "USE1-Guardrail-ContentPolicyUnitsConsumed", "0.00015", "Text Units", service=service
        ),
        entry("USE1-KnowledgeBase-StructuredDataQuery", "0.002", "Queries", service=service),
    )

    assert token_prices(found)["amazon.nova-pro-v1:0"] == Decimal("0.0032")
    assert (found.refused, found.ignored) == ((), 2)


def test_a_bulk_file_gives_what_the_query_api_gives() -> None:
    rows = (
        entry("USE1-NovaPro-input-tokens", "0.0008", "1K tokens", sku="A"),
        entry(
            "USE1-Nova2.0Lite-ProvisionedThroughput-NoCommit-ModelUnits", "60.5", "hour", sku="B"
        ),
    )

    from_bulk = read_products(
        products_of_bulk(bulk("AmazonBedrock", *rows)), NAMES, region="us-east-1", today=TODAY
    )

    assert from_bulk == read(*rows)


@pytest.mark.parametrize(
    ("term_word", "commitment"),
    [
        ("NoCommit", Commitment.NONE),
        ("1month", Commitment.ONE_MONTH),
        ("6months", Commitment.SIX_MONTHS),
    ],
)
@pytest.mark.parametrize("described", ["", "$55 per hour for a {}-ModelUnits in US East"])
def test_unit_hours_of_bedrock(described: str, term_word: str, commitment: Commitment) -> None:
    found = read(
        entry(
            f"USE1-Nova2.0Lite-ProvisionedThroughput-{term_word}-ModelUnits",
            "55",
            "hour",
            description=described.format(term_word),
        )
    )

    assert prices(found) == {
        ("amazon.nova-2-lite-v1:0:256k", Measure.UNIT_HOUR, commitment): Decimal(55)
    }


@pytest.mark.parametrize(
    ("suffix", "address"),
    [
        ("-cross-region-global", "global.amazon.nova-2-lite-v1:0"),
        ("-custom-model", "custom:amazon.nova-2-lite-v1:0"),
    ],
)
def test_global_profiles_and_custom_models_have_prices_of_their_own(
    suffix: str, address: str
) -> None:
    found = read(entry(f"USE1-Nova2.0Lite-input-tokens{suffix}", "0.0003", "1K tokens"))

    assert token_prices(found) == {address: Decimal("0.0003")}


@pytest.mark.parametrize(
    ("rest", "addresses"),
    [
        (
            "InputTokenCount",
            {"anthropic.claude-sonnet-4-6", "us.anthropic.claude-sonnet-4-6"},
        ),
        (
            "input_tokens_standard",
            {"anthropic.claude-sonnet-4-6", "us.anthropic.claude-sonnet-4-6"},
        ),
        ("InputTokenCount_Global", {"global.anthropic.claude-sonnet-4-6"}),
        ("input_tokens_global_standard", {"global.anthropic.claude-sonnet-4-6"}),
    ],
)
def test_both_generations_of_marketplace_usage_types(rest: str, addresses: set[str]) -> None:
    assert set(token_prices(read(market(rest, "3")))) == addresses


@pytest.mark.parametrize(
    ("usage_type", "unit", "description"),
    [
        ("MillionInputTokens", "Units", ""),
        (
            "InputTokenCount",
            "Units",
            "AWS Marketplace software usage|us-east-1|Million Input Tokens",
        ),
        ("InputTokenCount", "1M tokens", "per 1M input tokens"),
        ("InputTokenCount", "1,000,000 tokens", ""),
    ],
)
def test_a_million_is_told_in_several_ways(usage_type: str, unit: str, description: str) -> None:
    found = read(market(usage_type, "3", unit, description=description))

    assert token_prices(found)["anthropic.claude-sonnet-4-6"] == Decimal("0.003")


@pytest.mark.parametrize(
    "unit", ["1K tokens", "1k Tokens", "1,000 tokens", "1000 tokens", "per 1K tokens"]
)
def test_a_thousand_is_told_in_several_ways(unit: str) -> None:
    found = read(entry("USE1-NovaPro-input-tokens", "0.0008", unit))

    assert token_prices(found)["amazon.nova-pro-v1:0"] == Decimal("0.0008")


def test_profiles_of_a_region_with_two_geographies() -> None:
    row = entry("APN1-Nova2.0Lite-input-tokens", "0.0004", "1K tokens", region="ap-northeast-1")

    assert set(token_prices(read(row, region="ap-northeast-1"))) == {
        "amazon.nova-2-lite-v1:0",
        "apac.amazon.nova-2-lite-v1:0",
        "jp.amazon.nova-2-lite-v1:0",
    }


# -- what prices something else ---------------------------------------------------------------


@pytest.mark.parametrize(
    "usage_type",
    [
        "USE1-NovaMicro-input-tokens-batch",
        "USE1-Nova2.0Lite-input-tokens-flex",
        "USE1-Nova2.0Lite-input-tokens-priority-cross-region-global",
        "USE1-Nova2.0Lite-cache-read-input-token-count",
        "USE1-Nova2.0Lite-Customization-Training",
        "USE1-Nova2.0Lite-Customization-Storage",
        "USE1-NovaCanvas-T2I-1024-Standard",
        "USE1-MP:USE1_InputTokenCount_Batch-Units",
        "USE1-MP:USE1_CacheWriteInputTokenCount-Units",
        "USE1-MP:USE1_Reserved_1Month_InputTPM_Geo-Units",
        "USE1-MP:USE1_input_tokens_long_ctx_standard-Units",
        "USE1-NovaReel-T2V-Medfps-HDRes",
    ],
)
def test_other_kinds_are_no_prices_of_ours(usage_type: str) -> None:
    found = read(entry(usage_type, "0.001", "1K tokens"))

    assert (found.quotes, found.refused, found.ignored) == ((), (), 1)


def test_rows_of_other_regions_are_left() -> None:
    row = entry("EUC1-NovaPro-input-tokens", "0.9", "1K tokens", region="eu-central-1")

    assert read(row) == Reading(quotes=(), refused=(), ignored=1)


# -- refused ----------------------------------------------------------------------------------


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
