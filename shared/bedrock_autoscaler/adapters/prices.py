"""The shipped price list: a dated snapshot, read strictly; what it lacks is unknown, never 0."""

from collections.abc import Iterable, Iterator
from datetime import date
from decimal import Decimal
from importlib.resources import files
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bedrock_autoscaler.application.errors import ConfigurationError
from bedrock_autoscaler.domain.economics.price_book import (
    Measure,
    PriceBook,
    PriceKey,
    Quote,
    Standing,
)
from bedrock_autoscaler.domain.target import Commitment

_Usd = Annotated[float, Field(gt=0, le=10_000)]
_Name = Annotated[str, Field(min_length=3, max_length=300)]


class _Closed(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class _Entry(_Closed):
    model_id: _Name
    region: Annotated[str, Field(pattern=r"^[a-z]{2}(-[a-z]+)+-[0-9]$")]
    as_of: date
    confidence: Literal["verified", "likely"]
    source: _Name

    @property
    def key(self) -> tuple[str, str]:
        """What the entry is looked up by."""
        return self.model_id, self.region

    def quote(
        self, measure: Measure, price: float, commitment: Commitment = Commitment.NONE
    ) -> Quote:
        """One price of the entry; its source says how far it is trusted."""
        key = PriceKey(
            address=self.model_id, region=self.region, measure=measure, commitment=commitment
        )
        return Quote(
            key=key,
            usd=_exact(price),
            source=f"shipped list ({self.confidence}): {self.source}",
            as_of=self.as_of,
            standing=Standing.SHIPPED,
        )


class _TokenEntry(_Entry):
    input_usd_per_1k: _Usd
    output_usd_per_1k: _Usd

    def quotes(self) -> Iterator[Quote]:
        """Input, then output."""
        yield self.quote(Measure.INPUT_1K, self.input_usd_per_1k)
        yield self.quote(Measure.OUTPUT_1K, self.output_usd_per_1k)


class _UnitEntry(_Entry):
    usd_per_hour: _Usd
    one_month_usd_per_hour: _Usd | None
    six_months_usd_per_hour: _Usd | None

    def quotes(self) -> Iterator[Quote]:
        """Without commitment, then the terms that are sold."""
        for commitment, price in (
            (Commitment.NONE, self.usd_per_hour),
            (Commitment.ONE_MONTH, self.one_month_usd_per_hour),
            (Commitment.SIX_MONTHS, self.six_months_usd_per_hour),
        ):
            if price is not None:
                yield self.quote(Measure.UNIT_HOUR, price, commitment)


class _Book(_Closed):
    schema_version: Literal[1] = Field(alias="schema")
    about: str
    tokens: tuple[_TokenEntry, ...]
    units: tuple[_UnitEntry, ...]


def load_prices(text: str | None = None) -> PriceBook:
    """The shipped price list, or the one in `text`.

    Raises:
        ConfigurationError: an entry is double, has no source or date, or a price that is not
            a number above 0.
    """
    if text is None:
        text = (files("bedrock_autoscaler") / "data" / "prices.json").read_text(encoding="utf-8")
    try:
        book = _Book.model_validate_json(text)
    except ValidationError as error:
        fault = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in fault["loc"])
        raise ConfigurationError(f"price list: {place or 'file'}: {fault['msg']}") from error
    _refuse_duplicates(book.tokens)
    _refuse_duplicates(book.units)
    return PriceBook(
        quote
        for quotes in (*(e.quotes() for e in book.tokens), *(e.quotes() for e in book.units))
        for quote in quotes
    )


def _refuse_duplicates(entries: Iterable[_Entry]) -> None:
    seen = set()
    for entry in entries:
        if entry.key in seen:
            raise ConfigurationError(f"price list: {entry.model_id} in {entry.region} stands twice")
        seen.add(entry.key)


def _exact(price: float) -> Decimal:
    """The price as the file has it, without the noise of binary fractions."""
    return Decimal(str(price))
