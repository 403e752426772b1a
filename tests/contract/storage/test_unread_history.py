"""What CloudWatch refused at a first look is read by a later process, from the ledger alone."""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, override

import numpy as np
import pytest
from botocore.exceptions import ClientError

from bedrock_autoscaler.adapters.cloudwatch.metrics import CloudWatchMetrics
from bedrock_autoscaler.adapters.storage.decisions import DynamoDecisions
from bedrock_autoscaler.adapters.storage.packed import PackedHistory
from bedrock_autoscaler.domain.target import Loop
from bedrock_autoscaler.domain.traffic.observation import Observation, Traffic
from bedrock_autoscaler.domain.units import MINUTE
from tests.builders import MODEL, NOW, PROFILE, build_target, build_thresholds
from tests.contract.conftest import LEDGER
from tests.staging import Stage
from tests.unit.adapters.cloudwatch.scripted import ScriptedCloudWatch

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

DAY = timedelta(days=1)
TODAY = NOW.replace(hour=0)


class RefusingCloudWatch(ScriptedCloudWatch):
    """Refuses what begins on some days."""

    def __init__(self, refused: set[datetime]) -> None:
        super().__init__()
        self.refused = refused
        minutes = [NOW + DAY - index * MINUTE for index in range(4 * 1440)]
        for address in (MODEL, PROFILE):
            self.points["Invocations", address] = [(minute, 7.0) for minute in minutes]
        self.points["Heartbeat", "test"] = [(minute, 1.0) for minute in minutes]

    @override
    def get_metric_data(self, **request: Any) -> dict[str, Any]:
        """As it is scripted, or throttled."""
        if request["StartTime"] in self.refused:
            raise ClientError({"Error": {"Code": "Throttling", "Message": ""}}, "GetMetricData")
        return super().get_metric_data(**request)

    def put_metric_data(self, **_: Any) -> None:
        """The heartbeats are there already."""


def decided(
    cloud: RefusingCloudWatch,
    dynamodb: "DynamoDBClient",
    now: datetime,
    model_ids: tuple[str, ...] = (MODEL,),
) -> Observation:
    """What a tick of a new process sees of a target with these addresses."""
    thresholds = build_thresholds(observing={"history_days": 2})
    version = f"{len(model_ids):016x}"
    target = build_target(model_ids=model_ids, thresholds=thresholds, settings_version=version)
    scene = Stage(target)
    scene.clock.advance(now - NOW)
    scene.metrics = CloudWatchMetrics(cloud.client, "test")  # type: ignore[assignment] # no fake here
    scene.decisions = DynamoDecisions(dynamodb, LEDGER)  # type: ignore[assignment] # no fake here
    scene.history = PackedHistory(dynamodb, LEDGER)  # type: ignore[assignment] # no fake here
    scene.wire()
    scene.decide()
    recorded = scene.decisions.latest("chat", Loop.CAPACITY)
    assert recorded is not None
    loaded = scene.decisions.load(recorded.decision.id, scene.history)
    assert loaded is not None
    return loaded.situation.observation


def known_days(traffic: Traffic) -> float:
    """Days' worth of minutes that are known."""
    return int(np.isfinite(traffic.invocations).sum()) / 1440


def test_days_that_were_refused_are_read_by_a_later_process(dynamodb: "DynamoDBClient") -> None:
    yesterday, before = TODAY - DAY, TODAY - 2 * DAY
    cloud = RefusingCloudWatch({yesterday})

    first = decided(cloud, dynamodb, NOW)
    cloud.refused.clear()
    second = decided(cloud, dynamodb, NOW + 15 * MINUTE)

    assert first.unread == (before, yesterday)
    assert known_days(first.traffic) == pytest.approx(0.5, abs=0.01)
    assert second.unread == ()
    assert known_days(second.traffic) == pytest.approx(2, abs=0.05)


def test_the_past_of_a_new_address_is_read_by_a_process_that_remembers_nothing(
    dynamodb: "DynamoDBClient",
) -> None:
    cloud = RefusingCloudWatch(set())

    alone = decided(cloud, dynamodb, NOW)
    cloud.refused.add(TODAY - DAY)
    behind = decided(cloud, dynamodb, NOW + 15 * MINUTE, (MODEL, PROFILE))
    cloud.refused.clear()
    both = decided(cloud, dynamodb, NOW + 30 * MINUTE, (MODEL, PROFILE))

    assert (alone.unread, both.unread) == ((), ())
    assert behind.unread == (TODAY - 2 * DAY, TODAY - DAY)
    np.testing.assert_equal(np.unique(alone.traffic.invocations), [7.0])
    # Each hour of the packed days has gained it, and lost nothing.
    np.testing.assert_equal(np.unique(both.traffic.invocations), [14.0])
