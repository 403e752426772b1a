"""What a freshly read price must survive before money rests on it.

A list is read by its own words on units, and words can be wrong. So each price is held against a
known one of the same model: tokens priced by the thousand and by the million differ by a factor of
1,000, which no price change does. Source: docs/prices.md, section "What is refused".
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from bedrock_autoscaler.domain.economics.price_book import Doubt, Measure, PriceKey, Quote
from bedrock_autoscaler.domain.target import Commitment

_SAME = (Decimal("0.25"), Decimal(4))
"""Against the same model, in whatever Region and by whatever profile."""
_OUTPUT_TO_INPUT = (Decimal("0.5"), Decimal(30))
_TERM_TO_PLAIN = (Decimal("0.2"), Decimal(1))
_POSSIBLE = {
    Measure.INPUT_1K: (Decimal("0.000005"), Decimal("0.1")),
    Measure.OUTPUT_1K: (Decimal("0.000005"), Decimal("0.5")),
    Measure.UNIT_HOUR: (Decimal(1), Decimal(2000)),
}
"""USD; outside of it nothing of Bedrock was ever priced."""
_ADDRESS = re.compile(
    r"(?:custom:|(?:global|apac|us-gov|[a-z]{2})\.)?(?P<model>[^:]+:[0-9]+|[^:]+)"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """A product that looks like a price we need and is not understood beyond doubt.

    Attributes:
        keys: what it would have priced, as far as that is known.
    """

    sku: str
    usage_type: str
    reason: str
    keys: tuple[PriceKey, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """All that one reading of the Price List gave.

    Attributes:
        quotes: one SKU may price several addresses; two SKUs may price one.
        ignored: products that price something else.
        is_whole: whether all that is published of the Region was read; a part settles no doubt,
            since what speaks against a price may lie in the rest.
    """

    quotes: tuple[Quote, ...]
    refused: tuple[Refused, ...]
    ignored: int
    is_whole: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """What came of a reading.

    Attributes:
        quotes: those that may be used, by key.
        doubts: those that block, by key.
        gaps: keys that were known of the Region and that the reading lacks; the older quote stays
            in force until it is too old.
    """

    quotes: tuple[Quote, ...]
    doubts: tuple[Doubt, ...]
    gaps: tuple[PriceKey, ...]


def review(
    reading: Reading,
    known: Sequence[Quote],
    *,
    region: str,
    accepted: Mapping[PriceKey, Decimal],
    doubted: Iterable[Doubt] = (),
) -> Review:
    """Sort a reading into what may be used and what blocks.

    A product that had to be refused blocks what it would have priced, even where another product
    has a price for it: two tell different things.

    Args:
        reading: all quotes, double ones among them, and all refusals.
        known: quotes that are trusted: shipped, or accepted by an earlier review.
        region: that was read.
        accepted: prices that a person has looked at and vouches for, exactly so.
        doubted: by the review before; what this reading does not settle blocks on.
    """
    quotes: dict[PriceKey, Quote] = {}
    doubts = {key: one.reason for one in reading.refused for key in one.keys}
    references = _references(known)
    for key, same in _by_key(reading.quotes).items():
        if key in doubts:
            continue
        reason = _conflict(same) or _implausible(same[0], references, accepted)
        if reason:
            doubts[key] = reason
        else:
            quotes[key] = same[0]
    for key, reason in _disproportions(quotes, accepted).items():
        doubts[key] = reason
        del quotes[key]
    found = quotes.keys() | doubts.keys()
    for doubt in doubted:
        quote = quotes.get(doubt.key)
        if doubt.key not in doubts and not _settles(quote, reading, accepted):
            doubts[doubt.key] = doubt.reason
            quotes.pop(doubt.key, None)
    return Review(
        quotes=tuple(quotes[key] for key in sorted(quotes)),
        doubts=tuple(Doubt(key=key, reason=doubts[key]) for key in sorted(doubts)),
        gaps=tuple(sorted({q.key for q in known if q.key.region == region and q.key not in found})),
    )


def _settles(quote: Quote | None, reading: Reading, accepted: Mapping[PriceKey, Decimal]) -> bool:
    """Whether a price that was doubted before may be used now."""
    return quote is not None and (reading.is_whole or accepted.get(quote.key) == quote.usd)


def priced_model(address: str) -> str:
    """The model whose prices an address has: no geography, deployment or context length."""
    match = _ADDRESS.match(address)
    return match["model"] if match else address


def _by_key(quotes: Iterable[Quote]) -> dict[PriceKey, list[Quote]]:
    found: dict[PriceKey, list[Quote]] = defaultdict(list)
    for quote in quotes:
        found[quote.key].append(quote)
    return found


def _conflict(same: Sequence[Quote]) -> str:
    prices = sorted({quote.usd for quote in same})
    if len(prices) == 1:
        return ""
    told = " and ".join(f"{quote.usd} USD ({quote.source})" for quote in same)
    return f"the price list says {told}"


type _Family = tuple[str, Measure, Commitment]


def _references(known: Iterable[Quote]) -> dict[_Family, list[Quote]]:
    found: dict[_Family, list[Quote]] = defaultdict(list)
    for quote in known:
        found[_family(quote.key)].append(quote)
    return found


def _family(key: PriceKey) -> _Family:
    return priced_model(key.address), key.measure, key.commitment


def _implausible(
    quote: Quote,
    references: Mapping[_Family, Sequence[Quote]],
    accepted: Mapping[PriceKey, Decimal],
) -> str:
    """Why a quote cannot be believed as it stands; empty when it can."""
    low, high = _POSSIBLE[quote.key.measure]
    if not low <= quote.usd <= high:
        return f"{quote.usd} USD lies outside of all prices ever seen, {low} to {high}"
    if accepted.get(quote.key) == quote.usd:
        return ""
    model, measure, commitment = _family(quote.key)
    known = references.get((model, measure, commitment), ())
    if known:
        nearest = min(known, key=lambda one: _distance(one, quote))
        return _outside(quote, nearest, _SAME)
    plain = references.get((model, measure, Commitment.NONE), ())
    if commitment is not Commitment.NONE and plain:
        return _outside(quote, min(plain, key=lambda one: _distance(one, quote)), _TERM_TO_PLAIN)
    return (
        f"{quote.usd} USD has nothing to be held against: no price of this model was known before; "
        "a person must accept it"
    )


def _distance(one: Quote, quote: Quote) -> tuple[bool, bool]:
    return one.key != quote.key, one.key.region != quote.key.region


def _outside(quote: Quote, known: Quote, band: tuple[Decimal, Decimal]) -> str:
    ratio = quote.usd / known.usd
    if band[0] <= ratio <= band[1]:
        return ""
    return (
        f"{quote.usd} USD is {ratio:.4g} times the {known.usd} USD known for {known.key.address} "
        f"in {known.key.region} since {known.as_of.isoformat()}; another unit is likely"
    )


def _disproportions(
    quotes: Mapping[PriceKey, Quote], accepted: Mapping[PriceKey, Decimal]
) -> dict[PriceKey, str]:
    """Pairs that cannot both be right: output against input tokens, a term against none."""
    found = {}
    for key, quote in quotes.items():
        if key.measure is Measure.OUTPUT_1K:
            other = _sibling(key, Measure.INPUT_1K)
            band = _OUTPUT_TO_INPUT
        elif key.commitment is not Commitment.NONE:
            other, band = _sibling(key, Measure.UNIT_HOUR), _TERM_TO_PLAIN
        else:
            continue
        beside = quotes.get(other)
        if beside is None or accepted.get(key) == quote.usd:
            continue
        ratio = quote.usd / beside.usd
        if not band[0] <= ratio <= band[1]:
            reason = f"{key} is {ratio:.4g} times {other}; one of both has another unit"
            found[key] = found[other] = reason
    return found


def _sibling(key: PriceKey, measure: Measure) -> PriceKey:
    return PriceKey(address=key.address, region=key.region, measure=measure)
