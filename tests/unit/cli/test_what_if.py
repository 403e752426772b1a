from dataclasses import replace

from bedrock_autoscaler.application.reviewing.what_if import Turn, what_if
from bedrock_autoscaler.cli.settings.what_if import to_document
from tests.builders import build_decision, build_target


def test_decisions_that_come_to_the_same_say_in_what_they_differ() -> None:
    before = build_decision(actual_units=2, allowed_units=2, desired_units=2)
    turn = Turn(before=before, after=replace(before, desired_units=3))
    result = replace(what_if(build_target(), []), turns=(turn,))

    told = str(to_document(result)["turns"])

    assert "hold 2 units (wanted 2, allowed 2)" in told
    assert "hold 2 units (wanted 3, allowed 2)" in told
