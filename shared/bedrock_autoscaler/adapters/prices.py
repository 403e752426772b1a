"""The shipped price list: a dated snapshot, read strictly; what it lacks is unknown, never 0."""

from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from importlib.resources import files
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bedrock_autoscaler.application.errors import ConfigurationError
from bedrock_autoscaler.domain.target import TokenPrice, UnitPrice

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

    @property
    def cited(self) -> str:
        """The source with how far it is trusted."""
        return f"shipped list ({self.confidence}): {self.source}"


class _TokenEntry(_Entry):
    input_usd_per_1k: _Usd
    output_usd_per_1k: _Usd


class _UnitEntry(_Entry):
    usd_per_hour: _Usd
    one_month_usd_per_hour: _Usd | None
    six_months_usd_per_hour: _Usd | None


class _Book(_Closed):
    schema_version: Literal[1] = Field(alias="schema")
    about: str
    tokens: tuple[_TokenEntry, ...]
    units: tuple[_UnitEntry, ...]


class PriceBook:
    """List prices by model or profile id and by the Region that is called."""

    def __init__(
        self,
        tokens: dict[tuple[str, str], TokenPrice],
        units: dict[tuple[str, str], UnitPrice],
    ) -> None:
        self._tokens = tokens
        self._units = units

    def token_price(self, address: str, region: str) -> TokenPrice | None:
        """The on-demand price of a model or profile, named by id or ARN; None when unknown."""
        return self._tokens.get((_listed_id(address), region))

    def unit_price(self, model_id: str, region: str) -> UnitPrice | None:
        """The price of a unit-hour; None when unknown.

        A custom model costs what its base model does. Source: Bedrock User Guide, provisioned
        throughput, read 2026-11-21.
        """
        return self._units.get((_listed_id(model_id), region))


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
        {entry.key: _token_price(entry) for entry in book.tokens},
        {entry.key: _unit_price(entry) for entry in book.units},
    )


def _refuse_duplicates(entries: Iterable[_Entry]) -> None:
    seen = set()
    for entry in entries:
        if entry.key in seen:
            raise ConfigurationError(f"price list: {entry.model_id} in {entry.region} stands twice")
        seen.add(entry.key)


def _token_price(entry: _TokenEntry) -> TokenPrice:
    return TokenPrice(
        input_usd_per_1k=_exact(entry.input_usd_per_1k),
        output_usd_per_1k=_exact(entry.output_usd_per_1k),
        source=entry.cited,
        as_of=entry.as_of,
    )


def _unit_price(entry: _UnitEntry) -> UnitPrice:
    month, half_year = entry.one_month_usd_per_hour, entry.six_months_usd_per_hour
    return UnitPrice(
        usd_per_hour=_exact(entry.usd_per_hour),
        one_month_usd_per_hour=None if month is None else _exact(month),
        six_months_usd_per_hour=None if half_year is None else _exact(half_year),
        source=entry.cited,
        as_of=entry.as_of,
    )


def _exact(price: float) -> Decimal:
    """The price as the file has it, without the noise of binary fractions."""
    return Decimal(str(price))


def _listed_id(address: str) -> str:
    """The id under which the list has a model: `.../custom-model/<base>/<id>` is its base."""
    _, custom, tail = address.partition(":custom-model/")
    return tail.split("/")[0] if custom else address.rsplit("/", maxsplit=1)[-1]
