"""`prices` on an emulated stack: the list, what a refresh changes, what waits for a person."""

from pathlib import Path
from typing import Any

import pytest

from bedrock_autoscaler.cli.app import run
from bedrock_autoscaler.domain.economics.facts import missing_facts
from bedrock_autoscaler.domain.reason import ReasonCode
from tests.builders import NOW
from tests.operating.stage import DOCUMENT, Stage
from tests.unit.adapters.pricelist.products import bulk, entry

NOVA = "amazon.nova-2-lite-v1:0"
INPUT = entry("USE1-Nova2.0Lite-input-tokens", "0.00031", "1K tokens", sku="IN")
OUTPUT = entry("USE1-Nova2.0Lite-output-tokens", "0.0026", "1K tokens", sku="OUT")
WRONG = entry("USE1-Nova2.0Lite-input-tokens", "0.31", "1K tokens", sku="IN")
NEW = entry("USE1-NovaPro-ProvisionedThroughput-NoCommit-ModelUnits", "99", "hour", sku="NEW")


def offer(tmp_path: Path, *rows: str) -> str:
    path = tmp_path / "offer.json"
    path.write_text(bulk("AmazonBedrock", *rows), encoding="utf-8")
    return str(path)


def usd(lines: Any, address: str, measure: str) -> list[str | None]:
    return [
        line["usd"] for line in lines if (line["address"], line["measure"]) == (address, measure)
    ]


def test_a_refresh_from_files_is_shown_kept_and_gone_by(stage: Stage, tmp_path: Path) -> None:
    path = offer(tmp_path, INPUT, OUTPUT)

    shown = stage.told("prices", "diff", "--from", path)
    assert f"input_1k of {NOVA} in us-east-1: 0.00033 USD -> 0.00031 USD" in shown
    assert usd(stage.json("prices", "list"), NOVA, "input_1k") == ["0.00033"]
    stage.told("prices", "refresh", "--from", path, "--yes")

    assert usd(stage.json("prices", "show", NOVA), NOVA, "input_1k") == ["0.00031"]
    assert "0 changes" in stage.told("prices", "diff", "--from", path)
    book = stage.access.prices().book
    price = book.token_price(f"us.{NOVA}", "us-east-1")
    assert price is not None
    assert str(price.output_usd_per_1k) == "0.0026"


def test_a_thousandfold_error_blocks_the_target_that_needs_it(stage: Stage, tmp_path: Path) -> None:
    options = [{"kind": "on_demand", "address": NOVA, "quota": "unlimited"}]
    stage.put("targets/chat", DOCUMENT | {"options": options})
    (before,) = stage.access.settings().targets
    assert before.options[0].price is not None

    stage.told("prices", "refresh", "--from", offer(tmp_path, WRONG, OUTPUT), "--yes")

    (after,) = stage.access.settings().targets
    assert after.options[0].price is None
    (reason,) = [
        one
        for one in missing_facts(after, NOW)
        if one.code is ReasonCode.PRICE_UNKNOWN and "in doubt" in one.message
    ]
    assert "0.31 USD lies outside of all prices ever seen" in reason.message
    doubted = [line["doubt"] for line in stage.json("prices", "show", NOVA) if line["doubt"]]
    assert len(doubted) == 2
    assert "0.31 USD lies outside of all prices ever seen" in doubted[0]
    assert "2 in doubt: blocked" in stage.told("prices", "show", NOVA)


def test_the_query_api_is_asked_by_default(stage: Stage) -> None:
    asked = []

    def reply(body: Any) -> dict[str, Any]:
        asked.append(body)
        return {"PriceList": [INPUT, OUTPUT] if len(asked) == 1 else []}

    stage.answer("pricing.GetProducts", reply)

    changes = stage.json("prices", "diff")

    assert {change["after"] for change in changes if change["address"] == NOVA} == {
        "0.00031 USD",
        "0.0026 USD",
    }
    assert len(asked) == 3


def test_a_list_that_cannot_be_read_changes_nothing(stage: Stage) -> None:
    stage.answer("pricing.GetProducts", lambda _: "AccessDeniedException")

    refused = stage.refused("prices", "refresh", "--yes")
    assert "AmazonBedrock could not be read" in refused
    assert "; --bulk reads the public offer files instead" in refused
    assert stage.access.price_store.current() is None


