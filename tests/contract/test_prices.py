"""What every store of prices guarantees: kept whole, read back equal, one word for each key."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from bedrock_autoscaler.adapters.storage.prices import DynamoPrices
from bedrock_autoscaler.application.pricing import Acceptance, KeptPrices, PriceStore
from bedrock_autoscaler.domain.economics.price_book import Doubt, Measure, PriceKey, Quote, Standing
from bedrock_autoscaler.domain.target import Commitment
from tests.builders import NOW
from tests.contract.conftest import BACKENDS, LEDGER, REGION
from tests.fakes.memory_prices import MemoryPrices

KEY = PriceKey(
    address="amazon.nova-2-lite-v1:0:256k",
    region=REGION,
    measure=Measure.UNIT_HOUR,
    commitment=Commitment.ONE_MONTH,
)
KEPT = KeptPrices(
    region=REGION,
    read_at=NOW,
    quotes=(
        Quote(
            key=KEY,
            usd=Decimal("55.000000001"),
            source="AWS Price List AmazonBedrock, SKU ÄÖ",
            as_of=NOW.date(),
            standing=Standing.LISTED,
        ),
    ),
    doubts=(Doubt(key=replace(KEY, commitment=Commitment.NONE), reason="two prices"),),
    gaps=(replace(KEY, measure=Measure.INPUT_1K, commitment=Commitment.NONE),),
    refused=7,
)
WORD = Acceptance(key=KEY, usd=Decimal(55), by="jane", at=NOW)


@pytest.fixture(params=BACKENDS)
def store(request: pytest.FixtureRequest) -> PriceStore:
    if request.param == "memory":
        return MemoryPrices()
    return DynamoPrices(request.getfixturevalue("dynamodb"), LEDGER)


def test_there_is_nothing_before_the_first_refresh(store: PriceStore) -> None:
    assert store.current() is None
    assert store.accepted() == ()


def test_the_newest_book_is_read_back_equal(store: PriceStore) -> None:
    store.keep(replace(KEPT, refused=1))
    assert store.current() == replace(KEPT, refused=1)

    store.keep(KEPT)

    assert store.current() == KEPT
    assert store.current() == KEPT


def test_the_newest_word_on_a_price_counts(store: PriceStore) -> None:
    other = replace(WORD, key=replace(KEY, region="eu-west-1"))
    newer = replace(WORD, usd=Decimal(56), at=NOW + timedelta(days=1))
    for word in (WORD, other, newer):
        store.accept(word)

    assert set(store.accepted()) == {other, newer}
