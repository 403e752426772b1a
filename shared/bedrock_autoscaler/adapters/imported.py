"""The shipped prices of imported models, which Bedrock runs in copies of its own choosing."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cache
from importlib.resources import files

from pydantic import TypeAdapter


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedPrice:
    """USD for one custom model unit in one Region."""

    region: str
    usd_per_unit_minute: Decimal
    storage_usd_per_unit_month: Decimal
    as_of: date
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _List:
    schema: int
    about: str
    prices: tuple[ImportedPrice, ...]


def imported_price(region: str) -> ImportedPrice | None:
    """The price in a Region; None where it is not known."""
    return next((price for price in _shipped() if price.region == region), None)


@cache
def _shipped() -> tuple[ImportedPrice, ...]:
    text = (files("bedrock_autoscaler") / "data" / "imported.json").read_text(encoding="utf-8")
    return TypeAdapter(_List).validate_json(text).prices