def test_a_price_without_a_like_waits_for_a_person(stage: Stage, tmp_path: Path) -> None:
    haiku = entry("USE1-NovaMicro-input-tokens-custom-model", "0.00003", "1K tokens", sku="C")
    row = entry("USE1-Llama3-1-8B-ProvisionedThroughput-NoCommit-ModelUnits", "11", "hour", sku="U")
    path = offer(tmp_path, haiku, row)
    address = "meta.llama3-1-8b-instruct-v1:0:128k"
    shown = stage.told("prices", "diff", "--from", path)
    assert "a person must accept it" in shown

    stage.told(
        *("prices", "accept", address, "--measure", "unit_hour", "--usd", "11"),
        *("--by", "jane", "--yes"),
    )
    stage.told("prices", "refresh", "--from", path, "--yes")

    assert usd(stage.json("prices", "list"), address, "unit_hour") == ["11"]


def test_rates_that_a_document_states_are_listed_as_its_own(stage: Stage) -> None:
    price = {
        "input_usd_per_1k": 0.00029,
        "output_usd_per_1k": 0.0024,
        "source": "private pricing of 2026",
        "as_of": "2026-11-01",
    }
    options = [{"kind": "on_demand", "address": NOVA, "quota": "unlimited", "price": price}]
    stage.put("targets/chat", DOCUMENT | {"options": options})

    lines = stage.json("prices", "show", NOVA)

    assert usd(lines, NOVA, "input_1k") == ["0.00029", "0.00033"]
    assert lines[0]["whose"] == "target chat"
    assert lines[0]["source"] == "private pricing of 2026"


def test_a_context_length_that_the_list_leaves_open_is_refused(
    stage: Stage, tmp_path: Path
) -> None:
    shown = stage.told("prices", "diff", "--from", offer(tmp_path, NEW))

    assert "BLOCKED, it does not say which context length it is for" in shown


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["prices", "show", "amazon.nova-99-v1:0"], "no price is known for 'amazon.nova-99-v1:0'"),
        (["prices", "diff", "--from", "none.json"], "none.json: cannot be read"),
        (
            ["prices", "accept", NOVA, "--measure", "input_1m", "--usd", "1", "--by", "j"],
            "--measure 'input_1m': give input_1k, output_1k or unit_hour",
        ),
        (
            [
                *("prices", "accept", NOVA, "--measure", "unit_hour", "--usd", "1", "--by", "j"),
                *("--commitment", "1m"),
            ],
            "--commitment '1m': give none, one_month or six_months",
        ),
        (
            ["prices", "show", NOVA, "--region", "us-est-1"],
            "no price is known in 'us-est-1'; prices are known in ap-northeast-1, us-east-1",
        ),
        (["prices", "list", "--region", "us-est-1"], "no price is known in 'us-est-1'; prices are"),
        (
            ["prices", "accept", NOVA, "--measure", "input_1k", "--usd", "free", "--by", "j"],
            "give a number above 0",
        ),
    ],
)
def test_what_cannot_be_done_is_said_in_a_line(
    stage: Stage, arguments: list[str], words: str
) -> None:
    assert words in stage.refused(*arguments)


def test_a_round_price_is_shown_in_full(stage: Stage, tmp_path: Path) -> None:
    unit = "USE1-Nova2.0Lite-ProvisionedThroughput-NoCommit-ModelUnits"
    path = offer(tmp_path, entry(unit, "60.0000000000", "hour"))

    assert "60.5 USD -> 60 USD" in stage.told("prices", "diff", "--from", path)
    assert ": 100 USD, vouched for" in stage.told(
        *("prices", "accept", f"{NOVA}:256k", "--measure", "unit_hour", "--usd", "100"),
        *("--by", "jane", "--yes"),
    )


def test_the_shipped_list_needs_no_stack(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "160")

    assert run(["prices", "list", "--region", "us-west-2"]) == 0

    printed = capsys.readouterr().out
    assert "1 price" in printed
    assert "meta.llama3-1-70b" in printed
