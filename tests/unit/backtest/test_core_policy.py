"""What the decision core is shown of a backtest's fleet."""

from typing import TYPE_CHECKING

from bedrock_autoscaler.backtest.policy import PolicyContext
from bedrock_autoscaler.cli.backtest.policies import core_policy
from bedrock_autoscaler.domain.units import HOUR, MINUTE
from tests.unit.backtest.worlds import PLAIN, START, trace_of

if TYPE_CHECKING:
    from datetime import datetime

DEMAND = (1, 2, 3, 4)
"""Units in use hour by hour, each in turn: as many purchases. Then nothing for as many again."""


def test_the_backtest_keeps_the_share_of_an_hour_as_the_deployed_core_does() -> None:
    load = [100.0 * units for units in DEMAND for _ in range(60)] + [0.0] * 60 * 2 * len(DEMAND)
    trace = trace_of(load)
    policy = core_policy(
        PolicyContext(
            scenario=PLAIN, settings=None, settings_path=None, start=START, score_from=START
        )
    )
    left: list[tuple[datetime, int]] = []
    held, shown = 0, set()
    for minute in range(60, len(load), policy.interval_minutes):
        now = START + minute * MINUTE
        seen = trace.cut(minute)
        told = policy.situation(seen, now).fleet.released_last_hour
        assert told == sum(units for at, units in left if at > now - HOUR)
        units = policy.decide(seen, now).provisioned_units
        if units is not None and units < held:
            assert told == 0 or told + held - units <= max(1, (held + told) // 4)
            left.append((now, held - units))
        held = held if units is None else units
        shown.add(told)
    assert len(left) > 1
    assert held == 0
    assert shown > {0}
