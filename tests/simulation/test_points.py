"""Every single fault at every call of twelve stories; of all, and pairs of faults, in the soak."""

import pytest

from tests.simulation.conftest import Tell
from tests.simulation.points import boundaries_of, run_with, single_faults, sweep
from tests.simulation.stories import BRIEF, STORIES, STRUCK, Story


def _named(story: Story) -> str:
    return story.name


@pytest.mark.parametrize("story", [*BRIEF, *STORIES], ids=_named)
def test_a_story_without_faults_comes_to_its_end(story: Story) -> None:
    outcome = run_with(story, {})

    assert outcome.violations == ()
    assert story.must <= outcome.effects.keys()


@pytest.mark.parametrize("story", [story for story in STORIES if story.name in STRUCK], ids=_named)
def test_any_fault_at_any_call_breaks_no_promise(story: Story, tell: Tell) -> None:
    boundaries = boundaries_of(story)

    swept = sweep(story, single_faults(boundaries))

    tell(f"{story.name}: {swept.variants} single faults at {len(boundaries)} calls")
    assert swept.failures == ()
    # Before and after each call, and more kinds than one on each side.
    assert swept.variants >= 4 * len(boundaries)
    assert swept.struck == swept.variants


def test_twelve_stories_are_struck_at_each_call() -> None:
    assert len(STRUCK) == 12
    assert {story.name for story in STORIES} >= STRUCK
