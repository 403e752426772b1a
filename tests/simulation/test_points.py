"""Every single fault at every call of twelve stories; of all, and pairs of faults, in the soak.

Of the endpoint and of the approval the calls that only they make, and those of their actors.
"""

from dataclasses import replace

import pytest

from tests.simulation.conftest import Tell
from tests.simulation.faults import Kind
from tests.simulation.points import (
    boundaries_of,
    each_pair,
    quick_boundaries,
    run_with,
    single_faults,
    sweep,
)
from tests.simulation.stories import BRIEF, STORIES, STRUCK
from tests.simulation.story import Story


def _named(story: Story) -> str:
    return story.name


@pytest.mark.parametrize("story", [*BRIEF, *STORIES], ids=_named)
def test_a_story_without_faults_comes_to_its_end(story: Story) -> None:
    outcome = run_with(story, {})

    assert outcome.violations == ()
    assert story.must <= outcome.effects.keys()
    assert not story.never & outcome.effects.keys()


@pytest.mark.parametrize("story", [story for story in STORIES if story.name in STRUCK], ids=_named)
def test_any_fault_at_any_call_breaks_no_promise(story: Story, tell: Tell) -> None:
    boundaries = quick_boundaries(story)

    swept = sweep(story, single_faults(boundaries))

    tell(f"{story.name}: {swept.variants} single faults at {len(boundaries)} calls")
    assert swept.failures == ()
    # Before and after each call, and more kinds than one on each side.
    assert swept.variants >= 4 * len(boundaries)
    assert swept.struck == swept.variants


def test_a_pair_whose_second_fault_strikes_nothing_is_its_first_fault_alone() -> None:
    story = BRIEF[0]
    first, *seconds = boundaries_of(story)

    found = list(each_pair(story, (first.place, Kind.DEATH_BEFORE), seconds[::6]))

    # The first run dies at its first call, so that a second fault strikes in later runs alone.
    assert {outcome.strikes.total() for _, outcome in found} == {1, 2}
    for strikes, outcome in found:
        assert run_with(story, strikes) == replace(outcome, struck=strikes)


def test_twelve_stories_are_struck_at_each_call() -> None:
    assert sum(not story.struck for story in STORIES if story.name in STRUCK) == 12
    assert {story.name for story in STORIES} >= STRUCK
