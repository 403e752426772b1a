"""Bulk offer files: one file for each service code and Region, public, without any permission."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import override
from urllib.error import URLError
from urllib.request import urlopen

from bedrock_autoscaler.adapters.pricelist.names import PriceNames
from bedrock_autoscaler.adapters.pricelist.offers import (
    SERVICE_CODES,
    Product,
    products_of_bulk,
)
from bedrock_autoscaler.adapters.pricelist.reading import read_products
from bedrock_autoscaler.application.errors import ObservationError
from bedrock_autoscaler.application.pricing import PriceOffers
from bedrock_autoscaler.domain.economics.price_review import Reading

_URL = "https://pricing.us-east-1.amazonaws.com/offers/v1.0/aws/{code}/current/{region}/index.json"
_TIMEOUT_SECONDS = 60

type Fetch = Callable[[str], bytes]
"""The bytes at a URL."""


class BulkFiles(PriceOffers):
    """Offer files, read from disk or fetched.

    Args:
        texts: the files of a Region.
        names: of models and Regions.
        is_current: whether they are all that AWS publishes now. Otherwise a price is as old as its
            file, and the files are all there is only where each service code has one.
    """

    def __init__(
        self, texts: Callable[[str], Iterable[str]], names: PriceNames, *, is_current: bool
    ) -> None:
        self._texts = texts
        self._names = names
        self._is_current = is_current

    @override
    def read(self, region: str, today: date) -> Reading:
        """The reading of one Region.

        Raises:
            ObservationError: a file cannot be read, is no offer file, or is of an unknown day.
        """
        codes = set[str]()

        def products() -> Iterator[Product]:
            for text in self._texts(region):
                for product in products_of_bulk(text):
                    codes.add(product.service_code)
                    yield product

        found = read_products(
            products(), self._names, region=region, today=today, is_current=self._is_current
        )
        return replace(found, is_whole=self._is_current or codes >= set(SERVICE_CODES))


def files_at(paths: Iterable[Path]) -> Callable[[str], Iterable[str]]:
    """Files on disk, whatever the Region."""
    return lambda _: (_text_at(path) for path in paths)


def published(fetch: Fetch | None = None) -> Callable[[str], Iterable[str]]:
    """The files that AWS publishes now.

    Args:
        fetch: how to read a URL; by default over HTTPS.
    """
    read = fetch or _fetched
    return lambda region: (
        read(_URL.format(code=code, region=region)).decode() for code in SERVICE_CODES
    )


def _text_at(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ObservationError(f"{path}: cannot be read: the text is not UTF-8") from error
    except OSError as error:
        raise ObservationError(f"{path}: cannot be read: {error.strerror or error}") from error


def _fetched(url: str) -> bytes:
    try:
        with urlopen(url, timeout=_TIMEOUT_SECONDS) as answer:  # noqa: S310 - the URL is ours, https
            body: bytes = answer.read()
    except (URLError, TimeoutError) as error:
        raise ObservationError(f"{url}: cannot be read: {error}") from error
    return body
