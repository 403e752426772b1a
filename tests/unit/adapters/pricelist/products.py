"""Price List entries in their published shape, written by hand: no file of AWS is kept here."""

import json
from datetime import date
from typing import Any

from bedrock_autoscaler.adapters.pricelist import (
    load_price_names,
    products_of_answer,
    read_products,
)
from bedrock_autoscaler.domain.economics.price_review import Reading

TODAY = date(2026, 11, 21)
NAMES = load_price_names()
NO_COMMIT = "ProvisionedThroughput-NoCommit-ModelUnits"
DAY = "2026-11-01T00:00:00Z"
TOKENS = "On-demand Inference"


def entry(
    usage_type: str,
    usd: str | None,
    unit: str,
    *,
    service: str = "AmazonBedrock",
    region: str | None = "us-east-1",
    sku: str = "ABCDEFGH12345678",
    description: str = "",
    **attributes: str,
) -> str:
    """One element of the Query API's `PriceList`."""
    told: dict[str, str] = {
        "usagetype": usage_type,
        "servicecode": service,
        "locationType": "AWS Region",
    }
    if region is not None:
        told["regionCode"] = region
    return json.dumps(
        {
            "product": {
                "productFamily": "Amazon Bedrock",
                "attributes": told | attributes,
                "sku": sku,
            },
            "serviceCode": service,
            "terms": {"OnDemand": {f"{sku}.JRTCKXETXF": term(sku, usd, unit, description)}},
            "version": "20261101000000",
            "publicationDate": DAY,
        }
    )


def term(
    sku: str, usd: str | None, unit: str, description: str = "", **changes: str
) -> dict[str, Any]:
    """One on-demand term with one dimension."""
    code = f"{sku}.JRTCKXETXF.6YS6EN2CT7"
    price = {"CNY": "1.0"} if usd is None else {"USD": usd}
    return {
        "priceDimensions": {
            code: {
                "unit": unit,
                "endRange": "Inf",
                "description": description,
                "appliesTo": [],
                "rateCode": code,
                "beginRange": "0",
                "pricePerUnit": price,
            }
            | changes
        },
        "sku": sku,
        "effectiveDate": "2026-10-01T00:00:00Z",
        "offerTermCode": "JRTCKXETXF",
        "termAttributes": {},
    }


def bulk(code: str, *rows: str) -> str:
    """The same entries as a bulk offer file has them: products here, terms there."""
    entries = [json.loads(row) for row in rows]
    return json.dumps(
        {
            "formatVersion": "v1.0",
            "disclaimer": "",
            "offerCode": code,
            "version": "20261101000000",
            "publicationDate": DAY,
            "products": {one["product"]["sku"]: one["product"] for one in entries},
            "terms": {
                "OnDemand": {one["product"]["sku"]: one["terms"]["OnDemand"] for one in entries}
            },
        }
    )


def market(rest: str, usd: str, unit: str = "1M tokens", **members: str) -> str:
    """A Marketplace entry; only `servicename` tells the model."""
    named = {"servicename": "Claude Sonnet 4.6 (Amazon Bedrock Edition)", "model": ""} | members
    sku = named.pop("sku", "MARKET0000000001")
    description = named.pop("description", "")
    return entry(
        f"USE1-MP:USE1_{rest}-Units",
        usd,
        unit,
        service="AmazonBedrockFoundationModels",
        sku=sku,
        description=description,
        **named,
    )


def read(*rows: str, region: str = "us-east-1", today: date = TODAY) -> Reading:
    return read_products(products_of_answer(rows), NAMES, region=region, today=today)
