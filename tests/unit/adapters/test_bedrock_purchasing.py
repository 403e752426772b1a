from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bedrock_autoscaler.adapters.bedrock import (
    BedrockPurchasing,
)
from bedrock_autoscaler.application.errors import (
    CapacityUnavailableError,
    ObservationError,
    UnknownOutcomeError,
)
from bedrock_autoscaler.domain.target import Commitment
from bedrock_autoscaler.domain.units import HOUR, MINUTE
from bedrock_world.faults import When
from tests.bedrock_stage import CREATE, OWN, POOL, Stage, first_page_then_nothing
from tests.builders import NOW, PT_MODEL
from tests.recorded import build_purchase


def test_a_purchase_sends_what_was_stored_and_no_term(stage: Stage) -> None:
    intent = build_purchase()

    stage.purchasing.buy(intent)

    (body,) = stage.bodies
    assert body == {
        "clientRequestToken": intent.token,
        "provisionedModelName": intent.name,
        "modelId": PT_MODEL,
        "modelUnits": 1,
        "tags": [
            {"key": "bedrock-autoscaler:deployment", "value": "test"},
            {"key": "bedrock-autoscaler:target", "value": "chat"},
            {"key": "bedrock-autoscaler:decision", "value": intent.decision_id},
        ],
    }


@pytest.mark.parametrize("term", [Commitment.ONE_MONTH, Commitment.SIX_MONTHS])
def test_an_intent_with_a_term_is_refused_before_any_call(stage: Stage, term: Commitment) -> None:
    with pytest.raises(CapacityUnavailableError) as caught:
        stage.purchasing.buy(build_purchase(commitment=term))

    assert caught.value.code == "CommitmentRefused"
    assert stage.calls[CREATE] == 0


@pytest.mark.parametrize(
    ("term", "sent"), [(Commitment.ONE_MONTH, "OneMonth"), (Commitment.SIX_MONTHS, "SixMonths")]
)
def test_a_term_is_sent_only_for_the_consent_that_was_used_up(
    stage: Stage, term: Commitment, sent: str
) -> None:
    stage.purchasing.buy(build_purchase(commitment=term, consent_id="c-1"))
    stage.purchasing.buy(build_purchase(NOW + 15 * MINUTE))

    first, second = stage.bodies
    assert first["commitmentDuration"] == sent
    assert "commitmentDuration" not in second


@pytest.mark.parametrize("lost_answers", [1, 2])
def test_an_answer_that_is_lost_after_the_effect_buys_once(stage: Stage, lost_answers: int) -> None:
    stage.fail(CREATE, When.DROP_AFTER, times=lost_answers)

    arn = stage.purchasing.buy(build_purchase())

    (listed,) = stage.capacity.inventory().throughputs
    assert listed.arn == arn


@pytest.mark.parametrize("when", [When.DROP_BEFORE, When.DROP_AFTER])
def test_a_call_that_never_gets_an_answer_has_no_certain_outcome(stage: Stage, when: When) -> None:
    stage.fail(CREATE, when, times=3)

    with pytest.raises(UnknownOutcomeError, match="ConnectionClosedError"):
        stage.purchasing.buy(build_purchase())


def test_a_refusal_of_a_retry_proves_nothing(stage: Stage) -> None:
    # The first attempt takes effect, its answer is lost, and the second one hits the quota.
    stage.world.reconfigure(applied_quotas={POOL: 1, OWN: 1}, token_lifetime=timedelta(seconds=1))
    stage.fail(CREATE, When.DROP_AFTER)
    stage.fail(CREATE, When.BEFORE, code="ServiceQuotaExceededException")

    with pytest.raises(UnknownOutcomeError, match="ServiceQuotaExceededException"):
        stage.purchasing.buy(build_purchase())

    assert len(stage.capacity.inventory().throughputs) == 1


@pytest.mark.parametrize(
    "code", ["ServiceQuotaExceededException", "AccessDeniedException", "ValidationException"]
)
def test_a_refusal_is_not_retried(stage: Stage, code: str) -> None:
    """Bedrock would sell at the second attempt."""
    stage.fail(CREATE, code=code)

    with pytest.raises(CapacityUnavailableError) as caught:
        stage.purchasing.buy(build_purchase())

    assert caught.value.code == code
    assert stage.capacity.inventory().throughputs == ()


def test_a_request_that_the_sdk_refuses_to_send_bought_nothing(stage: Stage) -> None:
    with pytest.raises(CapacityUnavailableError) as caught:
        stage.purchasing.buy(build_purchase(model_units=0))

    assert caught.value.code == "ParamValidationError"
    assert stage.capacity.inventory().throughputs == ()


def test_a_purchase_that_lists_do_not_show_yet_is_found_by_its_name(stage: Stage) -> None:
    stage.world.reconfigure(list_lag=timedelta(minutes=15))
    intent = build_purchase()
    arn = stage.purchasing.buy(intent)

    found = stage.purchasing.find(intent)

    assert stage.capacity.inventory().throughputs == ()
    assert found is not None
    assert found.arn == arn


