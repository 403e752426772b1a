from datetime import UTC, datetime

import pytest

from bedrock_autoscaler.domain.decide import decide
from bedrock_autoscaler.domain.decision import decision_id
from bedrock_autoscaler.domain.target import Loop
from tests.builders import NOW, build_situation

LONGEST = "a" * 32


def test_an_id_derives_from_target_loop_and_scheduled_time() -> None:
    assert decision_id("chat", Loop.CAPACITY, NOW) == "chat-capacity-20261120T120000Z"


@pytest.mark.parametrize("loop", Loop)
def test_an_id_leaves_room_for_a_suffix_within_63_characters(loop: Loop) -> None:
    assert len(decision_id(LONGEST, loop, datetime(2026, 1, 1, tzinfo=UTC))) <= 58


def test_a_decision_without_an_action_is_a_hold() -> None:
    assert decide(build_situation()).is_hold
