"""`economics`: each dollar printed follows from figures that name their source."""

import json
from pathlib import Path
from typing import Any

import pytest

from bedrock_autoscaler.adapters.prices import load_prices
from bedrock_autoscaler.cli.app import run
from bedrock_autoscaler.domain.economics.price_book import Quote

NOVA = "amazon.nova-2-lite-v1:0"
LLAMA = "meta.llama3-1-70b-instruct-v1:0"
CUSTOM = f"arn:aws:bedrock:us-east-1:111122223333:custom-model/{NOVA}:256k/abc123def456"
MODELS = [
    pytest.param(NOVA, "us-east-1", id="nova"),
    pytest.param(LLAMA, "us-west-2", id="llama"),
    pytest.param(CUSTOM, "us-east-1", id="custom"),
    pytest.param(f"custom:{NOVA}", "us-east-1", id="custom by its base"),
]


def found(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    assert run(["economics", *arguments, "--output", "json"]) == 0
    answer: dict[str, Any] = json.loads(capsys.readouterr().out)
    return answer


def quoted(figure: dict[str, str], quotes: tuple[Quote, ...]) -> bool:
    """Whether the price list has this very number from this very source and day."""
    usd = figure["value"].split(" ", maxsplit=1)[0]
    return any(
        (str(quote.usd), quote.source, quote.as_of.isoformat())
        == (usd, figure["source"], figure["as_of"])
        for quote in quotes
    )


@pytest.mark.parametrize(("model", "region"), MODELS)
def test_every_number_is_traced_to_its_source(
    capsys: pytest.CaptureFixture[str], model: str, region: str
) -> None:
    answer = found(capsys, model, "--region", region)

    quotes = load_prices().quotes
    assert len(answer["ways"]) >= 3
    for way in answer["ways"]:
        prices = [f for f in way["figures"] if f["what"] in {"input tokens", "output tokens"}]
        units = [f for f in way["figures"] if f["what"] == "one unit"]
        assert (len(prices), len(units)) in {(2, 0), (0, 1)}, way["name"]
        assert all(quoted(figure, quotes) for figure in (*prices, *units)), way["name"]


@pytest.mark.parametrize(("model", "region"), MODELS)
def test_every_dollar_follows_from_its_figures(
    capsys: pytest.CaptureFixture[str], model: str, region: str
) -> None:
    answer = found(capsys, model, "--region", region)

    for way in answer["ways"]:
        told = {f["what"]: float(f["value"].split(" ", maxsplit=1)[0]) for f in way["figures"]}
        for load, usd in zip(answer["tokens_per_minute"], way["usd_per_hour"], strict=True):
            if "one unit" in told:
                assert usd == told["one unit"]
                continue
            times = told.get("multiple of the price in Region", 1.0)
            blended = 0.8 * told["input tokens"] + 0.2 * told["output tokens"]
            assert usd == pytest.approx(times * load * 60 * blended / 1000)


@pytest.mark.parametrize(
    ("model", "region", "against", "unit", "load"),
    [
        # 60.50 / 60 / (0.8 x 0.00033 + 0.2 x 0.00275) x 1,000
        (NOVA, "us-east-1", "on demand in Region", "units without commitment", 1_238_739),
        # 24 / 60 / 0.00072 x 1,000
        (LLAMA, "us-west-2", "on demand in Region", "units without commitment", 555_556),
        # 60.50 / 60 / (0.8 x 0.0003 + 0.2 x 0.0025) x 1,000
        (
            CUSTOM,
            "us-east-1",
            "custom deployment, on demand",
            "units without commitment",
            1_362_613,
        ),
    ],
)
def test_the_break_even_points_of_the_facts(
    capsys: pytest.CaptureFixture[str],
    *,
    model: str,
    region: str,
    against: str,
    unit: str,
    load: int,
) -> None:
    answer = found(capsys, model, "--region", region)

    (point,) = [
        one["tokens_per_minute"]
        for one in answer["break_even"]
        if (one["by_token"], one["by_unit"]) == (against, unit)
    ]
    assert point == pytest.approx(load, abs=1)


def test_a_price_of_another_region_is_said_to_be_one(capsys: pytest.CaptureFixture[str]) -> None:
    answer = found(capsys, LLAMA, "--region", "us-west-2")

    notes = {way["name"]: way["note"] for way in answer["ways"]}
    assert notes["on demand in Region"] == "price of us-east-1; none is known for us-west-2"


def test_units_of_another_region_are_no_way(capsys: pytest.CaptureFixture[str]) -> None:
    answer = found(capsys, NOVA, "--region", "eu-west-3")

    assert {way["unit_usd_per_hour"] for way in answer["ways"]} == {None}


def test_an_imported_model_costs_its_copies_and_its_storage(
    capsys: pytest.CaptureFixture[str],
) -> None:
    arguments = ["imported:mine", "--units-per-copy", "8", "--copy-rate", "1000000"]

    answer = found(capsys, *arguments, "--against", LLAMA)

    copies = answer["ways"][0]
    # 8 units x 0.05718 USD x 60 minutes, and 8 x 1.95 USD a month of 730 hours.
    hourly = 8 * 0.05718 * 60 + 8 * 1.95 / 730
    assert copies["usd_per_hour"][0] == pytest.approx(hourly)
    assert {way["is_other_model"] for way in answer["ways"][1:]} == {True}


def test_the_tables_say_what_pays_and_what_nobody_told(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")

    assert run(["economics", NOVA]) == 0
    unknown = capsys.readouterr().out
    assert run(["economics", NOVA, "--unit-rate", "2000000:500000"]) == 0
    known = capsys.readouterr().out

    assert "nobody told what a unit serves" in unknown
    assert "60.50 each" in unknown
    assert "nobody told" not in known
    assert "above" in known
    assert "stated on the command line" in known
    assert "no unit: 22.20" in known  # 60 x 500,000 x (0.8 x 0.0003 + 0.2 x 0.0025) / 1,000


def test_loads_of_a_few_tokens_are_told_apart(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")

    assert run(["economics", NOVA, "--to", "5"]) == 0

    # 5 x (0.1, 0.25) / 2.0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(" ")[0] for line in lines[2:4]] == ["0.25", "0.625"]


def test_an_imported_model_without_a_rate_is_told_the_options_that_help(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")

    assert run(["economics", "imported:mine", "--units-per-copy", "8"]) == 0
    printed = capsys.readouterr().out

    assert "each: for one copy, since nobody told what a copy serves (--copy-rate)" in printed
    assert "--unit-rate" not in printed
    assert "none: --against MODEL sets one beside that is paid by the token" in printed


def test_a_page_with_the_plot_is_written(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = tmp_path / "deep" / "nova.html"

    found(capsys, NOVA, "--html", str(path))
    text = path.read_text(encoding="utf-8")

    assert "<svg" in text
    assert "1.24 M" in text
    assert "<script" not in text
    assert "USE1-Nova2.0Lite-input-tokens" in text
    assert run(["economics", NOVA, "--html", "/proc/none/nova.html"]) == 2
    assert "/proc/none/nova.html: cannot be written" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["amazon.nova-99-v1:0"], "no price is known for amazon.nova-99-v1:0"),
        (
            [NOVA, "--region", "us-est-1"],
            "us-est-1: AWS has no such Region for Bedrock; did you mean us-west-1 or us-east-1?",
        ),
        ([NOVA, "--unit-rate", "5"], "give two numbers above 0"),
        ([NOVA, "--unit-rate", "0:5"], "give two numbers above 0"),
        ([NOVA, "--input-share", "1.5"], "--input-share"),
        (["imported:mine"], "--units-per-copy"),
        (["imported:mine", "--region", "sa-east-1"], "a price is needed"),
        (
            [NOVA, "--against", "meta.llama3-1-70b", "--region", "us-west-2"],
            "--against meta.llama3-1-70b: no price by the token is known for it in us-west-2",
        ),
    ],
)
def test_what_cannot_be_compared_is_said_in_a_line(
    capsys: pytest.CaptureFixture[str], arguments: list[str], words: str
) -> None:
    assert run(["economics", *arguments]) == 2
    assert words in capsys.readouterr().err
