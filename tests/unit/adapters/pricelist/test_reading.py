"""Each price of the Price List comes out right, and nothing else."""

from decimal import Decimal

import pytest

from bedrock_autoscaler.adapters.pricelist import products_of_bulk, read_products
from bedrock_autoscaler.domain.economics.price_book import Measure
from bedrock_autoscaler.domain.economics.price_review import Reading
from bedrock_autoscaler.domain.target import Commitment
from tests.unit.adapters.pricelist.products import (
    NAMES,
    NO_COMMIT,
    TODAY,
    bulk,
    entry,
    market,
    read,
)


def prices(reading: Reading) -> dict[tuple[str, Measure, Commitment], Decimal]:
    return {(q.key.address, q.key.measure, q.key.commitment): q.usd for q in reading.quotes}


def token_prices(reading: Reading) -> dict[str, Decimal]:
    return {q.key.address: q.usd for q in reading.quotes}


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
