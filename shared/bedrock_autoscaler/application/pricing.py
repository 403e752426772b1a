"""Keeps the price book current: reads the list, reviews it, keeps what may be used.

Source: docs/prices.md.
"""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Protocol

from bedrock_autoscaler.application.ports.clock import Clock
from bedrock_autoscaler.application.ports.persons import Reporter
from bedrock_autoscaler.application.ticking import Summary
from bedrock_autoscaler.domain.economics.price_book import (
    Doubt,
    PriceBook,
    PriceKey,
    Quote,
    Standing,
)
from bedrock_autoscaler.domain.economics.price_review import Reading, Review, review
from bedrock_autoscaler.domain.target import TokenPrice, UnitPrice

_NAMED = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Acceptance:
    """A price that a person looked at and vouches for, exactly so."""

    key: PriceKey
    usd: Decimal
    by: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptPrices:
    """What the newest refresh left.

    Attributes:
        region: that was read.
        read_at: when.
        quotes: in use; one that the list no longer has keeps its old date.
        doubts: what blocks.
        gaps: keys that the list no longer has.
        refused: products that were not understood, how many.
    """

    region: str
    read_at: datetime
    quotes: tuple[Quote, ...]
    doubts: tuple[Doubt, ...]
    gaps: tuple[PriceKey, ...]
    refused: int


class PriceOffers(Protocol):
    """The published price list."""

    def read(self, region: str, today: date) -> Reading:
        """One Region's prices, whole.

        Raises:
            ObservationError: it could not be read to its end.
        """


class PriceStore(Protocol):
    """Where the newest refresh is kept, and what persons accepted."""

    def current(self) -> KeptPrices | None:
        """What the newest refresh left; None before the first.

        Raises:
            ObservationError: it could not be read.
        """

    def keep(self, prices: KeptPrices) -> None:
        """Put it in place of what was kept.

        Raises:
            ObservationError, UnknownOutcomeError: it was, or may have been, not written.
        """

    def accepted(self) -> tuple[Acceptance, ...]:
        """All that persons accepted.

        Raises:
            ObservationError: it could not be read.
        """

    def accept(self, acceptance: Acceptance) -> None:
        """Add one; a later one for the same key takes its place."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PricingPorts:
    """What a refresh needs.

    Attributes:
        references: quotes that are trusted from the outset: shipped ones.
        region: whose prices are wanted.
    """

    clock: Clock
    offers: PriceOffers
    store: PriceStore
    reporter: Reporter
    references: tuple[Quote, ...]
    region: str


def look(ports: PricingPorts) -> tuple[KeptPrices | None, KeptPrices]:
    """(what is kept, what a refresh would keep); writes nothing.

    Raises:
        ObservationError: the list or the store could not be read.
    """
    now = ports.clock.now()
    reading = ports.offers.read(ports.region, now.date())
    before = ports.store.current()
    accepted = {one.key: one.usd for one in ports.store.accepted()}
    known = (*ports.references, *(before.quotes if before else ()))
    found = review(
        reading,
        known,
        region=ports.region,
        accepted=accepted,
        doubted=before.doubts if before else (),
    )
    kept = KeptPrices(
        region=ports.region,
        read_at=now,
        quotes=_in_use(before, found),
        doubts=found.doubts,
        gaps=found.gaps,
        refused=len(reading.refused),
    )
    return before, kept


def refresh(ports: PricingPorts) -> KeptPrices:
    """Read, review and keep; each new doubt is an alarm, once.

    Raises:
        ObservationError: the list or the store could not be read; what was kept stays in force
            and ages.
    """
    before, kept = look(ports)
    known = {(doubt.key, doubt.reason) for doubt in before.doubts} if before else set()
    # Before they are kept: of a run that ends in between the next one tells again.
    for doubt in kept.doubts:
        if (doubt.key, doubt.reason) not in known:
            ports.reporter.alarm("price_doubted", "", f"{doubt.key} is blocked: {doubt.reason}")
    ports.store.keep(kept)
    ports.reporter.happened(
        "prices_refreshed",
        "",
        region=kept.region,
        quotes=len(kept.quotes),
        doubts=len(kept.doubts),
        refused=kept.refused,
        gaps=len(kept.gaps),
        first_gaps=", ".join(str(key) for key in kept.gaps[:_NAMED]),
    )
    return kept


def refresh_prices(ports: PricingPorts) -> Summary:
    """A refresh as a run of a function.

    Raises:
        ObservationError: see `refresh`.
    """
    kept = refresh(ports)
    outcome = f"{len(kept.quotes)} prices in use, {len(kept.doubts)} blocked"
    return Summary(outcomes=((kept.region, outcome),))


def _in_use(before: KeptPrices | None, found: Review) -> tuple[Quote, ...]:
    """The new quotes over those of before, which grow stale where the list lacks them.

    Those of an older file stay behind what was read since.
    """
    quotes = {
        quote.key: quote
        for quote in sorted(
            (*(before.quotes if before else ()), *found.quotes), key=lambda quote: quote.as_of
        )
        if quote.standing is Standing.LISTED
    }
    return tuple(quotes[key] for key in sorted(quotes))


class CurrentPrices:
    """The price list as it stands now: what the newest refresh kept, over the shipped one.

    Args:
        shipped: the list that came with the package.
        store: of the refreshes; None: the shipped list alone.
    """

    def __init__(self, shipped: PriceBook, store: PriceStore | None) -> None:
        self._shipped = shipped
        self._store = store
        self._kept: KeptPrices | None = None
        self._book = shipped

    def version(self) -> object:
        """Look anew; equal answers mean equal prices.

        Raises:
            ObservationError: the store could not be read.
        """
        kept = self._store.current() if self._store else None
        if kept != self._kept:
            self._kept = kept
            quotes, doubts = (kept.quotes, kept.doubts) if kept else ((), ())
            self._book = PriceBook((*self._shipped.quotes, *quotes), doubts)
        return self._kept.read_at if self._kept else None

    @property
    def book(self) -> PriceBook:
        """As of the last look."""
        return self._book

    def token_price(self, address: str, region: str) -> TokenPrice | None:
        """The on-demand price of a model or profile; None when unknown or doubted."""
        return self._book.token_price(address, region)

    def unit_price(self, model_id: str, region: str) -> UnitPrice | None:
        """The price of a unit-hour; None when unknown or doubted."""
        return self._book.unit_price(model_id, region)

    def doubt_about(self, address: str, region: str) -> str:
        """Why prices of this address are blocked; empty when none is in doubt."""
        return self._book.doubt_about(address, region)
