"""A reading is held against what is known: right prices pass, another unit never does."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from bedrock_autoscaler.adapters.prices import load_prices
from bedrock_autoscaler.domain.economics.price_book import (
    Doubt,
    Measure,
    PriceBook,
    PriceKey,
    Quote,
    Standing,
)
from bedrock_autoscaler.domain.economics.price_review import (
    Reading,
    Refused,
    Review,
    priced_model,
    review,
)
from bedrock_autoscaler.domain.target import Commitment

REGION = "us-east-1"
TODAY, BEFORE = date(2026, 11, 21), date(2026, 9, 1)
NOVA = "amazon.nova-pro-v1:0"
UNIT = "amazon.nova-2-lite-v1:0:256k"


def quote(
    usd: str,
    measure: Measure = Measure.INPUT_1K,
    *,
    address: str = NOVA,
    region: str = REGION,
    commitment: Commitment = Commitment.NONE,
    standing: Standing = Standing.LISTED,
    as_of: date = TODAY,
) -> Quote:
    return Quote(
        key=PriceKey(address=address, region=region, measure=measure, commitment=commitment),
        usd=Decimal(usd),
        source="test",
        as_of=as_of,
        standing=standing,
    )


KNOWN = (
    quote("0.0008", as_of=BEFORE, standing=Standing.SHIPPED),
    quote("0.0032", Measure.OUTPUT_1K, as_of=BEFORE, standing=Standing.SHIPPED),
    quote("60.5", Measure.UNIT_HOUR, address=UNIT, as_of=BEFORE, standing=Standing.SHIPPED),
)


def judged(
    fresh: Iterable[Quote],
    known: tuple[Quote, ...] = KNOWN,
    *,
    region: str = REGION,
    accepted: Mapping[PriceKey, Decimal] | None = None,
    refused: tuple[Refused, ...] = (),
) -> Review:
    reading = Reading(quotes=tuple(fresh), refused=refused, ignored=0)
    return review(reading, known, region=region, accepted=accepted or {})


def reviewed(*fresh: Quote) -> Review:
    return judged(fresh)


def test_a_usual_change_of_price_passes() -> None:
    found = reviewed(quote("0.0007"), quote("0.0028", Measure.OUTPUT_1K))

    assert [one.usd for one in found.quotes] == [Decimal("0.0007"), Decimal("0.0028")]
    assert found.doubts == ()


@pytest.mark.parametrize("usd", ["0.8", "0.0000008", "0.000079", "0.0081"])
def test_another_unit_is_never_taken_for_a_price(usd: str) -> None:
    found = reviewed(quote(usd))

    assert found.quotes == ()
    assert [doubt.key for doubt in found.doubts] == [KNOWN[0].key]


@pytest.mark.parametrize("usd", ["0.0605", "60500", "1.008"])
def test_a_unit_hour_is_held_against_its_like(usd: str) -> None:
    assert reviewed(quote(usd, Measure.UNIT_HOUR, address=UNIT)).quotes == ()


@pytest.mark.parametrize("factor", [1_000, 1_000_000])
def test_every_shipped_price_is_safe_from_a_thousandfold_error(factor: int) -> None:
    shipped = load_prices().quotes
    for one in shipped:
        for usd in (one.usd * factor, one.usd / factor):
            wrong = replace(one, usd=usd, standing=Standing.LISTED)

            found = judged([wrong], shipped, region=one.key.region, accepted={})

            assert found.quotes == (), wrong


def test_every_shipped_price_passes_as_it_is() -> None:
    shipped = load_prices().quotes
    fresh = [replace(one, standing=Standing.LISTED) for one in shipped]

    for region in {one.key.region for one in shipped}:
        here = [one for one in fresh if one.key.region == region]
        assert judged(here, shipped, region=region).doubts == ()


def test_a_model_that_was_never_seen_waits_for_a_person() -> None:
    new = quote("0.0009", address="amazon.nova-3-pro-v1:0")

    (doubt,) = reviewed(new).doubts

    assert "a person must accept it" in doubt.reason
    assert judged([new], KNOWN, region=REGION, accepted={new.key: new.usd}).quotes == (new,)
    other = judged([new], KNOWN, region=REGION, accepted={new.key: Decimal("0.0008")})
    assert other.quotes == ()


def test_acceptance_does_not_admit_what_was_never_possible() -> None:
    free = quote("0.000001")

    assert judged([free], KNOWN, region=REGION, accepted={free.key: free.usd}).quotes == ()


def test_the_same_model_elsewhere_is_a_measure() -> None:
    there = quote("0.00096", address="eu.amazon.nova-pro-v1:0", region="eu-central-1")

    assert judged([there], KNOWN, region="eu-central-1", accepted={}).quotes == (there,)


def test_two_prices_for_one_thing_block_it() -> None:
    found = reviewed(quote("0.0008"), quote("0.0009"))

    assert found.quotes == ()
    assert "0.0008 USD (test) and 0.0009 USD (test)" in found.doubts[0].reason


def test_a_refusal_blocks_what_another_product_prices() -> None:
    refused = Refused(sku="S", usage_type="U", reason="two units", keys=(KNOWN[0].key,))

    found = judged([quote("0.0008")], refused=(refused,))

    assert (found.quotes, [doubt.reason for doubt in found.doubts]) == ((), ["two units"])


def test_the_same_price_twice_is_no_conflict() -> None:
    assert len(reviewed(quote("0.0008"), quote("0.0008")).quotes) == 1


def test_a_pair_in_two_units_is_blocked_though_each_might_be_right() -> None:
    # 0.0009 is 0.28 times the known output price, 0.0031 is 3.9 times the known input price: both
    # within a factor of 4. Together output would cost 0.29 times what input does.
    low = quote("0.0009", Measure.OUTPUT_1K)
    high = quote("0.0031")

    found = reviewed(low, high)

    assert found.quotes == ()
    assert {doubt.key.measure for doubt in found.doubts} == {Measure.INPUT_1K, Measure.OUTPUT_1K}


@pytest.mark.parametrize(("usd", "passes"), [("55", True), ("61", False), ("0.055", False)])
def test_a_term_without_a_known_price_is_held_against_no_commitment(
    usd: str, *, passes: bool
) -> None:
    term = quote(usd, Measure.UNIT_HOUR, address=UNIT, commitment=Commitment.ONE_MONTH)

    assert bool(reviewed(term).quotes) is passes


def test_what_the_list_no_longer_has_is_a_gap() -> None:
    found = reviewed(quote("0.0008"))

    assert found.gaps == tuple(sorted((KNOWN[1].key, KNOWN[2].key)))


@pytest.mark.parametrize(
    ("address", "model"),
    [
        (NOVA, NOVA),
        ("us.amazon.nova-pro-v1:0", NOVA),
        ("us-gov.amazon.nova-pro-v1:0", NOVA),
        ("global.anthropic.claude-sonnet-4-6", "anthropic.claude-sonnet-4-6"),
        ("custom:amazon.nova-pro-v1:0", NOVA),
        ("amazon.nova-pro-v1:0:24k", NOVA),
        ("mistral.mistral-large-3-675b-instruct", "mistral.mistral-large-3-675b-instruct"),
    ],
)
def test_the_model_behind_an_address(address: str, model: str) -> None:
    assert priced_model(address) == model


# -- the book ---------------------------------------------------------------------------------


def test_a_listed_price_comes_before_the_shipped_one() -> None:
    listed = (quote("0.0007"), quote("0.003", Measure.OUTPUT_1K))

    price = PriceBook((*listed, *KNOWN)).token_price(NOVA, REGION)

    assert price is not None
    assert (price.input_usd_per_1k, price.as_of) == (Decimal("0.0007"), TODAY)


def test_a_doubt_blocks_even_where_an_older_price_is_known() -> None:
    book = PriceBook(KNOWN, [Doubt(key=KNOWN[0].key, reason="two prices")])

    assert book.token_price(NOVA, REGION) is None
    assert book.doubt_about(NOVA, REGION) == (f"input_1k of {NOVA} in {REGION}: two prices")
    assert not book.doubt_about(NOVA, "eu-west-1")


def test_a_doubted_term_counts_as_not_sold() -> None:
    month = quote("55", Measure.UNIT_HOUR, address=UNIT, commitment=Commitment.ONE_MONTH)
    book = PriceBook((*KNOWN, month), [Doubt(key=month.key, reason="r")])

    price = book.unit_price(UNIT, REGION)

    assert price is not None
    assert (price.usd_per_hour, price.one_month_usd_per_hour) == (Decimal("60.5"), None)


def test_a_term_that_left_the_list_is_not_sold_and_makes_no_other_price_older() -> None:
    plain = quote("60.5", Measure.UNIT_HOUR, address=UNIT)
    month = quote(
        "55", Measure.UNIT_HOUR, address=UNIT, commitment=Commitment.ONE_MONTH, as_of=BEFORE
    )

    price = PriceBook((plain, month)).unit_price(UNIT, REGION)

    assert price is not None
    assert (price.usd_per_hour, price.as_of) == (Decimal("60.5"), TODAY)
    assert price.one_month_usd_per_hour is None
    assert price.source == "test"


@pytest.mark.parametrize("usd", ["0", "-1", "NaN", "Infinity"])
def test_what_is_no_price_is_no_quote(usd: str) -> None:
    with pytest.raises(ValueError, match="is no price"):
        quote(usd)
