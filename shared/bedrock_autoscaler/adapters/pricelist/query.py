"""The Price List Query API: one Region's products of all of Bedrock's service codes."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from typing import Any, Protocol, override

from botocore.exceptions import BotoCoreError, ClientError

from bedrock_autoscaler.adapters.pricelist.names import PriceNames
from bedrock_autoscaler.adapters.pricelist.offers import (
    SERVICE_CODES,
    Product,
    products_of_answer,
)
from bedrock_autoscaler.adapters.pricelist.reading import read_products
from bedrock_autoscaler.application.pricing import PriceOffers
from bedrock_autoscaler.domain.economics.price_review import Reading
from bedrock_autoscaler.sdk_errors import unread


class _Paginator(Protocol):
    def paginate(self, **request: Any) -> Iterable[Mapping[str, Any]]:  # noqa: ANN401 - the SDK's
        """The pages."""


class PricingClient(Protocol):
    """The part of boto3's `pricing` client that is used; its stubs are not installed."""

    def get_paginator(self, name: str, /) -> _Paginator:
        """The paginator of an operation."""


class QueryApi(PriceOffers):
    """`pricing:GetProducts`, to the last page of each service code.

    Args:
        client: of a Region that has the API.
        names: of models and Regions.
    """

    def __init__(self, client: PricingClient, names: PriceNames) -> None:
        self._client = client
        self._names = names

    @override
    def read(self, region: str, today: date) -> Reading:
        """The reading of one Region.

        Raises:
            ObservationError: an answer failed or is in another shape; a part is no reading, since
                a conflict may lie in the rest.
        """
        return read_products(self._products(region), self._names, region=region, today=today)

    def _products(self, region: str) -> Iterator[Product]:
        pages = self._client.get_paginator("get_products")
        here = [{"Type": "TERM_MATCH", "Field": "regionCode", "Value": region}]
        for code in SERVICE_CODES:
            try:
                for page in pages.paginate(ServiceCode=code, Filters=here, FormatVersion="aws_v1"):
                    yield from products_of_answer(page["PriceList"])
            except (BotoCoreError, ClientError) as error:
                raise unread(f"price list: {code}", error) from error
