"""One suite for the ports on Bedrock, over the fake and over the adapters with the world."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta

import boto3
import pytest

from bedrock_autoscaler.adapters.bedrock import (
    BedrockCapacity,
    BedrockPurchasing,
    BedrockReleasing,
)
from bedrock_autoscaler.adapters.models import load_models
from bedrock_autoscaler.application.errors import (
    CapacityUnavailableError,
    CommitmentActiveError,
    ThroughputNotFoundError,
)
from bedrock_autoscaler.application.ports.bedrock import Capacity, Purchasing, Releasing
from bedrock_autoscaler.domain.fleet.holdings import Status
from bedrock_autoscaler.domain.target import Commitment
from bedrock_autoscaler.domain.traffic.observation import ModelEnd
from bedrock_autoscaler.domain.units import MINUTE
from bedrock_world.inprocess import attach
from bedrock_world.settings import LifeCycle, WorldSettings
from bedrock_world.world import World
from tests.builders import NOW, PT_MODEL, REGION, pt_arn
from tests.fakes.fake_clock import FakeClock
from tests.fakes.memory_capacity import MemoryCapacity
from tests.fakes.recording_reporter import RecordingReporter
from tests.recorded import build_purchase

QUOTA = 3
OWN_QUOTA = 5
RETIRED = "amazon.titan-embed-text-v1:2:8k"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bedrock:
    """The three ports on one Bedrock with a quota of three units and 15 minutes of lead time."""

    capacity: Capacity
    purchasing: Purchasing
    releasing: Releasing
    advance: Callable[[timedelta], object]
    commit: Callable[[str], str]


def over_memory() -> Bedrock:
    clock = FakeClock(NOW)
    memory = MemoryCapacity(clock, deployment="test")
    memory.quota[PT_MODEL] = QUOTA
    memory.own_quota[PT_MODEL] = OWN_QUOTA
    memory.inactive.add(RETIRED)

    def commit(name: str) -> str:
        return memory.add(
            name=name,
            model_id=PT_MODEL,
            commitment=Commitment.ONE_MONTH,
            committed_until=NOW + timedelta(days=30),
        )

    return Bedrock(
        capacity=memory,
        purchasing=memory,
        releasing=memory,
        advance=clock.advance,
        commit=commit,
    )


def over_the_world() -> Bedrock:
    world = World(
        WorldSettings(
            start=NOW,
            applied_quotas={"L-FE44174A": QUOTA, "L-07D3BCF0": OWN_QUOTA},
            life_cycles={"amazon.titan-embed-text-v1": LifeCycle(legacy=NOW)},
        )
    )
    bedrock = boto3.client("bedrock", region_name=REGION)
    quotas = boto3.client("service-quotas", region_name=REGION)
    attach(bedrock, world)
    attach(quotas, world)

    def commit(name: str) -> str:
        answer = bedrock.create_provisioned_model_throughput(
            provisionedModelName=name,
            modelId=PT_MODEL,
            modelUnits=1,
            commitmentDuration="OneMonth",
            clientRequestToken=name,
        )
        return answer["provisionedModelArn"]

    return Bedrock(
        capacity=BedrockCapacity(bedrock, quotas, load_models().codes_of, RecordingReporter()),
        purchasing=BedrockPurchasing(bedrock, "test"),
        releasing=BedrockReleasing(bedrock),
        advance=world.advance,
        commit=commit,
    )


@pytest.fixture(params=[over_memory, over_the_world], ids=["memory", "world"])
def bedrock(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Bedrock:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "111122223333")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    ports: Bedrock = request.param()
    return ports


def test_nothing_is_held_at_first(bedrock: Bedrock) -> None:
    inventory = bedrock.capacity.inventory()

    assert inventory.throughputs == ()
    assert inventory.complete


def test_a_purchase_carries_name_units_and_tags(bedrock: Bedrock) -> None:
    intent = build_purchase(model_units=2)

    arn = bedrock.purchasing.buy(intent)

    (listed,) = bedrock.capacity.inventory().throughputs
    assert (listed.arn, listed.name, listed.model_units) == (arn, intent.name, 2)
    assert (listed.deployment, listed.target) == ("test", "chat")
    assert listed.decision_id == intent.decision_id
    assert listed.model_arn.endswith(f"/{PT_MODEL}")


def test_a_purchase_has_no_term(bedrock: Bedrock) -> None:
    bedrock.purchasing.buy(build_purchase())

    (listed,) = bedrock.capacity.inventory().throughputs
    assert listed.commitment is Commitment.NONE
    assert listed.committed_until is None


def test_a_purchase_is_created_and_then_in_service(bedrock: Bedrock) -> None:
    arn = bedrock.purchasing.buy(build_purchase())
    before = bedrock.releasing.get(arn)

    bedrock.advance(15 * MINUTE)

    after = bedrock.releasing.get(arn)
    assert before is not None
    assert after is not None
    assert (before.status, after.status) == (Status.CREATING, Status.IN_SERVICE)
    assert before.created_at == after.created_at == NOW


def test_the_same_intent_buys_once(bedrock: Bedrock) -> None:
    intent = build_purchase()

    first, second = bedrock.purchasing.buy(intent), bedrock.purchasing.buy(intent)

    assert first == second
    assert len(bedrock.capacity.inventory().throughputs) == 1


def test_a_purchase_is_found_by_its_intent(bedrock: Bedrock) -> None:
    intent = build_purchase()
    arn = bedrock.purchasing.buy(intent)

    found = bedrock.purchasing.find(intent)

    assert found is not None
    assert found.arn == arn


def test_an_intent_that_bought_nothing_is_not_found(bedrock: Bedrock) -> None:
    bedrock.purchasing.buy(build_purchase())

    assert bedrock.purchasing.find(build_purchase(NOW + 15 * MINUTE)) is None


def test_a_purchase_above_the_quota_is_refused_and_buys_nothing(bedrock: Bedrock) -> None:
    bedrock.purchasing.buy(build_purchase(model_units=QUOTA))

    with pytest.raises(CapacityUnavailableError) as caught:
        bedrock.purchasing.buy(build_purchase(NOW + 15 * MINUTE))

    assert caught.value.code == "ServiceQuotaExceededException"
    assert len(bedrock.capacity.inventory().throughputs) == 1


def test_a_model_that_is_not_sold_any_more_is_refused(bedrock: Bedrock) -> None:
    with pytest.raises(CapacityUnavailableError):
        bedrock.purchasing.buy(build_purchase(model_id=RETIRED))


def test_a_name_that_is_taken_is_refused(bedrock: Bedrock) -> None:
    first = build_purchase()
    bedrock.purchasing.buy(first)

    with pytest.raises(CapacityUnavailableError):
        bedrock.purchasing.buy(replace(build_purchase(NOW + 15 * MINUTE), name=first.name))


def test_the_quota_that_binds_is_told(bedrock: Bedrock) -> None:
    assert bedrock.capacity.model_unit_quota(PT_MODEL) == QUOTA
    assert bedrock.capacity.model_unit_quota(PT_MODEL, Commitment.ONE_MONTH) == OWN_QUOTA


def test_a_model_without_an_announced_end_is_told_from_an_unread_one(bedrock: Bedrock) -> None:
    assert bedrock.capacity.end_of_life(PT_MODEL) == ModelEnd(at=None)


def test_the_life_cycle_of_a_model_is_told(bedrock: Bedrock) -> None:
    assert bedrock.capacity.is_active(PT_MODEL) is True
    assert bedrock.capacity.is_active(RETIRED) is False


def test_a_deleted_throughput_is_gone_at_once(bedrock: Bedrock) -> None:
    arn = bedrock.purchasing.buy(build_purchase())
    bedrock.advance(15 * MINUTE)

    bedrock.releasing.delete(arn)

    assert bedrock.releasing.get(arn) is None
    assert bedrock.capacity.inventory().throughputs == ()


def test_deleting_what_is_gone_says_so(bedrock: Bedrock) -> None:
    with pytest.raises(ThroughputNotFoundError):
        bedrock.releasing.delete(pt_arn(7))


def test_what_does_not_exist_is_none(bedrock: Bedrock) -> None:
    assert bedrock.releasing.get(pt_arn(7)) is None


def test_a_throughput_under_a_term_is_not_deleted(bedrock: Bedrock) -> None:
    arn = bedrock.commit("by-hand")
    bedrock.advance(15 * MINUTE)

    with pytest.raises(CommitmentActiveError):
        bedrock.releasing.delete(arn)

    found = bedrock.releasing.get(arn)
    assert found is not None
    assert found.commitment is Commitment.ONE_MONTH
    assert found.committed_until == NOW + timedelta(days=30)
    assert found.deployment is None
