"""A refresh keeps what may be used, blocks what is doubted, and leaves the old price alone."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest

from bedrock_autoscaler.application.errors import ObservationError
from bedrock_autoscaler.application.pricing import (
    Acceptance,
    CurrentPrices,
    PricingPorts,
    look,
    refresh,
)
from bedrock_autoscaler.domain.economics.price_book import (
    Measure,
    PriceBook,
    PriceKey,
    Quote,
    Standing,
)
from bedrock_autoscaler.domain.economics.price_review import Reading, Refused
from tests.builders import NOW, REGION
from tests.fakes.fake_clock import FakeClock
from tests.fakes.memory_prices import MemoryOffers, MemoryPrices
from tests.fakes.recording_reporter import RecordingReporter
from tests.staging import Stage

TODAY = NOW.date()
NOVA = "amazon.nova-pro-v1:0"
INPUT = PriceKey(address=NOVA, region=REGION, measure=Measure.INPUT_1K)
OUTPUT = replace(INPUT, measure=Measure.OUTPUT_1K)


def quote(
    key: PriceKey, usd: str, standing: Standing = Standing.LISTED, as_of: date = TODAY
) -> Quote:
    return Quote(key=key, usd=Decimal(usd), source="test", as_of=as_of, standing=standing)


SHIPPED = (
    quote(INPUT, "0.0008", Standing.SHIPPED, date(2026, 1, 1)),
    quote(OUTPUT, "0.0032", Standing.SHIPPED, date(2026, 1, 1)),
)


class Office:
    """A price list, a store, and what is said."""

    def __init__(self, *quotes: Quote, refused: tuple[Refused, ...] = ()) -> None:
        self.clock = FakeClock(NOW)
        self.offers, self.store = MemoryOffers(), MemoryPrices()
        self.reporter = RecordingReporter()
        self.publish(*quotes, refused=refused)
        self.current = CurrentPrices(PriceBook(SHIPPED), self.store)

    def publish(self, *quotes: Quote, refused: tuple[Refused, ...] = ()) -> None:
        self.offers.reading = Reading(quotes=quotes, refused=refused, ignored=0)

    @property
    def ports(self) -> PricingPorts:
        return PricingPorts(
            clock=self.clock,
            offers=self.offers,
            store=self.store,
            reporter=self.reporter,
            references=SHIPPED,
            region=REGION,
        )

    def price(self) -> Decimal | None:
        """What the settings would be worked out with."""
        self.current.version()
        found = self.current.token_price(NOVA, REGION)
        return found.input_usd_per_1k if found else None


def test_a_fresh_price_takes_the_place_of_the_shipped_one() -> None:
    office = Office(quote(INPUT, "0.0007"), quote(OUTPUT, "0.0030"))
    assert office.price() == Decimal("0.0008")

    refresh(office.ports)

    assert office.price() == Decimal("0.0007")
    assert office.offers.asked == [(REGION, NOW.date())]


def test_a_doubted_price_blocks_and_is_an_alarm_once() -> None:
    office = Office(quote(INPUT, "0.8"), quote(OUTPUT, "0.0032"))

    refresh(office.ports)
    refresh(office.ports)

    assert office.price() is None
    (alarm,) = [one.message for one in office.reporter.alarms if one.alarm == "price_doubted"]
    assert "is blocked: 0.8 USD" in alarm


def test_a_doubt_that_was_not_kept_is_told_again() -> None:
    """A run that ends before it keeps the doubt leaves the next one to find it new."""
    office = Office(quote(INPUT, "0.8"), quote(OUTPUT, "0.0032"))
    office.store.fail_next(ObservationError("the store is away"), method="keep")

    with pytest.raises(ObservationError):
        refresh(office.ports)
    told = [one.alarm for one in office.reporter.alarms]
    refresh(office.ports)

    assert told == ["price_doubted"]
    assert [one.alarm for one in office.reporter.alarms] == ["price_doubted"] * 2


def test_a_doubt_is_over_when_the_list_is_right_again() -> None:
    office = Office(quote(INPUT, "0.8"), quote(OUTPUT, "0.0032"))
    refresh(office.ports)

    office.publish(quote(INPUT, "0.0008"), quote(OUTPUT, "0.0032"))
    refresh(office.ports)

    assert office.price() == Decimal("0.0008")


@pytest.mark.parametrize("is_whole", [True, False])
def test_a_doubt_stays_while_no_reading_speaks_of_its_price(is_whole: bool) -> None:  # noqa: FBT001 - a case
    office = Office(quote(INPUT, "0.8"), quote(OUTPUT, "0.0032"))
    refresh(office.ports)

    office.offers.reading = Reading(quotes=(), refused=(), ignored=500, is_whole=is_whole)
    refresh(office.ports)

    assert office.price() is None
    assert len([one for one in office.reporter.alarms if one.alarm == "price_doubted"]) == 1


def test_a_part_of_the_list_settles_no_conflict() -> None:
    office = Office(quote(INPUT, "0.0008"), quote(INPUT, "0.0016"), quote(OUTPUT, "0.0032"))
    refresh(office.ports)
    part = Reading(
        quotes=(quote(INPUT, "0.0008"), quote(OUTPUT, "0.0032")),
        refused=(),
        ignored=0,
        is_whole=False,
    )

    office.offers.reading = part
    refresh(office.ports)
    assert office.price() is None
    office.store.accept(Acceptance(key=INPUT, usd=Decimal("0.0008"), by="jane", at=NOW))
    refresh(office.ports)

    assert office.price() == Decimal("0.0008")


def test_an_older_file_stays_behind_what_was_read_since() -> None:
    office = Office(quote(INPUT, "0.0007"), quote(OUTPUT, "0.0030"))
    refresh(office.ports)

    office.publish(quote(INPUT, "0.0009", as_of=date(2024, 12, 5)))
    refresh(office.ports)

    assert office.price() == Decimal("0.0007")


def test_a_refused_product_blocks_what_it_would_have_priced() -> None:
    refused = Refused(sku="S", usage_type="U", reason="it names no Region", keys=(INPUT,))
    office = Office(quote(OUTPUT, "0.0032"), refused=(refused,))

    refresh(office.ports)

    assert office.price() is None
    assert office.current.book.doubt_about(NOVA, REGION).endswith("it names no Region")


def test_what_the_list_no_longer_has_keeps_its_price_and_its_date() -> None:
    office = Office(quote(INPUT, "0.0007"), quote(OUTPUT, "0.0030"))
    refresh(office.ports)
    later = NOW + timedelta(days=10)
    office.clock = FakeClock(later)
    office.publish(quote(OUTPUT, "0.0030", as_of=later.date()))

    kept = refresh(office.ports)

    assert kept.gaps == (INPUT,)
    assert office.price() == Decimal("0.0007")
    price = office.current.token_price(NOVA, REGION)
    assert price is not None
    assert price.as_of == NOW.date()


def test_a_list_that_cannot_be_read_changes_nothing() -> None:
    office = Office(quote(INPUT, "0.0007"), quote(OUTPUT, "0.0030"))
    refresh(office.ports)
    office.offers.fail_next(ObservationError("no answer"), method="read")

    with pytest.raises(ObservationError, match="no answer"):
        refresh(office.ports)

    assert office.price() == Decimal("0.0007")


def test_a_new_model_is_used_once_a_person_has_accepted_its_price() -> None:
    new = replace(INPUT, address="amazon.nova-9-v1:0")
    office = Office(quote(new, "0.001"))
    assert refresh(office.ports).doubts[0].key == new

    office.store.accept(Acceptance(key=new, usd=Decimal("0.001"), by="jane", at=NOW))

    assert refresh(office.ports).quotes == (quote(new, "0.001"),)


def test_a_look_writes_nothing() -> None:
    office = Office(quote(INPUT, "0.0007"))

    before, after = look(office.ports)

    assert before is None
    assert len(after.quotes) == 1
    assert office.store.kept is None


def test_the_version_changes_with_each_refresh_alone() -> None:
    office = Office(quote(INPUT, "0.0007"))
    first = office.current.version()
    refresh(office.ports)

    second = office.current.version()

    assert (first, second, office.current.version()) == (None, NOW, NOW)


def test_a_store_that_cannot_be_read_is_no_empty_store() -> None:
    office = Office()
    office.store.fail_next(ObservationError("throttled"), method="current")

    with pytest.raises(ObservationError):
        office.current.version()


def test_the_application_says_what_a_run_came_to() -> None:
    stage = Stage()
    stage.offers.reading = Reading(quotes=(quote(INPUT, "0.0007"),), refused=(), ignored=3)

    summary = stage.application.refresh_prices()

    # The stage ships no prices, so that a new one waits for a person.
    assert dict(summary.outcomes) == {REGION: "0 prices in use, 1 blocked"}
