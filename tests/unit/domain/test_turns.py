"""In which order throughputs leave where an hour has no room for all."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bedrock_autoscaler.domain.acting.turns import Leaver, Pace, saved_by_waiting

ONE_AN_HOUR = Pace(units=1, minutes=60, period=60)


def leaver(units: int, chance: float = 0.0, notice: float = 1.0) -> Leaver:
    return Leaver(units=units, chance=chance, notice=notice)


@pytest.mark.parametrize(
    ("others", "saved"),
    [
        ([], 0.0),
        ([leaver(2, 50)], 0.0),
        ([leaver(3, 50)], 60.0),
        ([leaver(5, 50)], 180.0),
        ([leaver(2, 25), leaver(2, 35)], 60.0),
    ],
    ids=[
        "none waits",
        "twice as large: each pays two unit-hours for the other",
        "three times",
        "five times",
        "two of two units",
    ],
)
def test_it_waits_where_larger_ones_are_paid_for_longer_else(
    others: list[Leaver], saved: float
) -> None:
    assert saved_by_waiting(leaver(1), others, ONE_AN_HOUR) == pytest.approx(saved)


def test_nothing_waits_for_one_whose_turn_comes_when_its_own_units_count_no_more() -> None:
    pace = Pace(units=1, minutes=60, period=480)

    assert saved_by_waiting(leaver(1), [leaver(5, 300)], pace) == 0.0


def test_nothing_waits_where_the_hour_has_room_for_both() -> None:
    pace = Pace(units=6, minutes=60, period=60)

    assert saved_by_waiting(leaver(1), [leaver(5, 50)], pace) == 0.0


def test_a_longer_notice_holds_the_others_back_for_longer() -> None:
    """Gone after 20 minutes, the small one counts until the eightieth."""
    found = [
        saved_by_waiting(leaver(1, 0, 20), [leaver(3, at, 20)], ONE_AN_HOUR) for at in (15, 25)
    ]

    assert found == pytest.approx([240.0, 60.0])


def test_of_many_the_largest_four_count() -> None:
    small, large = [leaver(2, 5 + i) for i in range(9)], [leaver(9, 30 + i) for i in range(4)]

    assert saved_by_waiting(leaver(1), [*small, *large], ONE_AN_HOUR) == saved_by_waiting(
        leaver(1), large, ONE_AN_HOUR
    )


@given(
    first=st.integers(1, 6),
    others=st.lists(st.tuples(st.integers(1, 6), st.floats(0, 59)), max_size=3),
)
def test_nothing_waits_for_what_is_not_larger_where_one_leaves_an_hour(
    first: int, others: list[tuple[int, float]]
) -> None:
    smaller = [leaver(min(units, first), chance) for units, chance in others]

    assert saved_by_waiting(leaver(first), smaller, ONE_AN_HOUR) == pytest.approx(0.0)
