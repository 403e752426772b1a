"""Runs the golden table of options through `decide`."""

import tomllib
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from bedrock_autoscaler.domain.decide import decide
from bedrock_autoscaler.domain.decision import Purchase, Situation
from bedrock_autoscaler.domain.option import (
    ImportedCopies,
    InferenceOption,
    OptionKind,
    Quota,
    Residency,
    TokenPrice,
)
from bedrock_autoscaler.domain.reason import Reason
from bedrock_autoscaler.domain.routing.route import Route
from bedrock_autoscaler.domain.target import Loop, Target
from bedrock_autoscaler.domain.traffic.observation import CopiesSeen, EndpointState
from tests.builders import (
    ACCOUNT,
    AS_OF,
    MODEL,
    PROFILE,
    PT_MODEL,
    REGION,
    TOKEN_PRICE,
    UNIT_PRICE,
    build_fleet,
    build_observation,
    build_option,
    build_provisioned,
    build_pt,
    build_pt_traffic,
    build_situation,
    build_target,
    build_traffic,
    pt_arn,
)
from tests.endpoints import ENDPOINT, build_endpoint, build_endpoint_state, build_instance_rails
from tests.unit.domain.worlds import UNIT_USD, units_traffic

TABLE = tomllib.loads(
    (Path(__file__).parents[2] / "golden" / "options.toml").read_text(encoding="utf-8")
)["option"]
OURS = f"arn:aws:bedrock:{REGION}:{ACCOUNT}"
CUSTOM = f"{OURS}:custom-model/{PT_MODEL}/abcdef123456"
BURSTS: Any = [[110, 0.0], [10, 3.0]] * 23 + [[120, 0.0]]
NIGHTS: Any = [[480, 0.6], [960, 0.0]] * 2


def priced(factor: str = "1", *, cheaper: bool = False) -> TokenPrice:
    """The list price times a factor; `cheaper` that of global profiles and deployments."""
    base = ("0.0003", "0.0025") if cheaper else ("0.00033", "0.00275")
    return replace(
        TOKEN_PRICE,
        input_usd_per_1k=Decimal(base[0]) * Decimal(factor),
        output_usd_per_1k=Decimal(base[1]) * Decimal(factor),
    )


GEOGRAPHIC = build_option(kind=OptionKind.GEOGRAPHIC_PROFILE, address=PROFILE, price=priced())
OPTIONS: dict[str, InferenceOption] = {
    "home": build_option(price=priced()),
    "us": GEOGRAPHIC,
    "eu": replace(GEOGRAPHIC, address=f"eu.{MODEL}"),
    "global": build_option(
        kind=OptionKind.GLOBAL_PROFILE, address=f"global.{MODEL}", price=priced(cheaper=True)
    ),
    "away": replace(GEOGRAPHIC, region="us-west-2"),
    "fast": replace(GEOGRAPHIC, latency="optimized", price=priced("1.25")),
    "priority": replace(GEOGRAPHIC, tier="priority", price=priced("1.75")),
    "flex": replace(GEOGRAPHIC, tier="flex", price=priced("0.5")),
    "reserved": replace(GEOGRAPHIC, tier="reserved", price=None),
    "batch": replace(GEOGRAPHIC, kind=OptionKind.BATCH, price=priced("0.5")),
    "deployment": build_option(
        kind=OptionKind.CUSTOM_DEPLOYMENT,
        address=f"{OURS}:custom-model-deployment/abcdef123456",
        price=priced(cheaper=True),
    ),
    "imported": build_option(
        kind=OptionKind.IMPORTED_MODEL,
        address=f"{OURS}:imported-model/abcdef123456",
        price=None,
        quota=None,
        copies=ImportedCopies(
            units_per_copy=8, usd_per_unit_minute=Decimal("0.05718"), source="test", as_of=AS_OF
        ),
    ),
    "router": build_option(
        kind=OptionKind.PROMPT_ROUTER,
        address=f"{OURS}:default-prompt-router/amazon.nova:1",
        geography="us",
        price=priced(),
    ),
    "endpoint": build_endpoint(instances=None),
    "scaled": build_endpoint(
        address=f"{ENDPOINT}-scaled",
        instances=build_instance_rails(max_instances=3, usd_per_instance_hour=Decimal("1.5")),
    ),
}


