"""The review page as a file: what it carries, how small it is, and that it asks for nothing."""

import gzip
import json
import re
from base64 import b64decode, b64encode
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from hashlib import sha256
from html.parser import HTMLParser
from importlib.resources import files
from typing import Any, override

import numpy as np
import pytest

from bedrock_autoscaler.domain.reason import Reason, ReasonCode
from bedrock_autoscaler.report.building import payload_from
from bedrock_autoscaler.report.payload import BLOCK, CODES, KINDS, LOOPS, SERIES, Payload
from bedrock_autoscaler.report.review import Head, live_page, packed_parts, review_of, review_page
from tests.builders import NOW
from tests.month import HEAD, month_record
from tests.unit.report.records import BOUGHT, MINUTES, alternative, build_record, decided


class Elements(HTMLParser):
    """Scripts and styles by their id, and every address in an attribute."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.contents: dict[str, str] = {}
        self.addresses: list[str] = []
        self.policy = ""
        self._open: str | None = None
        self.feed(text)

    @override
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.addresses += [given[name] or "" for name in ("src", "href") if name in given]
        if given.get("http-equiv") == "Content-Security-Policy":
            self.policy = given["content"] or ""
        if tag in {"script", "style"}:
            self._open = given.get("id") or tag
            self.contents[self._open] = ""

    @override
    def handle_endtag(self, tag: str) -> None:
        self._open = None

    @override
    def handle_data(self, data: str) -> None:
        if self._open:
            self.contents[self._open] += data


def unpacked(text: str) -> bytes:
    return gzip.decompress(b64decode(text))


def table_of(payload: Payload) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(unpacked(payload.decisions))
    return found


@pytest.fixture(scope="module")
def payload() -> Payload:
    return payload_from(month_record(3, 1_800))


def test_the_page_asks_for_no_address_and_allows_none(payload: Payload) -> None:
    page = Elements(review_page(HEAD, [payload]))

    assert [one for one in page.addresses if not one.startswith("#")] == []
    assert "default-src 'none'" in page.policy
    assert "connect-src 'none'" in page.policy


def test_the_policy_allows_the_very_script_and_style_of_the_page(payload: Payload) -> None:
    page = Elements(review_page(HEAD, [payload]))

    for name in ("script", "style"):
        digest = b64encode(sha256(page.contents[name].encode()).digest()).decode()
        assert f"{name}-src 'sha256-{digest}'" in page.policy


def test_no_text_of_a_decision_can_end_its_script() -> None:
    evil = "</script><script>alert(1)</script>"
    reason = Reason(code=ReasonCode.AT_DESIRED_SIZE, message=evil)
    record = build_record(decisions=(decided(NOW, 0, reasons=(reason,)),))
    head = Head(title=evil, made=evil, place=evil)

    text = review_page(head, [payload_from(record)])

    assert "alert(1)</script>" not in text
    assert "&lt;/script&gt;" in text
    assert json.loads(Elements(text).contents["review"])["made"] == evil


def test_series_are_floats_a_minute_with_gaps(payload: Payload) -> None:
    minutes = payload.head["minutes"]
    floats = np.frombuffer(unpacked(payload.series), dtype="<f4").reshape(len(SERIES), minutes)

    named = dict(zip(SERIES, floats, strict=True))
    assert minutes == 3 * 1440
    assert np.count_nonzero(np.isnan(named["demand"])) == 60
    # The third day is a working day on which three units are held at noon.
    assert named["in_service"][2 * 1440 + 720] == 3.0
    assert (np.diff(named["paid"]) >= 0).all()


def test_the_table_has_every_decision_with_what_is_filtered(payload: Payload) -> None:
    table = table_of(payload)

    assert payload.head["decisions"] == len(table["at"]) == 1_800
    kinds = [KINDS[kind] for kind in table["kind"]]
    assert (kinds.count("buy"), kinds.count("release")) == (9, 9)
    changes = [kind for kind, new in zip(kinds, table["new"], strict=True) if new]
    assert changes == [kind for kind in kinds if kind != "hold"]
    first = kinds.index("buy")
    assert LOOPS[table["loop"][first]] == "capacity"
    assert table["texts"][table["text"][first]] == "buy 1 unit"
    assert {CODES[code] for code in table["sets"][table["set"][first]]} >= {"purchase"}
    assert table["classes"][table["class"][first]] == "unknown"


def test_evidence_comes_in_blocks_in_the_order_of_the_table(payload: Payload) -> None:
    table = table_of(payload)
    blocks = [json.loads(unpacked(text)) for text in payload.evidence]

    assert [len(block) for block in blocks] == [BLOCK] * 4 + [1_800 - 4 * BLOCK]
    at = next(k for k, kind in enumerate(table["kind"]) if KINDS[kind] == "buy")
    evidence = blocks[at // BLOCK][at % BLOCK]
    assert [CODES[code] for code, _ in evidence["reasons"]][-1] == "purchase"
    assert evidence["outcomes"][0] == "purchase of 1 unit at 30.00 USD an hour: released"
    assert any(line.startswith("class unknown") for line in evidence["expected"])


def test_evidence_says_what_was_foreseen_and_what_came() -> None:
    payload = payload_from(build_record())

    first, second = json.loads(unpacked(payload.evidence[0]))

    # See test_outlooks: nothing held, 50 foreseen, 69.30 came, and one unit would have cost 20.
    assert first["outlook"] == [0, 1, 50, pytest.approx(69.3), pytest.approx(20.0), 20, 0]
    assert second["sizes"][1] == [1, 20, 1, 0, 21, 0.5]


def test_an_infinite_number_is_left_out_of_the_page() -> None:
    endless = decided(NOW, 0, alternative(0, float("inf")), alternative(1, 5.0))

    (evidence,) = json.loads(unpacked(payload_from(build_record(decisions=(endless,))).evidence[0]))

    assert evidence["sizes"][0] == [0, 0, None, 0, None, 0.5]
    assert "outlook" not in evidence


def test_without_a_unit_rate_demand_is_in_tokens() -> None:
    record = build_record()
    bare = {name: replace(one, provisioned=None) for name, one in record.policies.items()}

    payload = payload_from(replace(record, policies=bare))

    assert payload.head["unit"] == "1,000 tokens a minute"
    demand = np.frombuffer(unpacked(payload.series), dtype="<f4")[:MINUTES]
    # 1,000,000 tokens in and 300,000 out.
    assert demand[0] == 1_300.0


def series_of(payload: Payload) -> dict[str, Any]:
    floats = np.frombuffer(unpacked(payload.series), dtype="<f4")
    return dict(zip(SERIES, floats.reshape(len(SERIES), -1), strict=True))


def test_the_lines_of_the_cost_chart_are_as_far_apart_as_was_saved() -> None:
    record = build_record()
    named = series_of(payload_from(record))
    bare = {name: replace(one, provisioned=None) for name, one in record.policies.items()}

    unknown = series_of(payload_from(replace(record, policies=bare)))

    # See test_savings: an hour on a unit, for two periods of 20.
    assert named["reference"][-1] - named["paid"][-1] == pytest.approx(69.3 - 40, abs=1e-3)
    assert np.isnan(unknown["reference"]).all()
    assert unknown["paid"][-1] == pytest.approx(69.3 + 40)


def test_dollars_are_to_the_cent_on_the_page() -> None:
    record = build_record()
    dear = replace(BOUGHT, usd_per_hour=Decimal("1234567.89"))

    savings = payload_from(replace(record, state=replace(record.state, purchases=(dear,)))).head[
        "savings"
    ]

    assert savings["total"][1] == savings["monthUnits"] == 2_469_135.78
    assert savings["purchases"][0][5:] == [2_469_135.78, 69.3]


def test_what_is_not_known_is_saved_is_null_on_the_page() -> None:
    record = build_record()
    bare = {name: replace(one, provisioned=None) for name, one in record.policies.items()}

    savings = payload_from(replace(record, policies=bare)).head["savings"]

    # Paid are 69.30 on demand and two periods of 20.
    assert savings["total"][3:6] == [109.3, None, None]


def test_a_month_of_20_000_decisions_stays_below_eight_megabytes(payload: Payload) -> None:
    # Three days and 1,800 decisions are about a tenth of it.
    assert 11 * len(review_page(HEAD, [payload])) < 8_000_000


def test_a_live_page_holds_no_data_and_asks_its_own_server() -> None:
    page = Elements(live_page(HEAD))

    assert json.loads(page.contents["review"]) == {"live": True}
    assert "connect-src 'self'" in page.policy


def test_the_head_names_every_word_that_numbers_stand_for(payload: Payload) -> None:
    told = review_of(replace(HEAD, every_seconds=5), [payload, payload])

    assert (told["live"], told["every"], len(told["targets"])) == (True, 5, 2)
    assert set(told["reasons"]) == set(told["codes"])
    assert set(packed_parts(1, payload)) >= {"series-1", "decisions-1", "evidence-1-0"}


def test_days_of_the_ledger_are_on_the_page(payload: Payload) -> None:
    savings = payload.head["savings"]

    assert [day[0] for day in savings["days"]] == ["2026-10-05", "2026-10-06", "2026-10-07"]
    assert len(savings["purchases"]) == 9
    # Three units of twelve, ten and eight hours a day at 30 USD.
    assert savings["total"][1] == 3 * 30 * 30


def test_what_is_not_ours_is_as_it_was_published_with_its_licence() -> None:
    vendor = files("bedrock_autoscaler.report").joinpath("vendor")
    sums = vendor.joinpath("uPlot-1.6.32.sha256.txt").read_text(encoding="utf-8")
    published = {name: digest for digest, name in map(str.split, sums.splitlines())}

    found = {name: sha256(vendor.joinpath(name).read_bytes()).hexdigest() for name in published}

    assert found == published
    assert len(found) == len(list(vendor.iterdir())) - 1
    assert "MIT" in vendor.joinpath("uPlot.LICENSE.txt").read_text(encoding="utf-8")


def test_scripts_set_text_as_text_alone() -> None:
    assets = files("bedrock_autoscaler.report").joinpath("assets")

    scripts = [
        one.read_text(encoding="utf-8") for one in assets.iterdir() if one.name.endswith(".js")
    ]

    assert len(scripts) == 8
    forbidden = re.compile(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b")
    assert [text for text in scripts if forbidden.search(text)] == []


def test_the_span_of_a_page_is_that_of_its_record(payload: Payload) -> None:
    assert payload.head["start"] == int(month_record(3, 10).start.timestamp())
    assert timedelta(minutes=payload.head["minutes"]) == timedelta(days=3)
