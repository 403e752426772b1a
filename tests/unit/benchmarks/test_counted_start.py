"""A dispatcher that knows nothing yet: how many calls it makes one after the other."""

from collections import Counter

import pytest

from benchmarks.counted_start import Starts

SIZE = 300
ALWAYS = 20
"""Calls whatever the number of targets: caps, prices, agenda, roster, heartbeats, first pages."""
TEN_A_CALL = SIZE / 10
"""The most documents that Parameter Store gives at once, and messages that SQS takes."""


@pytest.fixture(scope="module")
def runs() -> dict[str, Counter[str]]:
    """The first run, one after a deploy, and one after hours without a visit."""
    starts = Starts(SIZE)
    runs = {"first": starts.dispatch()}
    assert starts.visit() == SIZE
    runs["deployed"] = starts.dispatch()
    assert 0 < starts.visit() < SIZE / 5
    starts.clock.moment = starts.clock.moment.replace(hour=20)
    runs["late"] = starts.dispatch()
    assert starts.visit() == SIZE
    return runs


@pytest.mark.parametrize("run", ["deployed", "late"])
def test_what_is_kept_already_is_not_asked_for_target_by_target(
    runs: dict[str, Counter[str]], run: str
) -> None:
    calls = runs[run]

    assert calls["ssm:GetParametersByPath"] == TEN_A_CALL
    assert calls["sqs:SendMessageBatch"] <= TEN_A_CALL
    others = calls.total() - calls["ssm:GetParametersByPath"] - calls["sqs:SendMessageBatch"]
    assert others <= ALWAYS


def test_the_first_run_writes_each_document_and_each_version_once(
    runs: dict[str, Counter[str]],
) -> None:
    calls = runs["first"]

    assert calls["dynamodb:PutItem"] == 2 * SIZE + 1  # and the roster
    assert calls.total() <= 2 * SIZE + 2 * TEN_A_CALL + ALWAYS