def test_a_name_without_tags_is_no_proof(stage: Stage) -> None:
    stage.world.reconfigure(tag_lag=timedelta(minutes=5))
    intent = build_purchase()
    stage.purchasing.buy(intent)

    with pytest.raises(ObservationError, match="no owner tag yet"):
        stage.purchasing.find(intent)

    stage.world.advance(5 * MINUTE)
    assert stage.purchasing.find(intent) is not None


def test_a_throughput_whose_tags_were_taken_away_is_neither_ours_nor_gone(stage: Stage) -> None:
    intent = build_purchase()
    arn = stage.purchasing.buy(intent)
    stage.world.advance(HOUR)
    tags = [tag["key"] for tag in stage.client.list_tags_for_resource(resourceARN=arn)["tags"]]
    stage.client.untag_resource(resourceARN=arn, tagKeys=tags)

    with pytest.raises(ObservationError, match="no owner tag"):
        stage.purchasing.find(replace(intent, arn=arn))


def test_a_throughput_that_carries_tags_of_others_now_is_not_ours_whatever_lists_remember(
    stage: Stage,
) -> None:
    intent, other = build_purchase(), build_purchase(NOW + HOUR)
    arn = stage.purchasing.buy(intent)
    stage.world.advance(HOUR)
    assert stage.purchasing.find(other) is None  # the whole list was read for that
    stage.client.tag_resource(
        resourceARN=arn,
        tags=[{"key": "bedrock-autoscaler:deployment", "value": "someone-else"}],
    )

    assert stage.purchasing.find(replace(intent, arn=arn)) is None


def test_a_renamed_purchase_is_found_by_its_tags(stage: Stage) -> None:
    intent = build_purchase()
    arn = stage.purchasing.buy(intent)
    stage.world.advance(15 * MINUTE)
    stage.client.update_provisioned_model_throughput(
        provisionedModelId=arn, desiredProvisionedModelName="renamed-by-hand"
    )

    found = stage.purchasing.find(intent)

    assert found is not None
    assert found.arn == arn


def test_a_purchase_of_known_arn_is_found_though_it_was_renamed_before_lists_show_it(
    stage: Stage,
) -> None:
    intent = build_purchase()
    arn = stage.purchasing.buy(intent)
    stage.world.advance(15 * MINUTE)
    stage.world.reconfigure(list_lag=HOUR)
    stage.client.update_provisioned_model_throughput(
        provisionedModelId=arn, desiredProvisionedModelName="renamed-by-hand"
    )
    assert stage.capacity.inventory().throughputs == ()

    found = stage.purchasing.find(replace(intent, arn=arn))

    assert found is not None
    assert found.arn == arn


def test_what_is_gone_is_so_whatever_lists_show_and_tags_are_remembered(stage: Stage) -> None:
    stage.world.reconfigure(list_lag=15 * MINUTE)
    bought = {}
    for quarter in range(2):
        intent = build_purchase(NOW + quarter * 15 * MINUTE)
        bought[stage.purchasing.buy(intent)] = intent
    stage.world.advance(20 * MINUTE)
    for arn in bought:
        stage.client.update_provisioned_model_throughput(
            provisionedModelId=arn, desiredProvisionedModelName=f"renamed-{arn[-8:]}"
        )
    assert all(stage.purchasing.find(intent) for intent in bought.values())
    for arn in bought:
        stage.client.delete_provisioned_model_throughput(provisionedModelId=arn)
    assert {pt.arn for pt in stage.capacity.inventory().throughputs} == set(bought)

    found = [stage.purchasing.find(replace(intent, arn=arn)) for arn, intent in bought.items()]

    assert found == [None, None]


def test_a_throughput_of_another_deployment_is_not_ours(stage: Stage) -> None:
    intent = build_purchase()
    BedrockPurchasing(stage.client, "other").buy(intent)

    assert stage.purchasing.find(intent) is None


@pytest.mark.parametrize("other", [{"model_units": 2}, {"model_id": "vendor.other-v1:0"}])
def test_what_only_has_our_tags_is_not_the_purchase(stage: Stage, other: dict[str, Any]) -> None:
    intent = build_purchase()
    stage.purchasing.buy(intent)
    stage.world.advance(15 * MINUTE)

    assert stage.purchasing.find(intent) is not None
    assert stage.purchasing.find(replace(intent, name="another-name", **other)) is None


def test_absence_from_a_list_that_breaks_off_proves_nothing(stage: Stage) -> None:
    stage.buy(4)
    stage.world.reconfigure(page_size=2)
    first_page_then_nothing(stage)

    with pytest.raises(ObservationError, match="incomplete list"):
        stage.purchasing.find(build_purchase(NOW + HOUR))
