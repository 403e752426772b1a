"""Bulk offer files from disk and from where AWS publishes them."""

import json
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


def saved(*paths: Path) -> BulkFiles:
    return BulkFiles(files_at(paths), NAMES, is_current=False)


def test_files_on_disk_are_one_reading(tmp_path: Path) -> None:
    path = tmp_path / "offer.json"
    path.write_text(OFFER, encoding="utf-8")

    found = saved(path).read("us-east-1", TODAY)

    assert {quote.usd for quote in found.quotes} == {Decimal("0.0008")}
    assert not found.is_whole


@pytest.mark.parametrize(
    ("published_at", "as_of"),
    [("2024-12-05T00:00:00Z", date(2024, 12, 5)), ("2026-12-24T00:00:00Z", TODAY)],
)
def test_a_price_of_a_file_on_disk_is_as_old_as_the_file(
    tmp_path: Path, published_at: str, as_of: date
) -> None:
    path = tmp_path / "offer.json"
    path.write_text(json.dumps(json.loads(OFFER) | {"publicationDate": published_at}))

    found = saved(path).read("us-east-1", TODAY)

    assert {quote.as_of for quote in found.quotes} == {as_of}


def test_a_file_on_disk_of_an_unknown_day_is_no_reading(tmp_path: Path) -> None:
    path = tmp_path / "offer.json"
    undated = json.loads(OFFER)
    del undated["publicationDate"]
    path.write_text(json.dumps(undated))

    with pytest.raises(ObservationError, match="AmazonBedrock: it has no publicationDate"):
        saved(path).read("us-east-1", TODAY)


def test_files_of_all_service_codes_are_the_whole_list(tmp_path: Path) -> None:
    paths = []
    for code in SERVICE_CODES:
        path = tmp_path / f"{code}.json"
        path.write_text(bulk(code, entry("USE1-NovaPro-input-tokens", "0.0008", "1K tokens")))
        paths.append(path)

    assert saved(*paths).read("us-east-1", TODAY).is_whole
    assert not saved(*paths[1:]).read("us-east-1", TODAY).is_whole


def test_the_published_file_of_each_service_code_is_fetched() -> None:
    asked: list[str] = []

    def fetch(url: str) -> bytes:
        asked.append(url)
        return OFFER.encode()

    found = BulkFiles(published(fetch), NAMES, is_current=True).read("us-east-1", TODAY)

    base = "https://pricing.us-east-1.amazonaws.com/offers/v1.0/aws"
    assert asked == [f"{base}/{code}/current/us-east-1/index.json" for code in SERVICE_CODES]
    assert found.is_whole
    assert {quote.as_of for quote in found.quotes} == {TODAY}


@pytest.mark.parametrize("content", [b"{", b"\xff\xfe"])
def test_a_file_that_is_none_is_no_reading(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "offer.json"
    path.write_bytes(content)

    with pytest.raises(ObservationError, match="cannot be read"):
        saved(path).read("us-east-1", TODAY)
