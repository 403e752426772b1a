"""Prices as lines of a list, and the changes between two books."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from enum import StrEnum

from bedrock_autoscaler.application.pricing import KeptPrices
from bedrock_autoscaler.cli.output import CommandError
from bedrock_autoscaler.domain.economics.price_book import (
    Measure,
    PriceBook,
    PriceKey,
    Quote,
    listed_id,
)
from bedrock_autoscaler.domain.economics.price_review import priced_model
from bedrock_autoscaler.domain.target import Commitment, Target, TokenPrice, UnitPrice
from bedrock_autoscaler.domain.units import without_exponent

_UNITS = {
    Measure.INPUT_1K: "1,000 input tokens",
    Measure.OUTPUT_1K: "1,000 output tokens",
    Measure.UNIT_HOUR: "unit-hour",
}
_TERMS = {
    Commitment.NONE: "",
    Commitment.ONE_MONTH: ", one month",
    Commitment.SIX_MONTHS: ", six months",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One price as it is listed.

    Attributes:
        usd: None where nothing but a doubt is known.
        whose: shipped, listed, or the target's whose document states it.
        doubt: why it blocks; empty when it does not.
    """

    key: PriceKey
    usd: Decimal | None
    as_of: str
    whose: str
    source: str
    doubt: str = ""

    def is_about(self, model: str | None, region: str | None) -> bool:
        """Whether it is a price of this model, in this Region; None stands for all."""
        is_model = model is None or priced_model(listed_id(model)) == priced_model(self.key.address)
        return is_model and region in {None, self.key.region}

    def cells(self) -> tuple[str, ...]:
        """As a row of a table."""
        unit = f"{_UNITS[self.key.measure]}{_TERMS[self.key.commitment]}"
        price = "unknown" if self.usd is None else f"{self.usd:f} USD per {unit}"
        if self.doubt:
            price = f"IN DOUBT ({unit})"
        source = self.doubt or self.source
        return self.key.address, self.key.region, price, self.as_of, self.whose, source

    def plain(self) -> dict[str, object]:
        """For JSON."""
        return {
            "address": self.key.address,
            "region": self.key.region,
            "measure": self.key.measure.value,
            "commitment": self.key.commitment.value,
            "usd": None if self.usd is None else f"{self.usd:f}",
            "as_of": self.as_of,
            "whose": self.whose,
            "source": self.source,
            "doubt": self.doubt,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What a refresh does to one price."""

    key: PriceKey
    before: str
    after: str

    def line(self) -> str:
        """As a sentence."""
        return f"{self.key}: {self.before} -> {self.after}"

    def plain(self) -> dict[str, object]:
        """For JSON."""
        return {
            "address": self.key.address,
            "region": self.key.region,
            "measure": self.key.measure.value,
            "commitment": self.key.commitment.value,
            "before": self.before,
            "after": self.after,
        }


def book_lines(book: PriceBook) -> Iterator[Line]:
    """Every quote that counts, and every doubt without one."""
    quotes = {quote.key: quote for quote in book.quotes}
    for key in sorted(quotes.keys() | book.doubts.keys()):
        quote, doubt = quotes.get(key), book.doubts.get(key, "")
        yield Line(
            key=key,
            usd=quote.usd if quote else None,
            as_of=quote.as_of.isoformat() if quote else "",
            whose=quote.standing.value if quote else "",
            source=quote.source if quote else "",
            doubt=doubt,
        )


def stated_lines(targets: Iterable[Target], book: PriceBook) -> tuple[Line, ...]:
    """Rates that targets' documents state themselves: negotiated ones, above any list."""
    return tuple(line for target in targets for line in _stated(target, book))


def _stated(target: Target, book: PriceBook) -> Iterator[Line]:
    for option in target.options:
        region = option.region or target.region
        if option.price and option.price != book.token_price(option.address, region):
            yield from _token_lines(target.name, option.address, region, option.price)
    bought = target.provisioned
    if bought is None or bought.price is None:
        return
    if bought.price != book.unit_price(bought.model_id, target.region):
        yield from _unit_lines(target, bought.model_id, bought.price)


def _token_lines(name: str, address: str, region: str, price: TokenPrice) -> Iterator[Line]:
    for measure, usd in (
        (Measure.INPUT_1K, price.input_usd_per_1k),
        (Measure.OUTPUT_1K, price.output_usd_per_1k),
    ):
        key = PriceKey(address=listed_id(address), region=region, measure=measure)
        yield _line(name, key, usd, price)


def _unit_lines(target: Target, model_id: str, price: UnitPrice) -> Iterator[Line]:
    for commitment in Commitment:
        usd = price.under(commitment)
        if usd is not None:
            key = PriceKey(
                address=listed_id(model_id),
                region=target.region,
                measure=Measure.UNIT_HOUR,
                commitment=commitment,
            )
            yield _line(target.name, key, usd, price)


def _line(name: str, key: PriceKey, usd: Decimal, price: TokenPrice | UnitPrice) -> Line:
    return Line(
        key=key,
        usd=usd,
        as_of=price.as_of.isoformat(),
        whose=f"target {name}",
        source=price.source,
    )


def changes(
    references: Iterable[Quote], before: KeptPrices | None, after: KeptPrices
) -> tuple[Change, ...]:
    """What differs for those that read prices: new figures, doubts that come or go, and gaps."""
    shipped = tuple(references)
    old = PriceBook((*shipped, *(before.quotes if before else ())), before.doubts if before else ())
    new = PriceBook((*shipped, *after.quotes), after.doubts)
    gaps = set(after.gaps)
    known = {quote.key for quote in (*old.quotes, *new.quotes)} | old.doubts.keys()
    found = []
    for key in sorted(known | new.doubts.keys()):
        was, now = _told(old, key), _told(new, key)
        if key in gaps and key.region == after.region:
            now += " (no longer listed)"
        if was != now:
            found.append(Change(key=key, before=was, after=now))
    return tuple(found)


def _told(book: PriceBook, key: PriceKey) -> str:
    if key in book.doubts:
        return f"BLOCKED, {book.doubts[key]}"
    quote = book.quote(key)
    return "unknown" if quote is None else f"{quote.usd:f} USD"


def key_of(address: str, region: str, measure: str, commitment: str) -> PriceKey:
    """The key that a person names.

    Raises:
        CommandError: there is no such measure or commitment.
    """
    return PriceKey(
        address=address,
        region=region,
        measure=_one_of(Measure, measure, "--measure"),
        commitment=_one_of(Commitment, commitment, "--commitment"),
    )


def _one_of[Word: StrEnum](kind: type[Word], text: str, option: str) -> Word:
    try:
        return kind(text)
    except ValueError as error:
        *others, last = (word.value for word in kind)
        raise CommandError(f"{option} {text!r}: give {', '.join(others)} or {last}") from error


def money_of(text: str) -> Decimal:
    """An amount that a person types.

    Raises:
        CommandError: it is no number above 0.
    """
    try:
        usd = Decimal(text)
    except InvalidOperation:
        usd = Decimal(0)
    if not (usd.is_finite() and usd > 0):
        raise CommandError(f"--usd {text!r}: give a number above 0, such as 0.0009")
    return without_exponent(usd)
