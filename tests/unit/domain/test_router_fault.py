"""Idle units beside called ways are a fault of the callers' router; nothing else is."""

from dataclasses import replace
from typing import Any

import pytest

from bedrock_autoscaler.domain.option import OptionKind
from bedrock_autoscaler.domain.routing.route import Route
from bedrock_autoscaler.domain.routing.router_fault import router_faults
from bedrock_autoscaler.domain.units import MINUTE
from tests.builders import (
    MODEL,
    NOW,
    build_fleet,
    build_observation,
    build_pt,
    build_pt_traffic,
    build_situation,
    build_traffic,
    pt_arn,
)


def faults(
    *,
    calls: float = 60.0,
    throttles: float = 0.0,
    weight: float | None = 1.0,
    pt: dict[str, Any] | None = None,
    **evidence: Any,
) -> int:
    kind, address = OptionKind.PROVISIONED, pt_arn(1)
    routes = () if weight is None else (Route(kind=kind, address=address, weight=weight),)
    elsewhere = build_traffic(30, invocations=calls, throttles=throttles)
    seen = build_pt_traffic(pt_arn(1), **{"quiet_minutes": 10, **evidence})
    situation = build_situation(
        fleet=build_fleet(replace(build_pt(1), **(pt or {}))),
        observation=build_observation(by_option=((MODEL, elsewhere),), provisioned=(seen,)),
        routes=routes,
    )
    return len(router_faults(situation))


def test_units_that_stand_in_the_table_and_take_no_calls_are_a_fault() -> None:
    assert faults() == 1
    assert faults(calls=0.0, throttles=2.0) == 1
    assert faults(seen=False, quiet_minutes=0) == 1


@pytest.mark.parametrize(
    "circumstances",
    [
        {"calls": 0.0},
        {"weight": None},
        {"weight": 0.0},  # a person put another way first
        {"quiet_minutes": 9},
        {"pt": {"draining": True}},
        {"pt": {"in_service_since": NOW - 14 * MINUTE}},
        {"pt": {"in_service_since": None}},
    ],
)
def test_what_is_called_or_cannot_be_is_none(circumstances: dict[str, Any]) -> None:
    assert faults(**circumstances) == 0
