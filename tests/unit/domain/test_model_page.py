"""The decision worked by hand on the model's page is the decision that the code takes."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from bedrock_autoscaler.domain.classes.labels import burstiness_limit
from bedrock_autoscaler.domain.decide import decide
from bedrock_autoscaler.domain.decision import Decision, Label, Purchase, Situation
from bedrock_autoscaler.domain.economics.costs import build_economics
from bedrock_autoscaler.domain.fleet.holdings import Status
from bedrock_autoscaler.domain.forecasting.lookback import PRIOR_WEIGHTS, WINDOWS
from bedrock_autoscaler.domain.sizing.balance import NO_BALANCE, Balance
from bedrock_autoscaler.domain.sizing.margins import margins_of
from bedrock_autoscaler.domain.traffic.demand import estimate_demand
from tests.builders import (
    NOW,
    THRESHOLDS,
    UNIT_RATE,
    UNLIMITED,
    build_fleet,
    build_observation,
    build_option,
    build_pt,
    build_situation,
    build_target,
    build_traffic,
)

DOCS = Path(__file__).parents[3] / "docs"
PAGE = (DOCS / "model.md").read_text(encoding="utf-8")
SECTIONS = (
    "Demand", "Classes", "Forecast", "Sizing", "Gate", "Loss budget", "Routing", "Spend",
)  # fmt: skip


def situation(throttles: float = 420.0) -> Situation:
    """The situation that the page describes."""
    quota = replace(UNLIMITED, tokens_per_minute=1_300_000.0)
    traffic = build_traffic(
        2880,
        invocations=100.0,
        input_tokens=1_000_000.0,
        output_tokens=300_000.0,
        throttles=throttles,
    )
    return build_situation(
        target=build_target(options=(build_option(quota=quota),)),
        observation=build_observation(traffic=traffic, by_option=()),
    )


def at_stake(units: float) -> float:
    """What counts as lost of this many units that were just bought, beside 1,000 USD lost."""
    just_bought = build_pt(model_units=int(units), created_at=NOW, status=Status.CREATING)
    tick = situation()
    economics = build_economics(tick.target, tick.observation.traffic)
    assert economics is not None
    margins = margins_of(
        tick.target,
        build_fleet(just_bought),
        Balance(traffic_usd=0.0, saved_usd=-1000.0),
        economics=economics,
        now=NOW,
    )
    return dict(margins.reasons[0].numbers)["lost_usd"] - 1000.0


def computed(decision: Decision) -> dict[str, float]:
    """The figures of the page by what stands in its first column."""
    tick = situation()
    traffic = tick.observation.traffic
    demand = estimate_demand(traffic, UNIT_RATE, 3.0)
    economics = build_economics(tick.target, traffic)
    assert economics is not None
    numbers = dict(decision.numbers)
    sizing = THRESHOLDS.sizing
    overflow = {units: economics.usd_without(units, demand.load) for units in range(3)}
    totals = [entry.total_usd for entry in decision.alternatives]
    (action,) = decision.actions
    return {
        "wanted calls a minute": float(demand.requests[0]),
        "demand, units": float(demand.load[0]),
        "price on demand P, USD": economics.tiers[0].usd_per_unit_hour,
        "quota A, units": economics.tiers[0].capacity_units,
        "worth of a throttle pi, USD": economics.throttle_usd,
        "break-even u*": numbers["break_even_utilization"],
        "burst limit if computed": burstiness_limit(
            replace(THRESHOLDS.classifying, burstiness=None), economics.break_even
        ),
        "throttled share": numbers["throttled_share"],
        "overflow cost of no unit, USD an hour": overflow[0],
        "of one unit": overflow[1],
        "of two units": overflow[2],
        "trust in the ten windows, which all say 2.4": sum(
            numbers[f"weight_{name}"] for name in WINDOWS
        ),
        "worth of unit 1, USD an hour": numbers["worth_of_unit_1_usd_per_hour"],
        "worth of unit 2": numbers["worth_of_unit_2_usd_per_hour"],
        "worth of unit 3": numbers["worth_of_unit_3_usd_per_hour"],
        "use of unit 3": numbers["use_of_unit_3"],
        "loss that is allowed at first, USD": NO_BALANCE.allowed_loss_usd(
            economics.unit_usd, sizing
        ),
        "a unit is bought from": numbers["first_unit_is_bought_from_usd_per_hour"],
        "units to buy": float(action.model_units),
        "cost of holding none, USD an hour": totals[0],
        "cost of holding one": totals[1],
        "cost of holding two": totals[2],
        "cost of holding three": totals[3],
        "expected saving, USD an hour": decision.expected_saving_usd_per_hour,
        "they are kept from, together": 2 * numbers["units_are_kept_from_usd_per_hour"],
        "yet to earn when just bought, USD": at_stake(float(action.model_units)),
    }


def test_every_figure_on_the_page_is_what_the_code_computes() -> None:
    example = PAGE.split("## One decision by hand")[1]
    rows = re.findall(r"^\| ([^|]+) \| [^|]+ \| ([0-9.]+) \|$", example, flags=re.MULTILINE)
    figures = computed(decide(situation()))

    assert [name for name, _ in rows] == list(figures)
    for name, text in rows:
        # To the last digit that the page gives.
        digits = len(text.partition(".")[2])
        assert figures[name] == pytest.approx(float(text), abs=0.51 * 10**-digits), name


def test_the_tour_of_the_architecture_tells_the_same_decision() -> None:
    tour = (DOCS / "architecture.md").read_text(encoding="utf-8")
    example = tour.split("## One decision by hand")[1].split("\n## ")[0]
    prices = set(re.findall(r"\d+\.\d{2,}", example))

    # The prices of tokens and of throttles stand in the page's formulas.
    assert prices <= set(re.findall(r"\d+\.\d{2,}", PAGE))
    assert {"890.78", "69.575"} <= prices


def test_the_page_names_the_reasons_of_its_decision() -> None:
    decision = decide(situation())

    assert isinstance(decision.actions[0], Purchase)
    assert decision.classification is not None
    assert decision.classification.label is Label.STEADY
    named = ", ".join(f"`{reason.code}`" for reason in decision.reasons)
    assert f"says {named}." in PAGE.replace("\n", " ")


def test_without_the_throttles_nothing_would_be_bought() -> None:
    decision = decide(situation(throttles=0.0))

    assert decision.is_hold
    assert dict(decision.numbers)["worth_of_unit_1_usd_per_hour"] == pytest.approx(69.30)


def test_the_page_lists_the_windows_and_the_trust_at_first() -> None:
    rows = re.findall(r"^\| (\w+) \| [^|]+ \| ([0-9.]+) \|$", PAGE, flags=re.MULTILINE)

    assert [(name, float(trust)) for name, trust in rows if name in WINDOWS] == list(
        zip(WINDOWS, PRIOR_WEIGHTS, strict=True)
    )


@pytest.mark.parametrize("section", SECTIONS)
def test_every_part_of_the_arithmetic_has_its_section(section: str) -> None:
    assert f"\n## {section}\n" in PAGE


def test_the_thresholds_on_the_page_are_the_shipped_ones() -> None:
    sizing, rules = THRESHOLDS.sizing, THRESHOLDS.classifying

    assert f"`v_j >= {sizing.grow_margin} h`" in PAGE
    assert f"`v_j >= {sizing.keep_margin} h`" in PAGE
    assert f"worth `{sizing.keep_margin} n h`" in PAGE
    assert f"`{sizing.scarcity_factor}^(2 - left)`" in PAGE
    assert f"times {sizing.patience} (`patience`)" in PAGE
    assert (
        f"`K = {sizing.purchase_worth} max(0, 1 - left / min(6, m)) (pi - h)` (`purchase_worth`)"
        in PAGE
    )
    budget = f"-({sizing.loss_budget_share} T + {sizing.loss_budget_unit_hours:g} h)`"
    assert budget in PAGE
    assert f"(saved' + {sizing.loss_budget_day_share} T'" in PAGE
    assert f"multiplied by {sizing.loss_factor} (`loss_factor`)" in PAGE
    assert f"S > {rules.strong_seasonal_skill}, or S > {rules.seasonal_skill} and" in PAGE
    assert (
        f"{rules.confirmations_to_unsteady} (towards bursty) or "
        f"{rules.confirmations_to_steady} (towards steady)" in PAGE.replace("\n", " ")
    )
