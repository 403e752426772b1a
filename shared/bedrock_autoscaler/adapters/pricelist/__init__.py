"""The AWS Price List: Query API answers and bulk offer files of Bedrock's service codes, parsed."""

from bedrock_autoscaler.adapters.pricelist.bulk import BulkFiles, files_at, published
from bedrock_autoscaler.adapters.pricelist.names import PriceNames, load_price_names
from bedrock_autoscaler.adapters.pricelist.offers import (
    SERVICE_CODES,
    products_of_answer,
    products_of_bulk,
)
from bedrock_autoscaler.adapters.pricelist.query import QueryApi
from bedrock_autoscaler.adapters.pricelist.reading import read_products

__all__ = [
    "SERVICE_CODES",
    "BulkFiles",
    "PriceNames",
    "QueryApi",
    "files_at",
    "load_price_names",
    "products_of_answer",
    "products_of_bulk",
    "published",
    "read_products",
]
