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
from tests.builders import MODEL, NOW, build_target, build_thresholds
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
        self.points["Invocations", MODEL] = [(minute, 7.0) for minute in minutes]
        self.points["Heartbeat", "test"] = [(minute, 1.0) for minute in minutes]

    @override
    def get_metric_data(self, **request: Any) -> dict[str, Any]:
        """As it is scripted, or throttled."""
        if request["StartTime"] in self.refused:
            raise ClientError({"Error": {"Code": "Throttling", "Message": ""}}, "GetMetricData")
        return super().get_metric_data(**request)

    def put_metric_data(self, **_: Any) -> None:
        """The heartbeats are there already."""


def decided(cloud: RefusingCloudWatch, dynamodb: "DynamoDBClient", now: datetime) -> Observation:
    """What a tick of a new process sees."""
    thresholds = build_thresholds(observing={"history_days": 2})
    scene = Stage(build_target(thresholds=thresholds))
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
