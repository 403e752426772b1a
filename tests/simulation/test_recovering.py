"""The bounds on recovery; `python -m tests.simulation recovery` prints the numbers."""

from tests.simulation.recovering import after_the_last_fault, spillover_ticks


def test_intents_and_tables_are_right_again_in_time() -> None:
    totals = after_the_last_fault(1)

    assert totals.violations == []
    # Each schedule tells of both.
    assert sum(totals.recovered.values()) == 2 * totals.schedules.total()
    assert totals.recovered["callers had the table after 1 ticks"] > 0


def test_spillover_comes_within_two_ticks_of_pressure() -> None:
    assert 1 <= spillover_ticks() <= 2
