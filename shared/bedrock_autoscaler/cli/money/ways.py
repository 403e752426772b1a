"""The ways to serve a model, each with the price that is known for it and where that was read."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from bedrock_autoscaler.adapters.documents.price_factors import factor_of
from bedrock_autoscaler.adapters.imported import imported_price
from bedrock_autoscaler.cli.output import CommandError
from bedrock_autoscaler.domain.economics.break_even import (
    Figure,
    Way,
    blended_usd_per_token,
    tokens_of_mix,
)
from bedrock_autoscaler.domain.economics.price_book import Measure, PriceBook, Quote, listed_id
from bedrock_autoscaler.domain.economics.price_review import priced_model
from bedrock_autoscaler.domain.option import InferenceOption, OptionKind
from bedrock_autoscaler.domain.target import Commitment, TokenPrice

_HOURS_PER_MONTH = 730.0
_MINUTES = 60.0
_TERMS = {
    Commitment.NONE: "units without commitment",
    Commitment.ONE_MONTH: "units for one month",
    Commitment.SIX_MONTHS: "units for six months",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a person wants compared.

    Attributes:
        model: a model id, the ARN of a custom or an imported model, or `custom:<base>`.
        input_share: of all tokens, 0 to 1.
        unit_rate: input and output tokens a minute of one model unit; None unknown.
        units_per_copy: custom model units of a copy of an imported model.
        copy_rate: tokens a minute that one copy serves; None unknown.
        against: a model whose ways by the token are set beside; empty: none.
    """

    model: str
    region: str
    input_share: float
    unit_rate: tuple[float, float] | None
    units_per_copy: int | None
    copy_rate: float | None
    against: str = ""

    @property
    def is_custom(self) -> bool:
        """Whether it is a customized model."""
        return ":custom-model/" in self.model or self.model.startswith("custom:")

    @property
    def is_imported(self) -> bool:
        """Whether it is an imported model."""
        return ":imported-model/" in self.model or self.model.startswith("imported:")

    @property
    def base(self) -> str:
        """In-Region id of the model, or of what it was customized from."""
        return priced_model(listed_id(self.model))

    @property
    def tokens_per_unit(self) -> float | None:
        """Tokens of the mix that one unit serves a minute."""
        if self.unit_rate is None:
            return None
        return tokens_of_mix(*self.unit_rate, self.input_share)


def ways_of(asked: Asked, book: PriceBook) -> tuple[Way, ...]:
    """Every way with a known price.

    Raises:
        CommandError: none has one, or none of the model that is set beside.
    """
    if asked.is_imported:
        found = tuple(_imported(asked))
    else:
        found = (*_by_token(asked, book), *_by_unit(asked, book))
    if asked.against:
        other = replace(asked, model=asked.against, against="")
        beside = tuple(_by_token(other, book))
        if not beside:
            known = f"no price by the token is known for it in {asked.region}"
            raise CommandError(f"--against {asked.against}: {known}; see `prices list`")
        found += tuple(
            replace(way, name=f"{way.name}, {asked.against}", is_other_model=True) for way in beside
        )
    if not found:
        known = f"no price is known for {asked.model} in {asked.region}"
        raise CommandError(f"{known}; `prices list` shows those that are")
    return found


# -- by the token ------------------------------------------------------------------------------


def _by_token(asked: Asked, book: PriceBook) -> Iterator[Way]:
    if asked.is_custom:
        yield from _token_way(asked, book, "custom deployment, on demand", f"custom:{asked.base}")
        return
    names = {"on demand in Region": asked.base}
    geographic = _geographic(asked, book)
    if geographic:
        names["geographic profile"] = geographic
    names["global profile"] = f"global.{asked.base}"
    for name, address in names.items():
        yield from _token_way(asked, book, name, address)
    yield from _cheaper_when_late(asked, book)


def _geographic(asked: Asked, book: PriceBook) -> str | None:
    return next(
        (
            quote.key.address
            for quote in book.quotes
            if quote.key.measure is Measure.INPUT_1K
            and quote.key.region == asked.region
            and priced_model(quote.key.address) == asked.base
            and not quote.key.address.startswith(("global.", "custom:"))
            and quote.key.address != asked.base
        ),
        None,
    )


def _token_way(asked: Asked, book: PriceBook, name: str, address: str) -> Iterator[Way]:
    """The way at its price here, or else at that of another Region, which is then said."""
    price, region = _price(book, address, asked.region)
    if price is None:
        return
    note = "" if region == asked.region else f"price of {region}; none is known for {asked.region}"
    yield _way_at(asked, name, price, times=1.0, note=note)


def _price(book: PriceBook, address: str, region: str) -> tuple[TokenPrice | None, str]:
    here = book.token_price(address, region)
    if here is not None or book.doubt_about(address, region):
        return here, region
    elsewhere = (
        quote.key.region
        for quote in book.quotes
        if quote.key.address == address and quote.key.measure is Measure.INPUT_1K
    )
    other = next(elsewhere, None)
    return (book.token_price(address, other), other) if other else (None, region)


