"""Every single fault at every call of twelve stories; of all, and pairs of faults, in the soak.

Of the endpoint and of the approval the calls that only they make, and those of their actors.
"""

import pytest

from tests.simulation.conftest import Tell
from tests.simulation.points import quick_boundaries, run_with, single_faults, sweep
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


def test_twelve_stories_are_struck_at_each_call() -> None:
    assert sum(not story.struck for story in STORIES if story.name in STRUCK) == 12
    assert {story.name for story in STORIES} >= STRUCK
