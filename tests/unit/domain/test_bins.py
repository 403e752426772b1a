from datetime import timedelta

import numpy as np
import pytest

from bedrock_autoscaler.domain.traffic.bins import mean_known, to_bins
from bedrock_autoscaler.domain.traffic.demand import Demand
from tests.builders import NOW

NAN = float("nan")


def demand_from(minute: int, load: list[float]) -> Demand:
    values = np.array(load)
    return Demand(start=NOW.replace(minute=minute), load=values, requests=values * 10)


def test_bins_begin_at_multiples_of_five_minutes() -> None:
    # From 12:02 the first whole bin is 12:05 to 12:09; the last minute, 12:10, fills none.
    bins = to_bins(demand_from(2, [9.0, 9.0, 9.0, 1.0, 2.0, 3.0, 4.0, 5.0, 9.0]))

    assert bins.start == NOW + timedelta(minutes=5)
    assert bins.load == pytest.approx([15.0])
    assert bins.requests == pytest.approx([150.0])


def test_a_bin_with_a_gap_is_scaled_up_from_its_known_minutes() -> None:
    # 1 + 2 + 3 in three of five minutes: 6 x 5 / 3 = 10.
    assert to_bins(demand_from(0, [1.0, 2.0, 3.0, NAN, NAN])).load == pytest.approx([10.0])


def test_a_bin_that_is_mostly_gap_is_a_gap() -> None:
    assert np.isnan(to_bins(demand_from(0, [1.0, 2.0, NAN, NAN, NAN])).load).all()


@pytest.mark.parametrize("minutes", range(9))
def test_less_than_a_whole_bin_gives_none(minutes: int) -> None:
    # From 12:01 the first whole bin ends with the ninth minute.
    assert to_bins(demand_from(1, [1.0] * minutes)).load.size == 0


def test_means_are_of_what_is_known() -> None:
    blocks = np.array([[1.0, 3.0, NAN], [NAN, NAN, NAN]])

    assert mean_known(blocks) == pytest.approx([2.0, NAN], nan_ok=True)
    assert mean_known(blocks, axis=0) == pytest.approx([1.0, 3.0, NAN], nan_ok=True)
