"""Calls from several source Regions: read in each, joined, and never taken for zero."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from bedrock_autoscaler.application.errors import ObservationError
from bedrock_autoscaler.application.observing.regions import RegionalMetrics
from bedrock_autoscaler.application.ports.cloudwatch import MetricsReading
from bedrock_autoscaler.application.reviewing.replaying import replay
from bedrock_autoscaler.domain.decision import Situation
from bedrock_autoscaler.domain.option import OptionKind
from bedrock_autoscaler.domain.reason import ReasonCode
from bedrock_autoscaler.domain.target import Loop
from bedrock_autoscaler.domain.units import HOUR, MINUTE
from tests.builders import NOW, PROFILE, build_option, build_target, build_traffic
from tests.fakes.memory_metrics import MemoryMetrics
from tests.staging import QUARTERLY, Stage

WEST, EAST = "us-west-2", "us-east-2"
AWAY = f"{PROFILE}@{WEST}"
US = build_option(kind=OptionKind.GEOGRAPHIC_PROFILE, address=PROFILE)
START = NOW - 10 * MINUTE


def beating() -> MemoryMetrics:
    metrics = MemoryMetrics()
    metrics.beat_through(START, NOW)
    return metrics


def read(home: MemoryMetrics, west: MemoryMetrics, *names: str, **asked: Any) -> MetricsReading:
    metrics = RegionalMetrics(home, {WEST: lambda: west})
    metrics.model_ids()
    return metrics.read(names, START, NOW, **asked)


# -- the metrics of all Regions as one ---------------------------------------------------------


def test_the_same_address_is_a_series_of_its_own_in_each_region() -> None:
    home, west = beating(), beating()
    home.put(PROFILE, START, invocations=3)
    west.put(PROFILE, START, invocations=5)

    found = read(home, west, PROFILE, AWAY)

    assert found.traffic[PROFILE].invocations.sum() == 3
    assert found.traffic[AWAY].invocations.sum() == 5
    assert (list(home.asked[-1]), list(west.asked[-1])) == ([PROFILE], [PROFILE])


def test_each_region_is_asked_for_its_own_series() -> None:
    home, west = beating(), beating()

    read(home, west, PROFILE, AWAY, series={PROFILE: ["throttles"], AWAY: ["invocations"]})

    assert home.asked == [{PROFILE: ("throttles",)}]
    assert west.asked == [{PROFILE: ("invocations",)}]


@pytest.mark.parametrize("method", ["read", "model_ids"])
def test_a_region_that_cannot_be_read_is_a_gap_and_no_lack_of_traffic(method: str) -> None:
    home, west = beating(), beating()
    home.put(PROFILE, START, invocations=3)
    west.fail_next(ObservationError("AccessDenied"), method=method)

    found = read(home, west, PROFILE, AWAY)

    assert np.isnan(found.traffic[AWAY].invocations).all()
    assert len(found.traffic[AWAY]) == 10
    assert found.traffic[PROFILE].invocations.sum() == 3
    assert found.problems == (f"{WEST}: AccessDenied",)
    assert {name: lost.sum() for name, lost in found.lost.items()} == {AWAY: 10}


def test_what_a_region_answered_in_part_is_lost_under_its_name() -> None:
    home, west = beating(), beating()
    west.failing.add(PROFILE)

    found = read(home, west, PROFILE, AWAY)

    assert {name: lost.sum() for name, lost in found.lost.items()} == {AWAY: 10}


def test_a_list_that_can_be_read_again_proves_silence_again() -> None:
    home, west = beating(), beating()
    metrics = RegionalMetrics(home, {WEST: lambda: west})
    west.fail_next(ObservationError("throttled"), method="model_ids")
    metrics.model_ids()
    metrics.model_ids()

    found = metrics.read([AWAY], START, NOW)

    assert found.traffic[AWAY].invocations.sum() == 0
    assert found.problems == ()


def test_a_minute_without_a_heartbeat_there_is_a_gap_there() -> None:
    home, west = beating(), MemoryMetrics()

    found = read(home, west, PROFILE, AWAY)

    assert np.isnan(found.traffic[AWAY].invocations).all()
    assert not np.isnan(found.traffic[PROFILE].invocations).any()


def test_a_region_that_nobody_allowed_is_a_gap_too() -> None:
    found = read(beating(), beating(), f"{PROFILE}@{EAST}")

    assert np.isnan(found.traffic[f"{PROFILE}@{EAST}"].invocations).all()


def test_ids_are_listed_with_the_region_behind_them() -> None:
    home, west = MemoryMetrics(), MemoryMetrics()
    home.put("a", NOW, invocations=1)
    west.put("b", NOW, invocations=1)

    metrics = RegionalMetrics(home, {WEST: lambda: west})

    assert metrics.model_ids() == {"a", f"b@{WEST}"}
    assert metrics.regions == {WEST}


def test_each_region_has_a_heartbeat_whatever_happens_in_another() -> None:
    home, west, east = MemoryMetrics(), MemoryMetrics(), MemoryMetrics()
    metrics = RegionalMetrics(home, {WEST: lambda: west, EAST: lambda: east})
    west.fail_next(ObservationError("throttled"), method="beat")

    with pytest.raises(ObservationError, match="us-west-2: throttled"):
        metrics.beat(NOW)

    assert (home.beats, west.beats, east.beats) == ({NOW}, set(), {NOW})


# -- a target that is called from two Regions --------------------------------------------------


class TwoRegions(Stage):
    """A profile that is called from home and from another Region, as much from each."""

    def __init__(self, *, is_read: bool = True) -> None:
        options = (US, replace(US, region=WEST))
        target = build_target(options=options, model_ids=(PROFILE,), thresholds=QUARTERLY)
        super().__init__(target)
        self.home, self.west = self.metrics, MemoryMetrics()
        for metrics in (self.home, self.west):
            metrics.beat_through(NOW - 4 * HOUR, NOW)
            metrics.put_traffic(PROFILE, build_traffic(240, end=NOW))
        elsewhere = {WEST: lambda: self.west} if is_read else {}
        self.regional = RegionalMetrics(self.home, elsewhere)
        self.metrics = self.regional  # type: ignore[assignment]  # the fakes of both are kept apart
        self.wire()

    def observed(self, loop: Loop = Loop.CAPACITY) -> Situation:
        """The situation of a tick now."""
        self.decide(loop)
        latest = self.decisions.latest("chat", loop)
        assert latest is not None
        return latest.situation


def newest_calls(scene: TwoRegions) -> float:
    return float(scene.observed().observation.traffic.invocations[-1])


def test_the_demand_is_that_of_all_regions() -> None:
    scene = TwoRegions()

    # 60 calls a minute in each.
    assert newest_calls(scene) == 120.0


def test_by_option_tells_the_regions_apart() -> None:
    observation = TwoRegions().observed(Loop.ROUTING).observation

    assert [name for name, _ in observation.by_option] == [PROFILE, AWAY]
    assert observation.regions == (WEST,)


def test_nothing_is_said_to_be_unseen_where_all_regions_are_read() -> None:
    seen, unseen = TwoRegions(), TwoRegions(is_read=False)
    for scene in (seen, unseen):
        scene.decide(Loop.CAPACITY)

    codes = [
        {reason.code for reason in scene.reporter.decisions[-1].reasons} for scene in (seen, unseen)
    ]
    assert [ReasonCode.REGION_UNSEEN in found for found in codes] == [False, True]
    assert newest_calls(TwoRegions(is_read=False)) == 60.0


def test_a_region_without_metrics_is_missing_demand_and_holds_what_is_held() -> None:
    scene = TwoRegions()
    scene.west.beats.clear()
    scene.west.failing.add(PROFILE)

    situation = scene.observed()

    assert np.isnan(situation.observation.traffic.invocations).all()
    codes = [reason.code for reason in scene.reporter.decisions[-1].reasons]
    assert ReasonCode.HISTORY_SHORT in codes


def test_such_a_decision_replays() -> None:
    scene = TwoRegions()
    scene.decide(Loop.CAPACITY)

    recorded = scene.decisions.load(scene.reporter.decisions[-1].id, scene.history)

    assert recorded is not None
    assert replay(recorded) is None


def test_a_region_that_refuses_calls_leaves_the_table_alone() -> None:
    scene = TwoRegions()
    for minute in range(30):
        scene.west.put(PROFILE, NOW - minute * MINUTE, invocations=0.0, client_errors=60.0)
    scene.west.asked.clear()

    scene.decide(Loop.ROUTING)

    routes = scene.reporter.decisions[-1].routes
    assert [route.region for route in routes] == [""]
