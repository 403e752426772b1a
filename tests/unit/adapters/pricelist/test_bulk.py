"""Bulk offer files from disk and from where AWS publishes them."""

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from bedrock_autoscaler.adapters.pricelist import (
    SERVICE_CODES,
    BulkFiles,
    files_at,
    load_price_names,
    published,
)
from bedrock_autoscaler.application.errors import ObservationError
from tests.unit.adapters.pricelist.products import bulk, entry

TODAY = date(2026, 11, 21)
NAMES = load_price_names()
OFFER = bulk("AmazonBedrock", entry("USE1-NovaPro-input-tokens", "0.0008", "1K tokens"))


def test_files_on_disk_are_one_reading(tmp_path: Path) -> None:
    path = tmp_path / "offer.json"
    path.write_text(OFFER, encoding="utf-8")

    found = BulkFiles(files_at([path]), NAMES).read("us-east-1", TODAY)

    assert {quote.usd for quote in found.quotes} == {Decimal("0.0008")}


def test_the_published_file_of_each_service_code_is_fetched() -> None:
    asked: list[str] = []

    def fetch(url: str) -> bytes:
        asked.append(url)
        return OFFER.encode()

    BulkFiles(published(fetch), NAMES).read("us-east-1", TODAY)

    base = "https://pricing.us-east-1.amazonaws.com/offers/v1.0/aws"
    assert asked == [f"{base}/{code}/current/us-east-1/index.json" for code in SERVICE_CODES]


@pytest.mark.parametrize("content", [b"{", b"\xff\xfe"])
def test_a_file_that_is_none_is_no_reading(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "offer.json"
    path.write_bytes(content)

    with pytest.raises(ObservationError, match="cannot be read"):
        BulkFiles(files_at([path]), NAMES).read("us-east-1", TODAY)
