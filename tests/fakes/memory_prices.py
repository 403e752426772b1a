"""The price list and the store of prices, in memory."""

from datetime import date
from typing import override

from bedrock_autoscaler.application.pricing import (
    Acceptance,
    KeptPrices,
    PriceOffers,
    PriceStore,
)
from bedrock_autoscaler.domain.economics.price_review import Reading
from tests.fakes.failures import Failures


class MemoryOffers(Failures, PriceOffers):
    """A list that a test writes."""

    def __init__(self) -> None:
        super().__init__()
        self.reading = Reading(quotes=(), refused=(), ignored=0)
        self.asked: list[tuple[str, date]] = []

    @override
    def read(self, region: str, today: date) -> Reading:
        """What the test wrote."""
        self._begin("read")
        self.asked.append((region, today))
        return self.reading


class MemoryPrices(Failures, PriceStore):
    """A store of one process."""

    def __init__(self) -> None:
        super().__init__()
        self.kept: KeptPrices | None = None
        self.acceptances: tuple[Acceptance, ...] = ()

    @override
    def current(self) -> KeptPrices | None:
        """What is kept."""
        self._begin("current")
        return self.kept

    @override
    def keep(self, prices: KeptPrices) -> None:
        """Keep it."""
        self._begin("keep")
        self.kept = prices

    @override
    def accepted(self) -> tuple[Acceptance, ...]:
        """All of them."""
        return self.acceptances

    @override
    def accept(self, acceptance: Acceptance) -> None:
        """The newest word on a key counts."""
        others = (one for one in self.acceptances if one.key != acceptance.key)
        self.acceptances = (*others, acceptance)
