"""Situations on the verge of a release, for property tests."""

from dataclasses import dataclass, replace
from decimal import Decimal

import numpy as np
from hypothesis import strategies as st

from bedrock_autoscaler.domain.decision import Situation
from bedrock_autoscaler.domain.forecasting.lookback import WINDOWS
from bedrock_autoscaler.domain.target import Loop
from bedrock_autoscaler.domain.units import MINUTE
from tests.builders import (
    NOW,
    UNIT_PRICE,
    build_fleet,
    build_observation,
    build_provisioned,
    build_pt,
    build_pt_traffic,
    build_target,
)
from tests.unit.domain.strategies import traffic_of
from tests.unit.domain.worlds import trusting


@dataclass(frozen=True, slots=True, kw_only=True)
class Verge:
    """A situation on the verge of a release, and the minutes that may hold it back.

    Attributes:
        spots: (first minute, minutes) of the evidence, counted from the start of the traffic.
    """

    situation: Situation
    spots: tuple[tuple[int, int], ...]


@st.composite
def verges(draw: st.DrawFn) -> Verge:
    """One unit at the end of its paid hour, after two days that may speak for it in four ways.

    Demand at this time of earlier days, use of the unit in the newest hour or in its newest
    minutes, or trouble (errors, throttles) in its newest half.
    """
    load = np.zeros(2880)
    # 12:00 to 13:00 of both days, seen from the end of the traffic at 11:57.
    windows = [(3, 60), (1443, 60)]
    for begin, minutes in windows:
        load[begin : begin + minutes] = draw(st.sampled_from([0.0, 1.0, 3.0]))
    busy = draw(st.sampled_from([0, 28, 31, 34]))
    load[2820 : 2820 + busy] = 1.0
    load[2850:] = np.maximum(load[2850:], 0.01)
    load[2875:] = draw(st.sampled_from([0.01, 0.88, 0.95]))
    trouble = np.zeros(2880)
    begin, minutes = draw(st.sampled_from([(2855, 2), (2879, 1), (2850, 5)]))
    trouble[begin : begin + minutes] = draw(st.sampled_from([0.0, 0.0, 3.0]))
    kind = draw(st.sampled_from(["server_errors", "throttles"]))
    pt = build_pt()
    memory = trusting(**{draw(st.sampled_from(WINDOWS)): 1.0})
    situation = Situation(
        target=build_target(
            provisioned=build_provisioned(
                price=replace(UNIT_PRICE, usd_per_hour=Decimal("34.65")),
            )
        ),
        loop=Loop.CAPACITY,
        scheduled_at=NOW,
        observation=build_observation(
            traffic=traffic_of([(1, float(level)) for level in load], **{kind: trouble}),
            by_option=(),
            provisioned=(build_pt_traffic(pt.arn),),
        ),
        fleet=build_fleet(pt),
        routes=(),
        memory=replace(memory, learned=replace(memory.learned, until=NOW - 65 * MINUTE)),
    )
    return Verge(situation=situation, spots=(*windows, (2820, 5), (2825, 5), (begin, minutes)))
