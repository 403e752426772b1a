"""Runs that overlap: at most one purchase for each decision, and caps that hold."""

from itertools import islice

import pytest

from tests.simulation.conftest import Tell
from tests.simulation.meeting import (
    MEETINGS,
    MOST_OVERLAPPING,
    Meeting,
    all_stand,
    calls_of_one,
    crowds,
    duplicates,
    each_way,
    meet,
    quick_ways,
)
from tests.simulation.schedule import Function
from tests.simulation.stories import STORIES
from tests.simulation.story import Story
from tests.simulation.sweeping import COPIES, COPIES_AT_ONCE


def _story(name: str) -> Story:
    return next(story for story in STORIES if story.name == name)


def _called(case: tuple[str, int, Function]) -> str:
    story, after, function = case
    return f"{function} {after} of {story}"


@pytest.mark.parametrize("meeting", MEETINGS, ids=lambda each: f"{each.story.name} {each.after}")
def test_a_run_that_stands_before_any_of_its_calls_while_others_go_by_does_no_harm(
    meeting: Meeting, tell: Tell
) -> None:
    met = meet(meeting, quick_ways(meeting))

    tell(f"{meeting.story.name}: {met.ways} ways in which a run stands")
    assert met.failures == ()
    assert met.ways >= 5 * len(meeting.firings)


@pytest.mark.parametrize("case", COPIES, ids=_called)
def test_two_to_eight_runs_before_the_same_call_do_no_harm(
    case: tuple[str, int, Function], tell: Tell
) -> None:
    name, after, function = case
    ways = list(crowds(function, _story(name), after))

    failures = [
        (what, violation)
        for meeting, way in ways
        for what, outcome in zip([way[0]], each_way(meeting, iter([way])), strict=True)
        for violation in outcome.violations
    ]

    tell(f"{name}: {len(ways)} ways in which 2 to {MOST_OVERLAPPING} {function} runs meet")
    assert failures == []
    assert {len(meeting.firings) for meeting, _ in ways} == set(range(2, 9))


@pytest.mark.parametrize("case", COPIES, ids=_called)
def test_sixteen_copies_of_one_event_have_one_effect(
    case: tuple[str, int, Function], tell: Tell
) -> None:
    name, after, function = case
    meeting = duplicates(function, _story(name), after, COPIES_AT_ONCE)
    count = calls_of_one(meeting)

    outcomes = list(each_way(meeting, islice(all_stand(count), count)))

    tell(f"{name}: {len(outcomes)} ways in which 16 {function} runs meet")
    assert [outcome.violations for outcome in outcomes] == [()] * count
    # Something comes of it: sixteen that all gave way would break no promise either.
    assert any(outcome.effects for outcome in outcomes)