@pytest.mark.parametrize("row", TABLE, ids=[row["id"] for row in TABLE])
def test_traffic_goes_where_the_golden_table_says(row: dict[str, Any]) -> None:
    decision = decide(situation_of(row["given"]))

    bought = [f"buy {a.model_units}" for a in decision.actions if isinstance(a, Purchase)]
    assert bought == row["actions"]
    assert [f"{_name(route)} {route.weight:g}" for route in decision.routes] == [
        f"{name} {float(weight):g}" for name, weight in map(str.split, row["routes"])
    ]
    changes = [f"{each.from_instances} to {each.to_instances}" for each in decision.scalings]
    assert changes == row.get("scalings", [])
    assert [_name(route) for route in decision.deferrable] == row.get("deferrable", [])
    assert sorted(reason.code.value for reason in decision.reasons) == sorted(row["reasons"])
    for code, numbers in row.get("numbers", {}).items():
        assert _numbers(decision.reasons, code) == pytest.approx(numbers)


def test_each_row_has_an_id_of_its_own_and_its_arithmetic() -> None:
    ids = [row["id"] for row in TABLE]

    assert len(set(ids)) == len(ids)
    assert all(len(row["why"]) > 25 for row in TABLE)


def test_no_lawful_table_ever_leaves_the_residency() -> None:
    """Of every subset of two options under EU residency no address is served elsewhere."""
    residency = {"geographies": ["eu"]}
    names = ["us", "eu", "global", "away", "router", "batch", "fast", "reserved", "priority"]
    for first in names:
        for second in names:
            given = {
                "demand": [[2880, 0.3]],
                "options": ["eu", *{first, second} - {"eu"}],
                "residency": residency,
                "slo": {"deferrable_share": 1.0, "latency": "optimized"},
            }

            decision = decide(situation_of(given))

            routed = [*decision.routes, *decision.deferrable]
            assert {route.address for route in routed} == {f"eu.{MODEL}"}


def situation_of(given: dict[str, Any]) -> Situation:
    """The situation that a row describes."""
    demand = given["demand"]
    if isinstance(demand, str):
        demand = {"bursts of 3": BURSTS, "nights of 0.6": NIGHTS}[demand]
    throttled = given.get("throttled", 0.0)
    traffic = units_traffic(*demand)
    if throttled:
        traffic = replace(traffic, throttles=traffic.throttles + throttled)
    target = target_of(given)
    held = (build_pt(1),) if given.get("held") else ()
    first = target.options[0].series
    recent = build_traffic(30, invocations=given.get("endpoint_calls", 1000.0), throttles=throttled)
    return build_situation(
        target=target,
        loop=Loop(given.get("loop", "capacity")),
        observation=build_observation(
            traffic=traffic,
            by_option=((first, recent),) if throttled or held or "instances" in given else (),
            provisioned=tuple(build_pt_traffic(pt.arn, quiet_minutes=30) for pt in held),
            copies=_copies(given),
            endpoints=_endpoints(given),
        ),
        fleet=build_fleet(*held),
        routes=tuple(Route(kind=OptionKind.PROVISIONED, address=pt.arn, weight=1.0) for pt in held),
    )


def target_of(given: dict[str, Any]) -> Target:
    """A target with the options of a row."""
    quota: Any = given.get("quota")
    options = tuple(OPTIONS[name] for name in given["options"])
    if quota is not None:
        bound = Quota(
            tokens_per_minute=float(quota),
            requests_per_minute=None,
            output_burndown=1.0,
            source="test",
        )
        options = tuple(replace(option, quota=bound) for option in options)
    usual = build_target()
    price = replace(UNIT_PRICE, usd_per_hour=Decimal(str(UNIT_USD)))
    bought = build_provisioned(price=price)
    if given.get("custom"):
        bought = replace(bought, model_id=CUSTOM)
    residency: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in given.get("residency", {}).items()
    }
    return build_target(
        options=options,
        provisioned=None if given.get("model") == "none" else bought,
        slo=replace(usual.slo, **given.get("slo", {})),
        residency=Residency(**residency),
    )


def _copies(given: dict[str, Any]) -> tuple[CopiesSeen, ...]:
    if "copies" not in given:
        return ()
    return (CopiesSeen(address=OPTIONS["imported"].address, by_window=tuple(given["copies"])),)


def _endpoints(given: dict[str, Any]) -> tuple[EndpointState, ...]:
    if "instances" not in given:
        return ()
    address = OPTIONS["scaled"].address
    return (build_endpoint_state(address=address, instances=given["instances"]),)


def _name(route: Route) -> str:
    names = {(option.kind, option.place): name for name, option in OPTIONS.items()}
    place = (route.kind, route.place)
    return "pt" if route.address == pt_arn(1) else names[place]


def _numbers(reasons: tuple[Reason, ...], code: str) -> dict[str, float]:
    return dict(next(reason.numbers for reason in reasons if reason.code == code))
