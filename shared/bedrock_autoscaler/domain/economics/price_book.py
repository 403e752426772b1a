"""The price book: quotes with their sources, what is doubted, and the prices that follow.

A doubted price is worse than none, since it looks like one: it is never used, and what depends on
it is blocked with the reason. Source: docs/prices.md.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import override

from bedrock_autoscaler.domain.target import Commitment, TokenPrice, UnitPrice


class Measure(StrEnum):
    """What a price is for; nothing else is kept, whatever a source counts in."""

    INPUT_1K = "input_1k"
    OUTPUT_1K = "output_1k"
    UNIT_HOUR = "unit_hour"


class Standing(StrEnum):
    """Whose word a quote is, the weakest first."""

    SHIPPED = "shipped"
    LISTED = "listed"


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class PriceKey:
    """What exactly is priced.

    Attributes:
        address: model or profile id; `custom:<base>` for a custom model's on-demand deployment.
        region: that is called.
        commitment: of a unit-hour; `NONE` for tokens.
    """

    address: str
    region: str
    measure: Measure
    commitment: Commitment = Commitment.NONE

    @override
    def __str__(self) -> str:
        """The key as people read it."""
        term = "" if self.commitment is Commitment.NONE else f" under {self.commitment.value}"
        return f"{self.measure.value} of {self.address} in {self.region}{term}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """One price: USD for 1,000 tokens or for one model unit and hour.

    Attributes:
        source: where it was read, down to the SKU.
        as_of: day on which it was read.
    """

    key: PriceKey
    usd: Decimal
    source: str
    as_of: date
    standing: Standing

    def __post_init__(self) -> None:
        """Refuse what is no price."""
        if not (self.usd.is_finite() and self.usd > 0):
            raise ValueError(f"{self.key}: {self.usd} USD is no price; it must be above 0")


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubt:
    """A price that must not be used, and why."""

    key: PriceKey
    reason: str


class PriceBook:
    """Prices by model or profile id and by the Region that is called.

    Args:
        quotes: of two with one key that of the higher standing counts, then the later one.
        doubts: keys that block, whatever is quoted for them.
    """

    def __init__(self, quotes: Iterable[Quote], doubts: Iterable[Doubt] = ()) -> None:
        self._quotes: dict[PriceKey, Quote] = {}
        for quote in sorted(quotes, key=_rank):
            self._quotes[quote.key] = quote
        self._doubts = {doubt.key: doubt.reason for doubt in doubts}

    @property
    def quotes(self) -> tuple[Quote, ...]:
        """Those that count, by key; the doubted ones too."""
        return tuple(self._quotes[key] for key in sorted(self._quotes))

    @property
    def doubts(self) -> Mapping[PriceKey, str]:
        """Why a key is blocked."""
        return self._doubts

    def quote(self, key: PriceKey) -> Quote | None:
        """The quote that counts; None while there is none, or it is doubted."""
        return None if key in self._doubts else self._quotes.get(key)

    def token_price(self, address: str, region: str) -> TokenPrice | None:
        """The on-demand price of a model or profile, named by id or ARN; None when unknown."""
        listed = listed_id(address)
        inputs = self.quote(PriceKey(address=listed, region=region, measure=Measure.INPUT_1K))
        outputs = self.quote(PriceKey(address=listed, region=region, measure=Measure.OUTPUT_1K))
        if inputs is None or outputs is None:
            return None
        return TokenPrice(
            input_usd_per_1k=inputs.usd,
            output_usd_per_1k=outputs.usd,
            source=_joined(inputs, outputs),
            as_of=min(inputs.as_of, outputs.as_of),
        )

    def unit_price(self, model_id: str, region: str) -> UnitPrice | None:
        """The price of a unit-hour; None when unknown.

        A custom model costs what its base model does. Source: Bedrock User Guide, provisioned
        throughput, read 2026-11-21. A term of which nothing certain is known counts as not sold,
        and so does one that is older than the price without a term: the list has it no more.
        """
        plain, *terms = (
            self.quote(
                PriceKey(
                    address=listed_id(model_id),
                    region=region,
                    measure=Measure.UNIT_HOUR,
                    commitment=commitment,
                )
            )
            for commitment in (Commitment.NONE, Commitment.ONE_MONTH, Commitment.SIX_MONTHS)
        )
        if plain is None:
            return None
        month, half_year = (term if term and term.as_of >= plain.as_of else None for term in terms)
        return UnitPrice(
            usd_per_hour=plain.usd,
            one_month_usd_per_hour=None if month is None else month.usd,
            six_months_usd_per_hour=None if half_year is None else half_year.usd,
            source=_joined(*(quote for quote in (plain, month, half_year) if quote)),
            as_of=plain.as_of,
        )

    def doubt_about(self, address: str, region: str) -> str:
        """Why prices of this address are blocked; empty when none is in doubt."""
        listed = listed_id(address)
        reasons = (
            f"{key}: {reason}"
            for key, reason in sorted(self._doubts.items())
            if (key.address, key.region) == (listed, region)
        )
        return "; ".join(reasons)


def listed_id(address: str) -> str:
    """The id under which a list has a model: `.../custom-model/<base>/<id>` is its base."""
    _, custom, tail = address.partition(":custom-model/")
    return tail.split("/")[0] if custom else address.rsplit("/", maxsplit=1)[-1]


def _rank(quote: Quote) -> tuple[int, date]:
    return list(Standing).index(quote.standing), quote.as_of


def _joined(*quotes: Quote) -> str:
    """The sources, each once."""
    return "; ".join(dict.fromkeys(quote.source for quote in quotes))
