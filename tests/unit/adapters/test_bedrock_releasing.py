from datetime import timedelta
from typing import Any

import pytest

from bedrock_autoscaler.application.errors import (
    CommitmentActiveError,
    ThroughputNotFoundError,
    UnknownOutcomeError,
)
from bedrock_autoscaler.domain.units import MINUTE, moment_text
from bedrock_world.faults import When
from tests.bedrock_stage import DELETE, GET, Stage
from tests.builders import NOW, PT_MODEL


def _committed_by_hand(stage: Stage) -> str:
    made = stage.client.create_provisioned_model_throughput(
        provisionedModelName="by-hand",
        modelId=PT_MODEL,
        modelUnits=1,
        commitmentDuration="OneMonth",
    )
    return made["provisionedModelArn"]


@pytest.mark.parametrize("code", ["ConflictException", "ValidationException"])
def test_a_term_is_told_from_a_conflict_by_looking(stage: Stage, code: Any) -> None:
    stage.world.reconfigure(committed_delete_error=code)
    committed = _committed_by_hand(stage)
    (creating,) = stage.buy()

    with pytest.raises(CommitmentActiveError):
        stage.releasing.delete(committed)
    with pytest.raises(UnknownOutcomeError, match="ConflictException"):
        stage.releasing.delete(creating)


def test_a_term_that_forbids_a_delete_is_told_with_its_end(stage: Stage) -> None:
    committed = _committed_by_hand(stage)
    stage.world.advance(15 * MINUTE)

    with pytest.raises(CommitmentActiveError) as caught:
        stage.releasing.delete(committed)

    until = moment_text(NOW + timedelta(days=30))
    assert f"is under a term until {until}; Bedrock refused" in str(caught.value)


def test_a_conflict_that_cannot_be_looked_into_is_no_certain_outcome(stage: Stage) -> None:
    stage.buy()
    stage.fail(GET, code="AccessDeniedException")

    with pytest.raises(UnknownOutcomeError):
        stage.releasing.delete(stage.world.purchases.all[0].arn)


def test_a_deletion_whose_answer_is_lost_was_done(stage: Stage) -> None:
    (arn,) = stage.buy()
    stage.world.advance(15 * MINUTE)
    stage.fail(DELETE, When.DROP_AFTER)

    # The SDK's second attempt finds nothing to delete.
    with pytest.raises(ThroughputNotFoundError):
        stage.releasing.delete(arn)