def _way_at(asked: Asked, name: str, price: TokenPrice, *, times: float, note: str) -> Way:
    inputs, outputs = price.input_usd_per_1k, price.output_usd_per_1k
    return Way(
        name=name,
        usd_per_token=times
        * blended_usd_per_token(float(inputs), float(outputs), asked.input_share),
        figures=tuple(
            Figure(
                what=f"{word} tokens",
                value=f"{usd} USD per 1,000",
                source=price.source,
                as_of=price.as_of.isoformat(),
            )
            for word, usd in (("input", inputs), ("output", outputs))
        ),
        note=note,
    )


def _cheaper_when_late(asked: Asked, book: PriceBook) -> Iterator[Way]:
    """Batch and flex: a multiple of the price in Region, where the multiple is known."""
    price, region = _price(book, asked.base, asked.region)
    if price is None:
        return
    for name, kind, tier in (
        ("batch", OptionKind.BATCH, ""),
        ("flex tier", OptionKind.ON_DEMAND, "flex"),
    ):
        option = InferenceOption(kind=kind, address=asked.base, price=price, quota=None, tier=tier)
        factor = factor_of(option)
        if factor is None:
            continue
        note = "" if region == asked.region else f"price of {region}"
        way = _way_at(asked, name, price, times=float(factor.times), note=note)
        multiple = Figure(
            what="multiple of the price in Region",
            value=f"{factor.times}",
            source=factor.source,
            as_of=factor.as_of.isoformat(),
        )
        yield Way(
            name=name,
            usd_per_token=way.usd_per_token,
            is_deferrable=True,
            figures=(*way.figures, multiple),
            note=note,
        )


# -- by the unit -------------------------------------------------------------------------------


def _by_unit(asked: Asked, book: PriceBook) -> Iterator[Way]:
    """Units of the one context length asked for, or of the only one that is known."""
    addresses = sorted(
        {
            quote.key.address
            for quote in book.quotes
            if quote.key.measure is Measure.UNIT_HOUR
            and quote.key.region == asked.region
            and _is_variant(asked, quote)
        }
    )
    for address in addresses:
        label = "" if len(addresses) == 1 else f" of {address}"
        for quote in book.quotes:
            if (quote.key.address, quote.key.region) == (address, asked.region):
                usable = book.quote(quote.key)
                if usable is not None and usable.key.measure is Measure.UNIT_HOUR:
                    yield _unit_way(asked, usable, label)


def _is_variant(asked: Asked, quote: Quote) -> bool:
    wanted = listed_id(asked.model).removeprefix("custom:")
    return quote.key.address == wanted or (
        wanted == asked.base and priced_model(quote.key.address) == asked.base
    )


def _unit_way(asked: Asked, quote: Quote, label: str) -> Way:
    figures = [
        Figure(
            what="one unit",
            value=f"{quote.usd} USD an hour",
            source=quote.source,
            as_of=quote.as_of.isoformat(),
        )
    ]
    if asked.unit_rate is not None:
        inputs, outputs = asked.unit_rate
        figures.append(
            Figure(
                what="what one unit serves",
                value=f"{inputs:,.0f} input, {outputs:,.0f} output tokens a minute",
                source="stated on the command line",
                as_of="",
            )
        )
    note = "a custom model's units cost what its base's do" if asked.is_custom else ""
    return Way(
        name=f"{_TERMS[quote.key.commitment]}{label}",
        unit_usd_per_hour=float(quote.usd),
        unit_tokens_per_minute=asked.tokens_per_unit,
        figures=tuple(figures),
        note=note,
    )


# -- imported models ---------------------------------------------------------------------------


def _imported(asked: Asked) -> Iterator[Way]:
    price = imported_price(asked.region)
    if price is None or asked.units_per_copy is None:
        missing = "--units-per-copy (GetImportedModel tells it)" if price else "a price"
        raise CommandError(f"{asked.model} in {asked.region}: {missing} is needed")
    units = asked.units_per_copy
    as_of = price.as_of.isoformat()
    yield Way(
        name="copies of the imported model",
        unit_usd_per_hour=units * float(price.usd_per_unit_minute) * _MINUTES,
        unit_tokens_per_minute=asked.copy_rate,
        is_idle_free=True,
        fixed_usd_per_hour=units * float(price.storage_usd_per_unit_month) / _HOURS_PER_MONTH,
        figures=(
            Figure(
                what="a unit of a running copy",
                value=f"{price.usd_per_unit_minute} USD a minute",
                source=price.source,
                as_of=as_of,
            ),
            Figure(
                what="storing a unit",
                value=f"{price.storage_usd_per_unit_month} USD a month of 730 hours",
                source=price.source,
                as_of=as_of,
            ),
            Figure(
                what="units of a copy",
                value=str(units),
                source="stated on the command line",
                as_of="",
            ),
        ),
        note="Bedrock adds and removes copies by itself, to none; each started five minutes are "
        "paid whole, so that thin but steady traffic costs as much as a full copy",
    )
