"""Products out of the two shapes in which the Price List is published.

The Query API (`pricing:GetProducts`) answers with one JSON text for each product, its terms inside.
A bulk offer file has all products in one object and all terms in another, joined by SKU.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from bedrock_autoscaler.application.errors import ObservationError

SERVICE_CODES = ("AmazonBedrock", "AmazonBedrockFoundationModels", "AmazonBedrockService")


@dataclass(frozen=True, slots=True, kw_only=True)
class Dimension:
    """One priced dimension of an on-demand term, as published."""

    unit: str
    description: str
    usd: str | None
    begin: str
    effective: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Product:
    """One SKU with everything that its price is told by; missing texts are empty.

    Attributes:
        published: day of publication, as far as the source tells.
    """

    service_code: str
    sku: str
    attributes: Mapping[str, str]
    dimensions: tuple[Dimension, ...]
    published: date | None


def products_of_answer(texts: Iterable[str]) -> Iterator[Product]:
    """The products of the Query API's `PriceList`.

    Raises:
        ObservationError: an entry is not the JSON object that the API documents.
    """
    for text in texts:
        try:
            entry = json.loads(text)
            product, terms = entry["product"], entry.get("terms", {}).get("OnDemand", {})
            yield Product(
                service_code=str(entry.get("serviceCode", "")),
                sku=str(product["sku"]),
                attributes=_texts(product["attributes"]),
                dimensions=tuple(_dimensions(terms)),
                published=_day(entry.get("publicationDate")),
            )
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ObservationError(f"price list: an entry cannot be read: {error!r}") from error


def products_of_bulk(text: str) -> Iterator[Product]:
    """The products of a bulk offer file of one service code and Region.

    Raises:
        ObservationError: the file is not in the documented shape.
    """
    try:
        offer = json.loads(text)
        code, published = str(offer["offerCode"]), _day(offer.get("publicationDate"))
        terms = offer["terms"].get("OnDemand", {})
        for sku, product in offer["products"].items():
            yield Product(
                service_code=code,
                sku=str(sku),
                attributes=_texts(product["attributes"]),
                dimensions=tuple(_dimensions(terms.get(sku, {}))),
                published=published,
            )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ObservationError(f"offer file: it cannot be read: {error!r}") from error


def _dimensions(terms: Mapping[str, Any]) -> Iterator[Dimension]:
    for term in terms.values():
        for dimension in term["priceDimensions"].values():
            usd = dimension.get("pricePerUnit", {}).get("USD")
            yield Dimension(
                unit=str(dimension.get("unit", "")),
                description=str(dimension.get("description", "")),
                usd=None if usd is None else str(usd),
                begin=str(dimension.get("beginRange", "0")),
                effective=str(term.get("effectiveDate", "")),
            )


def _texts(attributes: Mapping[str, Any]) -> dict[str, str]:
    return {str(name): str(value) for name, value in attributes.items()}


def _day(moment: object) -> date | None:
    return None if moment is None else date.fromisoformat(str(moment)[:10])
