"""Each guard, switched off, is noticed by the quick run: what cannot fail proves nothing."""

import pytest

from tests.simulation.conftest import Tell
from tests.simulation.defects import Defect, hunt, planted
from tests.simulation.planted import DEFECTS
from tests.simulation.points import run_with
from tests.simulation.stories import STORIES


@pytest.mark.parametrize("defect", DEFECTS, ids=lambda each: each.guard)
def test_a_guard_that_is_switched_off_is_noticed(defect: Defect, tell: Tell) -> None:
    caught = hunt(defect)

    tell(f"defect: {caught.guard}: {caught.oracle} after {caught.tries} tries")
    assert caught.oracle


def test_at_least_twenty_guards_are_switched_off_in_turn() -> None:
    assert len({defect.guard for defect in DEFECTS}) >= 20


def test_a_defect_is_gone_once_it_was_noticed() -> None:
    with planted(DEFECTS[0]):
        assert run_with(STORIES[0], {}).violations

    assert run_with(STORIES[0], {}).violations == ()
